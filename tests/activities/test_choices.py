"""Every choice that a person has leads where it says, before, while and after QuickBooks is asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.errors import Duplicate
from domain.exceptions import Cause, Choice
from domain.links import LinkKind
from domain.shipments import Shipment
from store import billing, exceptions, orders
from store.session import transaction
from tests.activities.statements import differing, open_causes, stated, unordered
from tests.activities.worker import Worker
from tests.activities.world import (
    CAUSE,
    CREATES,
    House,
    amount_of,
    check_exactly_one,
)
from tests.build import line, order_for, order_line


@pytest.mark.parametrize(
    ("quantity", "price", "total"),
    [
        (Choice.BILL_ALL, Choice.BILL_ORDER_PRICE, "25.00"),
        (Choice.BILL_ALL, Choice.BILL_SHIPMENT_PRICE, "26.00"),
        (Choice.BILL_ORDERED, Choice.BILL_ORDER_PRICE, "20.00"),
        (Choice.BILL_ORDERED, Choice.BILL_SHIPMENT_PRICE, "20.80"),
    ],
)
def test_choices_on_quantity_and_price(
    house: House, worker: Worker, quantity: Choice, price: Choice, total: str
) -> None:
    """E2, O4."""
    made = differing(house)
    held = worker.prepare_range(house.deliver(made)).held
    assert open_causes(house, made.number) == [Cause.OVER_SHIPMENT]
    house.decide(held[made.number], quantity)
    held = worker.bill(made.number)
    assert open_causes(house, made.number) == [Cause.PRICE_DIFFERS]
    house.decide(held[made.number], price)
    assert not worker.bill(made.number)
    check_exactly_one(house, made.number, Decimal(total))


def test_choice_bill_without_order(house: House, worker: Worker) -> None:
    """O6: by the shipment's own words."""
    made = unordered(line(), freight=Decimal("4.00"))
    held = worker.prepare_range(house.deliver(made)).held
    house.decide(held[made.number], Choice.BILL_WITHOUT_ORDER)
    assert not worker.bill(made.number)
    check_exactly_one(house, made.number, amount_of(made))


def test_choice_use_customer(house: House, worker: Worker) -> None:
    """M2: another customer than the shipment names."""
    made = unordered(customer_number="99999999")
    house.order(order_for(made).model_copy(update={"customer_number": None}))
    held = worker.prepare_range(house.deliver(made)).held
    assert open_causes(house, made.number) == [Cause.UNKNOWN_CUSTOMER]
    house.decide(held[made.number], Choice.USE_CUSTOMER, "00000043")
    assert not worker.bill(made.number)
    check_exactly_one(house, made.number, amount_of(made))
    (there,) = house.books.billing(made.number)
    assert there["customer_id"] == house.external_id(LinkKind.CUSTOMER, "00000043")


def test_choice_retry_looks_again_and_holds_again(house: House, worker: Worker) -> None:
    """A retry that finds the same cause opens the work anew: it is never silent."""
    made = unordered()
    held = worker.prepare_range(house.deliver(made)).held
    house.decide(held[made.number], Choice.RETRY)
    again = worker.bill(made.number)
    assert again[made.number] != held[made.number]
    assert open_causes(house, made.number) == [Cause.UNKNOWN_ORDER]


def test_choice_do_not_bill_before_the_intent(house: House, worker: Worker) -> None:
    made = unordered()
    held = worker.prepare_range(house.deliver(made)).held
    house.decide(held[made.number], Choice.DO_NOT_BILL)
    house.order(order_for(made))
    assert not worker.bill(made.number)
    assert (house.state(made.number), house.open_work(made.number)) == ("not_billed/none", [])
    assert not house.books.billing(made.number)


def intended_against_a_decision(house: House, worker: Worker) -> tuple[Shipment, list[str]]:
    """A shipment that is intended although a person has decided not to bill it, as an older release could leave it."""
    made = unordered()
    held = worker.prepare_range(house.deliver(made)).held
    house.order(order_for(made))
    ids = worker.prepare(made.number).book
    with house.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE exceptions SET state = 'resolved', closed_at = now(), resolution = jsonb_build_object("
            "'exception_id', id::text, 'choice', 'do_not_bill', 'reason', 'r', 'decided_by', 'dana',"
            " 'decided_at', now()) WHERE id = %s",
            (held[made.number],),
        )
    return made, ids


