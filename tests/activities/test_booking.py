"""Booking under every failure that QuickBooks knows: whatever goes wrong, each shipment gets exactly one invoice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause, Choice
from domain.links import LinkKind
from domain.shipments import Shipment
from tests.activities.world import (
    CREATES,
    Death,
    House,
    Life,
    Worker,
    amount_of,
    check_exactly_one,
    fresh_number,
)
from tests.build import line, order_for, shipment

UNCERTAIN, INTENDED, BOOKED = "intended/uncertain", "intended/intended", "invoiced/booked"


@dataclass(frozen=True)
class Trouble:
    """A fault, the state in which the first attempt leaves an intent, and whether the invoice was there by then."""

    kind: str
    state: str
    there: bool = False
    rule: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.kind, *(str(value) for value in self.rule.values())])


TROUBLES = (
    Trouble("commit_then_hang", UNCERTAIN, there=True),
    Trouble("commit_then_reset", UNCERTAIN, there=True),
    Trouble("status", UNCERTAIN, there=True, rule={"status": 500, "commit": True}),
    Trouble("reset_before", UNCERTAIN),
    Trouble("hang_before", UNCERTAIN),
    Trouble("status", UNCERTAIN, rule={"status": 500, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 503, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 504, "body": "html"}),
    Trouble("status", UNCERTAIN, rule={"status": 502, "body": "empty"}),
    Trouble("fault_in_200", UNCERTAIN),
    Trouble("stream_timeout", UNCERTAIN),
    Trouble("status", INTENDED, rule={"status": 429}),  # in the twin's default form, XML
    Trouble("inventory_lock", INTENDED),
    Trouble("expired_token_once", BOOKED),
)


def stated(house: House, count: int, **more: Any) -> list[Shipment]:
    """Shipments that bill at once, each with its order: fractions of a cent, freight, two units of measure."""
    made = [
        shipment(
            line(1, quantity_shipped=Decimal(7 + place), unit_price=Decimal("1.1150")),
            line(2, sku="NUT", quantity_shipped=Decimal(3), uom="BX", unit_price=Decimal("20.2550")),
            number=(number := fresh_number()),
            order_number=f"SO-{number}",
            freight=Decimal("12.50") if place % 2 else Decimal(0),
            **more,
        )
        for place in range(count)
    ]
    house.order(*(order_for(one) for one in made))
    return made


def intended(house: House, worker: Worker, count: int) -> tuple[list[Shipment], list[str]]:
    made = stated(house, count)
    return made, worker.prepare_range(house.deliver(*made)).book


def check_all(house: House, made: list[Shipment]) -> None:
    for one in made:
        check_exactly_one(house, one.number, amount_of(one))
        assert not house.open_work(one.number)


def read_as_refused(house: House, made: Shipment) -> None:
    """A refusal was read while an earlier attempt was still under way."""
    with house.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE invoice_intents SET state = 'refused', settled_at = now() WHERE shipment_number = %s",
            (made.number,),
        )


def request_ids(house: House, after: int) -> set[str]:
    creates = [one for one in house.books.journal(after) if one["path"].endswith(("/invoice", "/batch"))]
    return {part for one in creates for part in one["query"].split("&") if part.startswith("requestid")}


@pytest.mark.parametrize("way", ["single", "batch"])
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_one_invoice_whatever_happens_to_the_call(house: House, worker: Worker, trouble: Trouble, way: str) -> None:
    """G-E3, G-E4, E13: an uncertain call is looked up by number, then by marker, then sent under the same id."""
    made, ids = intended(house, worker, 1 if way == "single" else 3)
    house.books.fault(trouble.kind, path=CREATES[{"single": "invoice"}.get(way, way)], seconds=30, **trouble.rule)
    place = house.books.place()
    if trouble.state is BOOKED:
        worker.book(ids)
    else:
        first = Worker(house, read_timeout=1.0) if "hang" in trouble.kind else worker
        with pytest.raises(ApplicationError) as raised:
            first.book(ids)
        assert not raised.value.non_retryable
        assert {house.state(one.number) for one in made} == {trouble.state}
        assert sum(len(house.books.billing(one.number)) for one in made) == (len(made) if trouble.there else 0)
        first.close()
        worker.connect()
        worker.book_patiently(ids)
    check_all(house, made)
    assert all(row.adopted is trouble.there for row in house.invoices(*(one.number for one in made)))
    assert len(request_ids(house, place)) == 1
    word = {"single": "invoice"}.get(way, way)
    looked_up = {UNCERTAIN: len(made) * (1 if trouble.there else 2), INTENDED: 0, BOOKED: 0}[trouble.state]
    again = [] if trouble.there else [word]
    assert house.books.words(place) == [word, *["query"] * looked_up, *again]


@pytest.mark.parametrize("way", ["single", "batch"])
def test_a_slow_quickbooks_is_not_asked_twice_for_one_invoice(house: House, way: str) -> None:
    """The first call is still under way there while the second is made: the request id makes them one (S30)."""
    hasty = Worker(house, read_timeout=0.4)
    made, ids = intended(house, hasty, 1 if way == "single" else 3)
    house.books.fault("slow", path=CREATES["invoice" if way == "single" else "batch"], seconds=0.8)
    with pytest.raises(ApplicationError):
        hasty.book(ids)
    hasty.close()
    steady = Worker(house, read_timeout=10)
    steady.book_patiently(ids)
    made_late, late = intended(house, steady, 1)
    steady.book_patiently(late)
    steady.close()
    check_all(house, made + made_late)


@pytest.mark.parametrize("kind", ["reset_before", "status"])
def test_trouble_while_looking_up_sends_nothing(house: House, worker: Worker, kind: str) -> None:
    """What cannot be looked up is not sent: the probe comes first, always."""
    made, ids = intended(house, worker, 2)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    house.books.fault(kind, path="/query$", status=503, body="html", times=3)
    place = house.books.place()
    worker.book_patiently(ids)
    assert house.books.words(place).count("batch") == 1
    check_all(house, made)


def test_a_batch_half_taken_is_completed_and_not_repeated(house: House, worker: Worker) -> None:
    """One item is refused, the answer to all is lost: what is there is adopted, the rest is asked for again."""
    made, ids = intended(house, worker, 3)
    customer_id = house.external_id(LinkKind.CUSTOMER, "00000042")
    item_id = house.external_id(LinkKind.ITEM, "PIPE")
    house.books.invoice_by_hand(house.token(), customer_id, item_id, "5.00", DocNumber=made[1].number)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    worker.book_patiently(ids)
    assert house.state(made[1].number) == "intended/refused"
    check_all(house, [made[0], made[2]])
    assert not house.books.billing(made[1].number)


@pytest.mark.parametrize("way", ["single", "batch"])
def test_a_number_that_quickbooks_replaced_is_found_by_our_marker(house: House, worker: Worker, way: str) -> None:
    """E11: custom numbers are off, so the lookup by number finds nothing."""
    house.books.set(custom_txn_numbers=False, supplied_number="override")
    made, ids = intended(house, worker, 1 if way == "single" else 3)
    house.books.fault("commit_then_reset", path=CREATES["invoice" if way == "single" else "batch"])
    place = house.books.place()
    worker.book_patiently(ids)
    check_all(house, made)
    assert house.books.words(place)[1:] == ["query"] * 2 * len(made)
    assert all(row.doc_number != row.shipment_number for row in house.invoices(*(one.number for one in made)))


@pytest.mark.parametrize("numbers", ["kept", "replaced"])
def test_a_forgotten_request_id_makes_no_second_invoice(house: House, worker: Worker, numbers: str) -> None:
    """The outcome stays uncertain for longer than QuickBooks remembers requests, and numbers need not be unique."""
    house.books.set(custom_txn_numbers=numbers == "kept", warn_duplicate_numbers=False)
    made, ids = intended(house, worker, 2)
    house.books.fault("commit_then_reset", path=CREATES["batch"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    house.books.forget_requests()
    worker.book_patiently(ids)
    check_all(house, made)


def test_a_voided_invoice_is_adopted_and_shown_and_never_made_again(house: House, worker: Worker) -> None:
    """E9: somebody voids it before the gateway knows that it is there."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="void")
    worker.book_patiently(ids)
    assert not house.books.billing(made.number)
    assert house.state(made.number) == BOOKED
    assert [one.cause for one in house.open_work(made.number)] == [Cause.INVOICE_DIFFERS]


