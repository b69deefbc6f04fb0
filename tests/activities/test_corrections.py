"""Corrections and returns of what is invoiced (F9, O10 to O12, E9, E12): what a person is asked, and what is made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from activities.credits import read_closing
from domain.exceptions import Cause, Choice, ExceptionItem
from domain.links import LinkKind
from domain.returned import Condition
from store import decisions
from store.session import reading
from store.trace import trace
from tests.activities.corrections import (
    AUTOMATIC,
    came_back,
    check_kept,
    corrected,
    invoiced,
    paid,
    stated,
)
from tests.activities.worker import Worker
from tests.activities.world import House, check_exactly_one, fresh_number
from tests.build import order_for


@pytest.fixture
def automat(house: House):
    """A worker of a company that lets everything be made by itself."""
    one = Worker(house, corrections=AUTOMATIC | {"restocking_fee_percent": 10})
    yield one
    one.close()


@pytest.fixture(autouse=True)
def open_books(house: House, worker: Worker):
    """What is known of closed books is that of the test alone."""
    yield
    house.books.set(book_close_on="")
    read_closing(house.engine, worker.gateway)


def asked(house: House, number: str) -> ExceptionItem:
    (item,) = house.open_work(number)
    return item


def test_less_than_billed_is_proposed_and_then_credited(house: House, worker: Worker) -> None:
    """F9: the invoice stays as it is; a credit memo of the difference, when a person says so."""
    made = invoiced(house, worker, 10)
    before = house.books.billing(made.number)
    corrected(house, worker, made, 8)
    item = asked(house, made.number)
    assert (item.cause, item.choices) == (
        Cause.CORRECTION_AFTER_INVOICE,
        (Choice.POST_CREDIT, Choice.HANDLED),
    )
    assert (item.money_at_stake, item.workflow_id) == (Decimal("2.23"), f"credit/{made.number}")
    assert worker.correct(made.number) == item.id
    assert not house.books.credits(made.number)
    house.decide(item.id, Choice.POST_CREDIT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=8)
    (memo,) = house.books.credits(made.number)
    assert (memo["doc_number"], memo["total"]) == (f"{made.number}-C1", "2.23")
    assert f"of invoice {made.number}" in memo["private_note"]
    assert house.books.billing(made.number) == before
    assert (house.shipment(made.number).revision, house.open_work(made.number)) == (2, [])
    assert worker.correct(made.number) is None
    assert len(house.books.credits(made.number)) == 1


def test_more_than_billed_is_billed_by_a_further_invoice(house: House, worker: Worker) -> None:
    """F9."""
    made = invoiced(house, worker, 8)
    corrected(house, worker, made, 11)
    item = asked(house, made.number)
    assert item.choices == (Choice.POST_SUPPLEMENT, Choice.HANDLED)
    house.decide(item.id, Choice.POST_SUPPLEMENT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=11)
    assert [one["doc_number"] for one in house.books.billing(made.number)] == [made.number, f"{made.number}-S2"]
    corrected(house, worker, made, 12)
    house.decide(asked(house, made.number).id, Choice.POST_SUPPLEMENT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=12)


def test_a_policy_lets_it_be_made_by_itself_up_to_a_limit(house: House) -> None:
    """F9: over the limit a person is asked."""
    worker = Worker(house, corrections=AUTOMATIC | {"automatic_up_to": "3.00"})
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 8)
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=8)
    corrected(house, worker, made, 2)
    item = asked(house, made.number)
    assert "over more than 3.00" in item.sentence
    check_kept(house, made.number, BOLT=8)
    worker.close()


def test_both_at_once_are_two_documents(house: House, worker: Worker) -> None:
    """F9: one line less, one more: each is decided for itself."""
    made = invoiced(house, worker, 10, 4)
    corrected(house, worker, made, 9, 6)
    first = asked(house, made.number)
    assert first.choices == (Choice.POST_CREDIT, Choice.POST_SUPPLEMENT, Choice.HANDLED)
    house.decide(first.id, Choice.POST_SUPPLEMENT)
    assert worker.correct(made.number) is not None
    check_kept(house, made.number, BOLT=10, PIPE=6)
    house.decide(asked(house, made.number).id, Choice.POST_CREDIT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=9, PIPE=6)


def test_a_reversed_shipment_is_voided(house: House, worker: Worker) -> None:
    """O11: unpaid, unsent, open period."""
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 0)
    item = asked(house, made.number)
    assert item.choices == (Choice.VOID_INVOICE, Choice.POST_CREDIT, Choice.HANDLED)
    house.decide(item.id, Choice.VOID_INVOICE)
    assert worker.correct(made.number) is None
    check_kept(house, made.number)
    (row,) = house.invoices(made.number)
    assert (row.status, row.balance, row.total) == ("voided", 0, Decimal("11.15"))
    assert [one["voided"] for one in house.books.every(made.number)] == [True]
    assert not house.open_work(made.number)


def test_a_person_may_credit_what_could_be_voided(house: House, worker: Worker) -> None:
    """O11."""
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 0)
    house.decide(asked(house, made.number).id, Choice.POST_CREDIT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number)
    assert [one["total"] for one in house.books.credits(made.number)] == ["11.15"]
    assert [one["voided"] for one in house.books.every(made.number)] == [False]


@pytest.mark.parametrize("happened", ["paid", "partly-paid", "sent"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "not-known"])
def test_what_cannot_be_voided_is_credited(house: House, worker: Worker, happened: str, known: bool) -> None:
    """O11: a paid void is refused by QuickBooks; what happened after the last look is found before anything is done."""
    made = invoiced(house, worker, 10)
    if not known:
        corrected(house, worker, made, 0)
    if happened == "sent":
        house.books.send(house.token(), house.books.billing(made.number)[0]["id"])
    else:
        paid(house, made, "4.00" if happened == "partly-paid" else None)
    if known:
        worker.pull_invoices()
        corrected(house, worker, made, 0)
    else:
        house.decide(asked(house, made.number).id, Choice.VOID_INVOICE)
        assert worker.correct(made.number) is not None
    item = asked(house, made.number)
    assert item.choices == (Choice.POST_CREDIT, Choice.HANDLED)
    house.decide(item.id, Choice.POST_CREDIT)
    assert worker.correct(made.number) is None
    check_kept(house, made.number)
    assert [one["total"] for one in house.books.credits(made.number)] == ["11.15"]


def test_an_invoice_that_is_gone_is_not_voided(house: House, worker: Worker) -> None:
    """E9: somebody deleted it meanwhile."""
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 0)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="delete")
    house.decide(asked(house, made.number).id, Choice.VOID_INVOICE)
    assert worker.correct(made.number) is None
    check_kept(house, made.number)
    assert house.invoices(made.number)[0].status == "deleted"


def test_what_somebody_removed_is_not_made_again_by_itself(house: House, automat: Worker) -> None:
    """E9: also where the policy lets everything be made."""
    made = invoiced(house, automat, 10)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="void")
    automat.pull_invoices()
    assert asked(house, made.number).cause is Cause.INVOICE_REMOVED
    corrected(house, automat, made, 9)
    automat.correct(made.number)
    check_kept(house, made.number)
    causes = {one.cause for one in house.open_work(made.number)}
    assert causes == {Cause.INVOICE_REMOVED, Cause.CORRECTION_AFTER_INVOICE}


def test_our_own_void_is_no_removal(house: House, automat: Worker) -> None:
    """E9."""
    made = invoiced(house, automat, 10)
    corrected(house, automat, made, 0)
    assert automat.correct(made.number) is None
    automat.pull_invoices()
    assert not house.open_work(made.number)
    assert house.invoices(made.number)[0].status == "voided"


def test_goods_that_came_back_are_credited_less_the_fee(house: House, automat: Worker) -> None:
    """O12: linked to what it credits in words, under the number of the return."""
    made = invoiced(house, automat, 10)
    goods = came_back(house, made.number, 4)
    assert automat.correct(made.number) is None
    check_kept(house, made.number, BOLT=6)
    (memo,) = house.books.credits(made.number)
    assert memo["total"] == "4.01"  # 4 x 1.115 = 4.46, less 0.45
    assert goods.rma in memo["private_note"]
    came_back(house, made.number, 4)  # the file again
    assert automat.correct(made.number) is None
    assert len(house.books.credits(made.number)) == 1


def test_damaged_goods_are_not_credited_unless_the_policy_says_so(house: House, worker: Worker) -> None:
    """O12."""
    made = invoiced(house, worker, 10)
    came_back(house, made.number, 4, condition=Condition.DAMAGED)
    assert worker.correct(made.number) is None
    generous = Worker(house, corrections=AUTOMATIC | {"credit_damaged": True, "restocking_fee_percent": 10})
    assert generous.correct(made.number) is None
    generous.close()
    assert [one["total"] for one in house.books.credits(made.number)] == ["4.46"]


def test_a_return_is_put_before_a_person_as_one(house: House, worker: Worker) -> None:
    """O12."""
    made = invoiced(house, worker, 10)
    came_back(house, made.number, 3)
    assert worker.correct(made.number)
    item = asked(house, made.number)
    assert (item.cause, item.choices) == (Cause.RETURN_AFTER_INVOICE, (Choice.POST_CREDIT, Choice.HANDLED))


def test_goods_that_came_back_before_they_were_billed_are_not_billed(house: House, worker: Worker) -> None:
    """O12: ERPNext's trap: nothing is credited for what was never billed."""
    made = stated(fresh_number("CR"), 10)
    worker.prepare_range(house.deliver(made))  # held: its order is not there yet
    came_back(house, made.number, 4)
    house.order(order_for(made))
    assert not worker.bill(made.number)
    check_kept(house, made.number, BOLT=6)
    assert not house.books.credits(made.number)
    assert worker.correct(made.number) is None