def test_choice_do_not_bill_takes_back_what_was_not_sent(house: House, worker: Worker) -> None:
    """O10: withdrawn, and a worker that still has the intent at hand does not send it."""
    made, ids = intended_against_a_decision(house, worker)
    place = house.books.place()
    assert worker.prepare(made.number).settled == [made.number]
    assert house.state(made.number) == "not_billed/withdrawn"
    assert worker.book(ids).refused == [made.number]
    assert house.books.words(place) == []
    assert worker.note_unbooked(made.number) is None
    assert not house.open_work(made.number)


def test_choice_do_not_bill_comes_too_late_for_what_was_sent(house: House, worker: Worker) -> None:
    """O10: in flight, so its outcome is waited for."""
    made, ids = intended_against_a_decision(house, worker)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    assert worker.prepare(made.number).book == ids
    worker.book_patiently(ids)
    check_exactly_one(house, made.number, amount_of(made))


def test_a_withdrawal_and_a_booking_at_once_agree(house: House) -> None:
    """O10: either it is taken back and never sent, or it is sent and never taken back."""
    workers = [Worker(house), Worker(house)]
    for _ in range(8):
        made, ids = intended_against_a_decision(house, workers[0])
        with ThreadPoolExecutor(2) as pool:
            booking = pool.submit(workers[0].book_patiently, ids)
            taking_back = pool.submit(workers[1].prepare, made.number)
            booking.result(), taking_back.result()
        workers[0].bill(made.number)
        billed = len(house.books.billing(made.number))
        assert house.state(made.number) == ("invoiced/booked" if billed else "not_billed/withdrawn")
        assert billed == len(house.invoices(made.number)) <= 1
    for one in workers:
        one.close()


def test_a_decision_waits_for_the_step_under_way_and_is_told_the_truth(house: House, worker: Worker) -> None:
    """A person's `do not bill` is never taken and then not heard: the work is closed when it is being billed."""
    made = unordered()
    held = worker.prepare_range(house.deliver(made)).held
    house.order(order_for(made))
    with ThreadPoolExecutor(1) as pool:
        with transaction(house.engine, CAUSE) as session:
            assert len(list(_situations(session, made.number))) == 1
            deciding = pool.submit(house.decide, held[made.number], Choice.DO_NOT_BILL)
            exceptions.close_by_itself(session, ("shipment", made.number), datetime.now(UTC))
        with pytest.raises(Duplicate):
            deciding.result()


def _situations(session: Any, number: str) -> list[billing.Situation]:
    return billing.situations(session, [number])


def refused(house: House, worker: Worker) -> tuple[Shipment, str, str]:
    """A shipment that QuickBooks refuses because somebody's invoice has its number; that one's id; the exception."""
    made = stated(house)
    foreign = house.books.invoice_by_hand(
        house.token(),
        house.external_id(LinkKind.CUSTOMER, "00000042"),
        house.external_id(LinkKind.ITEM, "BOLT"),
        str(amount_of(made)),
        DocNumber=made.number,
    )
    worker.prepare_range(house.deliver(made))
    return made, foreign, worker.bill(made.number)[made.number]


def test_choice_retry_after_a_refusal_sends_the_same_once_more(house: House, worker: Worker) -> None:
    """The same payload keeps its generation, its number and its request id, and is looked up first."""
    made, foreign, exception_id = refused(house, worker)
    before = house.intents(made.number)[made.number]
    house.books.edit("Invoice", foreign, DocNumber=f"OLD-{foreign}")
    house.decide(exception_id, Choice.RETRY)
    place = house.books.place()
    assert not worker.bill(made.number)
    assert house.books.words(place) == ["query", "query", "invoice"]
    after = house.intents(made.number)[made.number]
    assert (after.id, after.draft.request_id) == (before.id, before.draft.request_id)
    check_exactly_one(house, made.number, amount_of(made))