def refused(house: House, worker: Worker, **more: Any) -> tuple[Shipment, str]:
    """A shipment whose number is taken in QuickBooks by somebody else's invoice; answers it and that one's id."""
    (made,) = stated(house, 1, **more)
    foreign = house.books.invoice_by_hand(
        house.token(),
        house.external_id(LinkKind.CUSTOMER, made.customer_number),
        house.external_id(LinkKind.ITEM, "PIPE"),
        str(amount_of(made)),
        DocNumber=made.number,
    )
    worker.prepare_range(house.deliver(made))
    return made, foreign


def test_a_foreign_invoice_with_our_number_is_refused_and_choices_work(house: House, worker: Worker) -> None:
    """E11: a person bills again under a new number."""
    made, foreign = refused(house, worker)
    held = worker.bill(made.number)
    (item,) = house.open_work(made.number)
    assert (item.cause, item.id) == (Cause.DOC_NUMBER_TAKEN, held[made.number])
    assert set(item.choices) == {Choice.RETRY, Choice.BILL_AGAIN, Choice.ADOPT_INVOICE, Choice.DO_NOT_BILL}
    assert house.shipment(made.number).state == "held"
    house.decide(item.id, Choice.BILL_AGAIN)
    assert not worker.bill(made.number)
    check_all(house, [made])
    assert house.invoices(made.number)[0].doc_number == f"{made.number}-2"
    assert foreign in {one["id"] for one in house.books.ledger()}


