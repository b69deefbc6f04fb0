"""A second invoice of goods that are billed already: shown with evidence, never touched (case E19)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from activities.document_findings import add_finding
from activities.doubles import note_doubles
from domain.exceptions import Cause, Choice, ExceptionKind, ExceptionState, Finding
from domain.links import LinkKind
from domain.shipments import Shipment
from store.session import transaction
from tests.activities.corrections import invoiced, stated
from tests.activities.documents import (
    decide,
    how_it_ended,
    id_of,
    item_id,
    read_books,
)
from tests.activities.worker import Worker
from tests.activities.world import CAUSE, House, fresh_number
from tests.build import order_for


def copy_of(house: House, made: Shipment, **changes: object) -> str:
    """Somebody copies our invoice in QuickBooks, note and all; answers the copy's id."""
    (ours, *_) = house.books.billing(made.number)
    house.books.set(warn_duplicate_numbers=False)
    fields = {"PrivateNote": ours["private_note"], "DocNumber": f"{made.number}-COPY", **changes}
    return house.books.invoice_by_hand(house.token(), ours["customer_id"], item_id(house, "BOLT"), "11.15", **fields)


def test_a_copy_of_our_invoice_is_shown_with_evidence(house: House, worker: Worker) -> None:
    """E19: two living invoices for one shipment; which to void is proposed, and one of them gone is the end of it."""
    made = invoiced(house, worker, 10)
    copied = copy_of(house, made)
    for _ in range(2):
        worker.pull_invoices()
    (item,) = house.open_work(made.number)
    assert (item.cause, item.money_at_stake) == (Cause.INVOICE_DUPLICATE, Decimal("11.15"))
    assert f"id {id_of(house, made)}, 11.15, unpaid, written by the gateway" in item.sentence
    assert f"Proposed: void id {copied} there" in item.sentence
    house.books.edit("Invoice", copied, operation="void")
    read_books(worker, invoices=[copied])
    ended = how_it_ended(house, item)
    assert (ended.state, "one invoice is left" in ended.sentence) == (ExceptionState.SELF_RESOLVED, True)


def test_the_one_that_was_paid_is_to_stay(house: House, worker: Worker) -> None:
    """E19."""
    made = invoiced(house, worker, 10)
    copied = copy_of(house, made)
    customer = house.external_id(LinkKind.CUSTOMER, made.customer_number)
    house.books.pay(house.token(), customer, copied, "11.15")
    worker.pull_invoices()
    (item,) = house.open_work(made.number)
    assert f"Proposed: void id {id_of(house, made)}" in item.sentence


def test_a_second_invoice_with_the_same_number_counts_without_a_marker(house: House, worker: Worker) -> None:
    """E19: what is handled is not asked again; what belongs to another customer is none."""
    made = invoiced(house, worker, 10, customer_number="00000042")
    copied = copy_of(house, made, PrivateNote="by hand", DocNumber=made.number)
    other = house.external_id(LinkKind.CUSTOMER, "00000043")
    house.books.invoice_by_hand(house.token(), other, item_id(house, "BOLT"), "11.15", DocNumber=made.number)
    worker.pull_invoices()
    (item,) = house.open_work(made.number)
    assert [one.subject for one in item.findings] == [copied]
    decide(house, item, Choice.HANDLED)
    house.books.edit("Invoice", copied, CustomerMemo={"value": "still there"})
    worker.pull_invoices()
    assert not house.open_work(made.number)


def test_our_own_invoice_on_its_way_is_no_second_one(house: House, worker: Worker) -> None:
    """E19, E13: QuickBooks has it, and our books do not know yet."""
    house.books.fault("commit_then_hang", path=r"/(invoice|batch)$", times=1, seconds=1)
    slow = Worker(house, read_timeout=0.5)
    made = stated(fresh_number("CR"), 10)
    house.order(order_for(made))
    prepared = slow.prepare_range(house.deliver(made))
    with pytest.raises(ApplicationError):
        slow.book(prepared.book)
    slow.close()
    worker.pull_invoices()
    assert not [one for one in house.open_work(made.number) if one.cause is Cause.INVOICE_DUPLICATE]


def test_our_own_invoice_that_was_recorded_after_it_was_read_is_no_second_one(house: House, worker: Worker) -> None:
    """E19: a look read it as a stranger's, and our books came to know it before the look was taken in."""
    made = invoiced(house, worker, 10)
    books = house.gateway()
    read = books.read_invoice(id_of(house, made))
    books.close()
    assert read is not None
    with transaction(house.engine, CAUSE) as session:
        assert not note_doubles(session, [read], (), datetime.now(UTC))
        wrong = Finding(
            kind=ExceptionKind.CONFLICT,
            cause=Cause.INVOICE_DUPLICATE,
            sentence="QuickBooks has two invoices.",
            choices=(Choice.HANDLED,),
            subject=read.external_id,
        )
        add_finding(session, made.number, wrong, read.total)
    worker.pull_invoices()
    assert not house.open_work(made.number), "what is our own by now closes by itself"