def test_goods_that_come_back_between_intent_and_invoice_change_the_intent(house: House, worker: Worker) -> None:
    """O10, O12: QuickBooks was not asked yet."""
    made = stated(fresh_number("CR"), 10)
    house.order(order_for(made))
    worker.prepare_range(house.deliver(made))
    came_back(house, made.number, 10)
    assert not worker.bill(made.number)
    assert not house.books.billing(made.number)
    assert house.shipment(made.number).state == "not_billed"


def test_what_came_back_while_the_invoice_was_under_way_is_not_lost(house: House, worker: Worker) -> None:
    """O12, E13: the booking says that somebody has to look again."""
    made = stated(fresh_number("CR"), 10)
    house.order(order_for(made))
    prepared = worker.prepare_range(house.deliver(made))
    came_back(house, made.number, 2)
    assert worker.book_patiently(prepared.book).again == [made.number]


def test_more_came_back_than_was_shipped_is_shown_until_handled(house: House, automat: Worker) -> None:
    """O12: never below zero, and never asked twice."""
    made = invoiced(house, automat, 10)
    came_back(house, made.number, 12)
    assert automat.correct(made.number)
    check_kept(house, made.number)
    item = asked(house, made.number)
    assert (item.cause, item.choices) == (Cause.RETURN_UNMATCHED, (Choice.HANDLED,))
    house.decide(item.id, Choice.HANDLED)
    assert automat.correct(made.number) is None