def test_our_own_number_is_recognised_as_ours(house: House, worker: Worker) -> None:
    """6140 for an invoice of our own, which an attempt made that nobody remembers: adopted, not refused."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    house.books.fault("status", path=CREATES["invoice"], status=429)
    with pytest.raises(ApplicationError):
        worker.book(ids)
    house.books.forget_requests()
    with house.engine.begin() as connection:  # as an attempt that noted nothing would leave it
        connection.exec_driver_sql(
            "UPDATE invoice_intents SET state = 'intended' WHERE shipment_number = %s", (made.number,)
        )
    worker.book_patiently(ids)
    check_all(house, [made])


def test_tax_is_no_difference(house: House, worker: Worker) -> None:
    """E5: QuickBooks adds its tax; the invoice is as meant."""
    house.books.set(using_sales_tax=True)
    made, ids = intended(house, worker, 1)
    worker.book(ids)
    check_all(house, made)
    (row,) = house.invoices(made[0].number)
    assert row.total == amount_of(made[0]) + row.tax


def test_another_total_than_meant_is_shown_to_a_person(house: House, worker: Worker) -> None:
    """G-E8: the total is compared after the posting."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    (there,) = house.books.billing(made.number)
    item_id = house.external_id(LinkKind.ITEM, "PIPE")
    detail = {"ItemRef": {"value": item_id}, "Qty": 1, "UnitPrice": 7}
    other = {"DetailType": "SalesItemLineDetail", "Amount": 7, "SalesItemLineDetail": detail}
    house.books.edit("Invoice", there["id"], Line=[other])
    worker.book_patiently(ids)
    (item,) = house.open_work(made.number)
    assert (item.cause, item.choices) == (Cause.INVOICE_DIFFERS, (Choice.HANDLED,))
    assert item.money_at_stake == amount_of(made) - 7
    assert house.state(made.number) == BOOKED
    worker.bill(made.number)  # looking again does not take it away
    assert [one.id for one in house.open_work(made.number)] == [item.id]


