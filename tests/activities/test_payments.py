"""What QuickBooks says of our invoices and of customers' balances is read (E9, E18)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.exceptions import ApplicationError

from activities import payments
from domain.exceptions import Cause
from store import balances, cursors
from store.session import reading
from store.tables import OrderMarkRow
from tests.activities.corrections import invoiced, paid
from tests.activities.worker import Worker
from tests.activities.world import House


def status(house: House, number: str) -> tuple[str, Decimal]:
    (row,) = house.invoices(number)
    return row.status, row.balance


def marked(house: House) -> set[str]:
    """The orders that have to be looked at."""
    with reading(house.engine) as session:
        return set(session.scalars(select(col(OrderMarkRow.order_number))))


def noted(house: House, name: str) -> list[str]:
    with reading(house.engine) as session:
        return cursors.noted(session, name)


def test_payments_in_part_and_whole_are_read(house: House, worker: Worker) -> None:
    """E18: partly paid, paid, and given back when the payment is voided; the order is noted each time."""
    made = invoiced(house, worker, 10)
    assert status(house, made.number) == ("drafted", Decimal("11.15"))
    paid(house, made, "4.00")
    assert made.number in worker.pull_invoices().shipments
    assert status(house, made.number) == ("partly_paid", Decimal("7.15"))
    assert made.order_number in marked(house)
    paid(house, made)
    worker.pull_invoices()
    assert status(house, made.number) == ("paid", Decimal(0))
    assert made.number not in worker.pull_invoices().shipments  # the overlap reads it again; nothing moved


def test_an_invoice_that_was_sent_is_released(house: House, worker: Worker) -> None:
    """E18."""
    made = invoiced(house, worker, 10)
    house.books.send(house.token(), house.books.billing(made.number)[0]["id"])
    worker.pull_invoices()
    assert status(house, made.number) == ("released", Decimal("11.15"))


def test_a_customers_balance_is_kept_and_noted(house: House, worker: Worker) -> None:
    """E18: what a customer owes by QuickBooks' word, whoever wrote the documents."""
    worker.pull_invoices()
    made = invoiced(house, worker, 10, customer_number="00000044")
    worker.pull_invoices()
    with reading(house.engine) as session:
        before = balances.get_many(session, ["00000044"])["00000044"]
    paid(house, made, "1.15")
    worker.pull_invoices()
    with reading(house.engine) as session:
        after = balances.get_many(session, ["00000044"])["00000044"]
    assert before.balance - after.balance == Decimal("1.15")
    assert after.as_of_at >= before.as_of_at
    assert "00000044" in noted(house, cursors.CUSTOMERS_TO_LOOK)


def test_an_invoice_that_somebody_voided_is_work_once(house: House, worker: Worker) -> None:
    """E9: detected within one look, and never made again by itself."""
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="void")
    for _ in range(2):
        worker.pull_invoices()
    (item,) = house.open_work(made.number)
    assert (item.cause, item.money_at_stake) == (Cause.INVOICE_REMOVED, Decimal("11.15"))
    assert status(house, made.number) == ("voided", Decimal(0))
    assert not worker.bill(made.number)
    assert not house.books.billing(made.number)
    assert [one.id for one in house.open_work(made.number)] == [item.id]


def test_a_deleted_invoice_is_found_missing(house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """E9: it is in no query, so that its being there is proven, some invoices a look."""
    monkeypatch.setattr(payments, "SETTLED_AFTER", timedelta(0))
    monkeypatch.setattr(payments, "CHECKED", 7)
    made = invoiced(house, worker, 10)
    house.books.edit("Invoice", house.books.billing(made.number)[0]["id"], operation="delete")
    for _ in range(200):
        worker.pull_invoices()
        if status(house, made.number)[0] == "deleted":
            break
    (item,) = house.open_work(made.number)
    assert item.cause is Cause.INVOICE_REMOVED


def test_an_older_reading_never_replaces_a_newer_one(house: House) -> None:
    now = datetime.now(UTC)
    from store.session import transaction
    from tests.activities.world import CAUSE

    with transaction(house.engine, CAUSE) as session:
        assert balances.keep(session, {"00000099": (Decimal(5), now)}) == ["00000099"]
        balances.keep(session, {"00000099": (Decimal(9), now - timedelta(minutes=1))})
        assert balances.get_many(session, ["00000099"])["00000099"].balance == 5


def test_a_look_that_fails_leaves_the_place_where_it_was(house: House, worker: Worker) -> None:
    """E18: what was not read is read the next time."""
    made = invoiced(house, worker, 10)
    paid(house, made)
    house.books.fault("status", method="GET", path="/cdc$", status=503, body="html", times=1)
    with pytest.raises(ApplicationError) as raised:
        worker.pull_invoices()
    assert not raised.value.non_retryable
    worker.pull_invoices()
    assert status(house, made.number)[0] == "paid"


def test_more_changes_than_one_page_holds_are_all_read(
    house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E18: QuickBooks gives a thousand rows at most."""
    from adapters.quickbooks import invoices, query

    def in_small_pages(select, entity, condition):
        return query.rows(select, entity, condition, page_size=2)

    monkeypatch.setattr(invoices, "rows", in_small_pages)
    made = [invoiced(house, worker, 10) for _ in range(5)]
    for one in made:
        paid(house, one)
    worker.pull_invoices()
    assert {status(house, one.number)[0] for one in made} == {"paid"}