def test_what_a_person_settled_elsewhere_is_not_credited_later(house: House, worker: Worker) -> None:
    """F9: what is stated after that is all that is new."""
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 8)
    house.decide(asked(house, made.number).id, Choice.HANDLED)
    assert worker.correct(made.number) is None
    assert not house.books.credits(made.number)
    assert house.shipment(made.number).revision == 2
    corrected(house, worker, made, 7)
    house.decide(asked(house, made.number).id, Choice.POST_CREDIT)
    assert worker.correct(made.number) is None
    assert [one["lines"][0]["quantity"] for one in house.books.credits(made.number)] == ["1"]


def test_a_decision_holds_for_what_was_shown_and_nothing_else(house: House, worker: Worker) -> None:
    """A person agreed to two pieces; meanwhile three are stated: they are asked again."""
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, 8)
    item = asked(house, made.number)
    house.decide(item.id, Choice.POST_CREDIT)
    corrected(house, worker, made, 7)
    assert worker.correct(made.number) not in {None, item.id}
    assert not house.books.credits(made.number)


def test_a_correction_of_a_correction_that_was_not_sent_yet_replaces_it(house: House, automat: Worker) -> None:
    """F9, O10: until QuickBooks is asked, a credit can be taken back."""
    made = invoiced(house, automat, 10)
    corrected(house, automat, made, 8)
    assert automat.prepare_credit(made.number).credits
    corrected(house, automat, made, 10)
    assert automat.correct(made.number) is None
    check_kept(house, made.number, BOLT=10)
    assert not house.books.credits(made.number)
    check_exactly_one(house, made.number, Decimal("11.15"))