def test_choice_retry_after_a_refusal_with_another_payload_is_a_new_generation(house: House, worker: Worker) -> None:
    """Section 20.1: a changed payload needs a new request id, else the old answer would be replayed."""
    made, _, exception_id = refused(house, worker)
    house.order(
        order_for(made).model_copy(
            update={"lines": (order_line(unit_price=Decimal("2.4999")),), "version_at": datetime.now(UTC)}
        )
    )
    with transaction(house.engine, CAUSE) as session:
        assert orders.get_many(session, [made.order_number])[made.order_number].lines[0].unit_price < Decimal("2.50")
    house.decide(exception_id, Choice.RETRY)
    held = worker.bill(made.number)
    assert open_causes(house, made.number) == [Cause.PRICE_DIFFERS]
    house.decide(held[made.number], Choice.BILL_ORDER_PRICE)
    assert not worker.bill(made.number)
    found = house.intents(made.number)[made.number]
    assert (found.draft.generation, found.draft.doc_number) == (2, f"{made.number}-2")
    check_exactly_one(house, made.number, Decimal("25.00"))


def test_choice_bill_again_is_a_second_generation(house: House, worker: Worker) -> None:
    made, _, exception_id = refused(house, worker)
    first = house.intents(made.number)[made.number]
    house.decide(exception_id, Choice.BILL_AGAIN)
    assert not worker.bill(made.number)
    second = house.intents(made.number)[made.number]
    assert (first.draft.generation, second.draft.generation) == (1, 2)
    assert first.draft.request_id != second.draft.request_id
    check_exactly_one(house, made.number, amount_of(made))


def test_choice_adopt_invoice(house: House, worker: Worker) -> None:
    """E10: somebody has billed it by hand; nothing is sent."""
    made, foreign, exception_id = refused(house, worker)
    house.decide(exception_id, Choice.ADOPT_INVOICE, foreign)
    place = house.books.place()
    assert not worker.bill(made.number)
    assert house.books.words(place) == [foreign]  # one read of that invoice
    (row,) = house.invoices(made.number)
    assert (row.quickbooks_id, row.adopted, house.state(made.number)) == (foreign, True, "invoiced/booked")
    assert not house.open_work(made.number)


@pytest.mark.parametrize("named", ["missing", "other customer", "other shipment", "adopted before"])
def test_choice_adopt_invoice_takes_only_what_bills_this_shipment(house: House, worker: Worker, named: str) -> None:
    """E10: refused again, in words, and open for another choice."""
    made, foreign, exception_id = refused(house, worker)
    wrong: dict[str, Callable[[], str]] = {
        "missing": lambda: "987654321",
        "other customer": lambda: house.books.invoice_by_hand(
            house.token(),
            house.external_id(LinkKind.CUSTOMER, "00000043"),
            house.external_id(LinkKind.ITEM, "BOLT"),
            "25.00",
            DocNumber=f"HAND-{made.number}",
        ),
        "other shipment": lambda: _billed(house, worker),
        "adopted before": lambda: _adopted(house, worker),
    }
    house.decide(exception_id, Choice.ADOPT_INVOICE, wrong[named]())
    held = worker.bill(made.number)
    assert open_causes(house, made.number) == [Cause.INVOICE_REJECTED]
    house.decide(held[made.number], Choice.ADOPT_INVOICE, foreign)
    assert not worker.bill(made.number)
    assert [row.quickbooks_id for row in house.invoices(made.number)] == [foreign]


def _billed(house: House, worker: Worker) -> str:
    other = stated(house)
    worker.prepare_range(house.deliver(other))
    worker.bill(other.number)
    return house.invoices(other.number)[0].quickbooks_id


def _adopted(house: House, worker: Worker) -> str:
    other, foreign, exception_id = refused(house, worker)
    house.decide(exception_id, Choice.ADOPT_INVOICE, foreign)
    worker.bill(other.number)
    return foreign


def test_choice_do_not_bill_after_a_refusal(house: House, worker: Worker) -> None:
    made, _, exception_id = refused(house, worker)
    house.decide(exception_id, Choice.DO_NOT_BILL)
    assert not worker.bill(made.number)
    assert not worker.bill(made.number)
    assert (house.state(made.number), house.open_work(made.number)) == ("not_billed/refused", [])