def test_a_closed_period_refuses_until_it_is_opened(house: House, worker: Worker) -> None:
    """E12: never tried again blindly; the same invoice goes out when a person says so."""
    house.books.set(book_close_on="2026-11-30")
    made = stated(house, 2)
    worker.prepare_range(house.deliver(*made))
    held = worker.bill(*(one.number for one in made))
    assert {item.cause for one in made for item in house.open_work(one.number)} == {Cause.INVOICE_REJECTED}
    place = house.books.place()
    assert worker.bill(*held) == held
    assert house.books.words(place) == []
    house.books.set(book_close_on="")
    for exception_id in held.values():
        house.decide(exception_id, Choice.RETRY)
    assert not worker.bill(*held)
    check_all(house, made)
    assert {one.draft.generation for one in house.intents(*held).values()} == {1}


def test_an_inactive_customer_is_refused_and_billed_when_active_again(house: House, worker: Worker) -> None:
    """M5: fault 610."""
    customer_id = house.external_id(LinkKind.CUSTOMER, "00000044")
    house.books.edit("Customer", customer_id, Active=False)
    (made,) = stated(house, 1, customer_number="00000044")
    worker.prepare_range(house.deliver(made))
    held = worker.bill(made.number)
    (item,) = house.open_work(made.number)
    assert "inactive" in item.sentence
    house.books.edit("Customer", customer_id, Active=True)
    house.decide(held[made.number], Choice.RETRY)
    assert not worker.bill(made.number)
    check_all(house, [made])


def test_a_refusal_that_was_none_is_found_before_a_new_number_goes_out(house: House, worker: Worker) -> None:
    """An attempt still under way at QuickBooks ends after a later one was refused: a second generation sees it."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    read_as_refused(house, made)
    held = worker.bill(made.number)
    house.decide(held[made.number], Choice.BILL_AGAIN)
    held = worker.bill(made.number)
    (item,) = house.open_work(made.number)
    (there,) = house.books.billing(made.number)
    assert f"id {there['id']}" in item.sentence
    house.decide(held[made.number], Choice.ADOPT_INVOICE, there["id"])
    assert not worker.bill(made.number)
    check_all(house, [made])


def test_a_refusal_that_was_none_is_found_by_what_was_sent_then(house: House, worker: Worker) -> None:
    """Billed again on another day, where QuickBooks gives its own numbers: only the first attempt's day finds it."""
    house.books.set(custom_txn_numbers=False)
    (made,), ids = intended(house, worker, 1)
    house.books.fault("commit_then_reset", path=CREATES["invoice"])
    with pytest.raises(ApplicationError):
        worker.book(ids)
    read_as_refused(house, made)
    held = worker.bill(made.number)
    worker.prepare_range(house.deliver(made.model_copy(update={"shipped_at": made.shipped_at + timedelta(days=1)})))
    held = worker.bill(made.number)
    house.decide(held[made.number], Choice.BILL_AGAIN)
    held = worker.bill(made.number)
    (item,) = house.open_work(made.number)
    (there,) = house.books.billing(made.number)
    assert f"id {there['id']}" in item.sentence
    assert house.intents(made.number)[made.number].draft.generation == 2