def test_a_closed_period_moves_the_credit_to_the_first_open_day(house: House, automat: Worker) -> None:
    """E12: the refusal tells of it, the next document has the first open day and says why."""
    made = invoiced(house, automat, 10)
    house.books.set(book_close_on="2027-06-30")
    corrected(house, automat, made, 8)
    assert automat.correct(made.number) is None
    (memo,) = house.books.credits(made.number)
    assert memo["txn_date"] == "2027-07-01"
    assert "closed until 2027-06-30" in memo["private_note"]
    check_kept(house, made.number, BOLT=8)


def test_a_void_in_a_closed_period_becomes_a_credit(house: House, automat: Worker) -> None:
    """O11, E12."""
    made = invoiced(house, automat, 10)
    corrected(house, automat, made, 0)
    house.books.set(book_close_on="2026-11-30")
    assert automat.correct(made.number) is None
    check_kept(house, made.number)
    assert [one["txn_date"] > "2026-11-30" for one in house.books.credits(made.number)] == [True]


def test_a_refused_credit_waits_for_a_person_and_goes_out_when_they_say_so(house: House, automat: Worker) -> None:
    """A foreign credit memo has the number: never tried again blindly."""
    made = invoiced(house, automat, 10)
    customer_id = house.external_id(LinkKind.CUSTOMER, made.customer_number)
    item_id = house.external_id(LinkKind.ITEM, "PIPE")
    house.books.credit_by_hand(house.token(), customer_id, item_id, "5.00", DocNumber=f"{made.number}-C1")
    corrected(house, automat, made, 9)
    assert automat.correct(made.number)
    item = asked(house, made.number)
    assert (item.cause, item.choices) == (Cause.CREDIT_REJECTED, (Choice.POST_CREDIT, Choice.HANDLED))
    place = house.books.place()
    assert automat.correct(made.number) == item.id
    assert house.books.words(place) == []
    house.decide(item.id, Choice.POST_CREDIT)
    assert automat.correct(made.number) is None
    check_kept(house, made.number, BOLT=9)
    assert [one["doc_number"] for one in house.books.credits(made.number)] == [f"{made.number}-C2"]


def test_every_decision_is_kept_with_its_inputs(house: House, automat: Worker) -> None:
    """G-C8."""
    made = invoiced(house, automat, 10)
    corrected(house, automat, made, 8)
    automat.correct(made.number)
    with reading(house.engine) as session:
        kept = [one for one in decisions.of_record(session, "shipment", made.number) if one.kind == "correction"]
    assert [one.outcome["proposals"] != [] for one in kept] == [True, False]
    assert kept[0].inputs["statement"]["case"]["shipment"]["number"] == made.number


def test_the_trace_tells_what_became_of_it(house: House, automat: Worker) -> None:
    made = invoiced(house, automat, 10)
    corrected(house, automat, made, 8)
    automat.correct(made.number)
    with reading(house.engine) as session:
        found = trace(session, made.number)
    assert found is not None
    told = {event.what: event.sentence for event in found.events}
    assert told["credit_memo_booked"] == f"Credit memo {made.number}-C1 over 2.23 was booked."
    assert told["credit_intended"].startswith("Credit memo")
    assert "decision_correction" in told
