"""Time travel: any canonical row as it stood at a time, and who changed it (G-B4, G-B5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select, text

from domain.customers import Customer
from domain.orders import Order, OrderLine
from store import customers, history, orders
from store.causes import Cause
from store.session import reading, transaction
from store.tables import CustomerRow, OrderLineRow, OrderRow

VERSION = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def customer(number: str, name: str) -> Customer:
    return Customer(number=number, name=name, credit_limit=Decimal("100.50"), changed_on=VERSION.date())


def order(version: int, *quantities: str) -> Order:
    lines = tuple(
        OrderLine(line_no=n, sku=f"S{n}", quantity=Decimal(quantity), uom="EA", unit_price=Decimal("1.10"))
        for n, quantity in enumerate(quantities, start=1)
    )
    return Order(
        number="SO-1",
        customer_number="1",
        status="Activated",
        active=True,
        external_id="801",
        version_at=VERSION + timedelta(hours=version),
        lines=lines,
    )


@pytest.fixture
def instants(engine: Engine, cause: Cause) -> list[datetime]:
    """The state after each of four transactions."""
    steps = [
        lambda session: customers.upsert(session, [customer("1", "Acme"), customer("2", "Beta")]),
        lambda session: customers.upsert(session, [customer("1", "Acme Ltd")]),
        lambda session: session.execute(text("DELETE FROM customers WHERE number = '1'")),
        lambda session: customers.upsert(session, [customer("1", "Acme again")]),
    ]
    instants = []
    for step in steps:
        with transaction(engine, cause) as session:
            step(session)
            instants.append(session.execute(text("SELECT now()")).scalar_one())
    return instants


def test_a_table_is_read_as_of_any_time(engine: Engine, instants: list[datetime]) -> None:
    with reading(engine) as session:
        tables = [
            {row.number: row.name for row in history.page_as_of(session, CustomerRow, at).items} for at in instants
        ]
        before = history.page_as_of(session, CustomerRow, instants[0] - timedelta(seconds=1))
    assert tables == [
        {"1": "Acme", "2": "Beta"},
        {"1": "Acme Ltd", "2": "Beta"},
        {"2": "Beta"},
        {"1": "Acme again", "2": "Beta"},
    ]
    assert before.items == ()


def test_now_is_the_table_itself(engine: Engine, instants: list[datetime]) -> None:
    with reading(engine) as session:
        past = history.rows_as_of(session, CustomerRow, instants[-1], ["1", "2", "9"])
        now = session.scalars(select(CustomerRow))
        assert {key: row.model_dump() for key, row in past.items()} == {row.number: row.model_dump() for row in now}
        assert customers.page(session, as_of=instants[0]).items == (customer("1", "Acme"), customer("2", "Beta"))
        assert customers.get_many(session, ["1"], as_of=instants[1]) == {"1": customer("1", "Acme Ltd")}
        assert past["1"].credit_limit == Decimal("100.50")
        assert past["1"].changed_on == VERSION.date()


def test_past_pages_follow_each_other(engine: Engine, instants: list[datetime]) -> None:
    with reading(engine) as session:
        first = history.page_as_of(session, CustomerRow, instants[0], limit=1)
        rest = history.page_as_of(session, CustomerRow, instants[0], limit=1, cursor=first.next_cursor)
    assert [row.name for row in first.items + rest.items] == ["Acme", "Beta"]
    assert rest.next_cursor is None


def test_lines_are_read_with_their_order(engine: Engine, cause: Cause) -> None:
    instants = []
    for version, quantities in enumerate((("1", "2", "3"), ("1", "5"))):
        with transaction(engine, cause) as session:
            orders.upsert(session, [order(version, *quantities)])
            instants.append(session.execute(text("SELECT now()")).scalar_one())
    with reading(engine) as session:
        quantities = [
            [row.quantity for row in history.children_as_of(session, OrderLineRow, at, ["SO-1"])] for at in instants
        ]
        versions = [history.rows_as_of(session, OrderRow, at, ["SO-1"])["SO-1"].version_at for at in instants]
        assert history.children_as_of(session, OrderLineRow, instants[0], ["SO-2"]) == []
        assert [orders.get_many(session, ["SO-1"], as_of=at)["SO-1"] for at in instants] == [
            order(0, "1", "2", "3"),
            order(1, "1", "5"),
        ]
        assert orders.past_page(session, instants[0]).items == (order(0, "1", "2", "3"),)
    assert quantities == [[1, 2, 3], [1, 5]]
    assert versions == [VERSION, VERSION + timedelta(hours=1)]


def test_changes_name_their_cause_newest_first(engine: Engine, instants: list[datetime], cause: Cause) -> None:
    with reading(engine) as session:
        first = history.changes_of(session, CustomerRow, "1", limit=3)
        rest = history.changes_of(session, CustomerRow, "1", limit=3, cursor=first.next_cursor)
    found = first.items + rest.items
    assert [one.operation for one in found] == ["insert", "delete", "update", "insert"]
    assert [one.at for one in found] == instants[::-1]
    assert (found[2].before, found[2].after) == ({"name": "Acme"}, {"name": "Acme Ltd"})
    assert all(one.cause == cause.model_dump(mode="json") for one in found)