def test_an_access_that_is_refused_leaves_the_intent_as_it_was(house: House, worker: Worker) -> None:
    """Nothing was sent, so nothing is uncertain; the exception says to mend the connection."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("status", path="/company/", status=403, times=1)
    with pytest.raises(ApplicationError) as raised:
        worker.book(ids)
    assert (raised.value.type, raised.value.non_retryable) == ("not_authorized", True)
    assert house.state(made.number) == INTENDED
    worker.note_unbooked(made.number)
    (item,) = house.open_work(made.number)
    assert (item.cause, item.choices) == (Cause.CONNECTION_REFUSED, (Choice.RETRY, Choice.DO_NOT_BILL))
    assert not worker.bill(made.number)
    check_all(house, [made])


def test_an_outage_is_an_exception_that_ends_by_itself(house: House, worker: Worker) -> None:
    """X1: while QuickBooks is away the work waits in the open, uncertain or not."""
    (made,), ids = intended(house, worker, 1)
    house.books.fault("reset_before", path="/company/", times=0)
    with pytest.raises(ApplicationError):
        worker.book(ids)
    first = worker.note_unbooked(made.number)
    assert worker.note_unbooked(made.number) == first
    assert [one.cause for one in house.open_work(made.number)] == [Cause.INVOICE_UNCERTAIN]
    house.books.calm()
    assert not worker.bill(made.number)
    check_all(house, [made])


@pytest.mark.parametrize("way", ["single", "batch"])
def test_two_workers_book_the_same_intents_at_once(house: House, way: str) -> None:
    """Each of two processes believes that the work is its own."""
    workers = [Worker(house), Worker(house)]
    made, ids = intended(house, workers[0], 1 if way == "single" else 6)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.book_patiently(ids), workers))
    for one in workers:
        one.close()
    check_all(house, made)


def test_a_worker_that_was_overtaken_does_not_undo_the_others_doubt(house: House, worker: Worker) -> None:
    """The first was told to slow down; meanwhile the second has sent and heard nothing: that stays uncertain."""
    (made,), ids = intended(house, worker, 1)
    other = Worker(house)
    sent_between: list[str] = []

    class Overtaken:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            call = getattr(worker.gateway, name)

            def overtaken(*args: Any) -> Any:
                if name == "draft_invoice" and not sent_between:
                    sent_between.append(name)
                    house.books.fault("commit_then_reset", path=CREATES["invoice"])
                    house.books.fault("status", path=CREATES["invoice"], status=429)
                    with pytest.raises(ApplicationError):
                        other.book(ids)
                return call(*args)

            return overtaken

    plain, worker.booking._quickbooks = worker.booking._quickbooks, Overtaken()  # type: ignore[assignment]
    with pytest.raises(ApplicationError) as raised:
        worker.book(ids)
    worker.booking._quickbooks = plain
    assert raised.value.type == "rate_limited"
    assert house.state(made.number) == UNCERTAIN
    house.books.forget_requests()
    house.books.set(warn_duplicate_numbers=False)
    other.book_patiently(ids)
    other.close()
    check_all(house, [made])


def boundaries(house: House, count: int, trouble: dict[str, object] | None) -> list[str]:
    """The boundaries that a worker passes who lives: so often can it die."""
    life = Life()
    worker = Worker(house, life)
    made, _ = _lived(house, worker, count, trouble)
    worker.close()
    check_all(house, made)
    return life.passed


def _lived(house: House, worker: Worker, count: int, trouble: dict[str, object] | None) -> tuple[list[Shipment], bool]:
    made = stated(house, count)
    if trouble:
        house.books.fault(path="/(invoice|batch)$", seconds=30, **trouble)  # type: ignore[arg-type]
    work = house.deliver(*made)
    try:
        worker.book_patiently(worker.prepare_range(work).book)
    except Death:
        house.books.calm()
        successor = Worker(house)
        successor.book_patiently(successor.prepare_range(work).book)
        successor.close()
        return made, True
    return made, False


@pytest.mark.parametrize("count", [1, 2], ids=["single", "batch"])
@pytest.mark.parametrize("trouble", [None, {"kind": "commit_then_reset"}], ids=["calm", "answer-lost"])
def test_one_invoice_wherever_the_process_dies(house: House, count: int, trouble: dict[str, object] | None) -> None:
    """G-E5: death before and after every commit and every call, then another process does the same work again."""
    passed = boundaries(house, count, trouble)
    kinds = {" ".join(one.split()[:1]) + " " + one.split()[1] for one in passed}
    call = "draft_invoice" if count == 1 else "draft_invoices"
    assert {"before commit", "after commit", f"before {call}"} <= kinds
    for step in range(1, len(passed) + 1):
        life = Life(dies_at=step)
        worker = Worker(house, life)
        made, died = _lived(house, worker, count, trouble)
        worker.close()
        assert died, f"lived through step {step} of {len(passed)}"
        check_all(house, made)
