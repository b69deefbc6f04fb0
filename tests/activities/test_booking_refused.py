"""Booking that QuickBooks or a person did not let through as it was meant: refusals, differences and the ways on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause, Choice
from domain.links import LinkKind
from domain.shipments import Shipment
from tests.activities.bookings import BOOKED, INTENDED, check_all, intended, read_as_refused, stated
from tests.activities.worker import Worker
from tests.activities.world import CREATES, LEAVING, House, amount_of


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
    (number,) = LEAVING
    customer_id = house.external_id(LinkKind.CUSTOMER, number)
    house.books.edit("Customer", customer_id, Active=False)
    (made,) = stated(house, 1, customer_number=number)
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
