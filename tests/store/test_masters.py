"""Master data and orders: written as sets, only where they differ, and never backwards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from threading import Thread

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.customers import Address, Customer
from domain.errors import Malformed
from domain.items import Item
from domain.orders import Order, OrderLine
from store import customers, items, orders, warehouses
from store.causes import Cause
from store.session import reading, transaction

AT = datetime(2026, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)


def customer(number: str, name: str = "Acme & Sons", limit: str | None = "5000.00") -> Customer:
    return Customer(
        number=number,
        name=name,
        terms_code="N30",
        credit_limit=None if limit is None else Decimal(limit),
        bill_to=Address(line1="1 Dock St", city="Erie", state="PA", postal_code="16501"),
        changed_on=date(2026, 11, 1),
    )


def item(sku: str, units: Fraction = Fraction(1, 12)) -> Item:
    return Item(
        sku=sku,
        description="Bolt",
        base_uom="CS",
        sell_uom="EA",
        units_per_sell_uom=units,
        list_price=Decimal("1.2500"),
        weight_lb=Decimal("0.5"),
    )


def order(number: str = "SO-1", at: datetime = AT, status: str = "Activated", **more: object) -> Order:
    lines = (
        OrderLine(line_no=1, sku="A", quantity=Decimal(10), uom="EA", unit_price=Decimal("2.50"), external_id="802x1"),
        OrderLine(line_no=2, sku="B", quantity=Decimal("1.5"), uom="CS", unit_price=Decimal("47.7119")),
    )
    fields = {"customer_number": "0001", "active": True, "external_id": f"801-{number}", "lines": lines, **more}
    return Order.model_validate({"number": number, "status": status, "version_at": at, **fields})


def changes(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM change_log")).scalar_one())


def test_customers_come_back_as_they_were_given(session: Session) -> None:
    given = [customer("0001"), customer("0002", "Zeta", None)]
    assert sorted(customers.upsert(session, given)) == ["0001", "0002"]
    assert customers.get_many(session, ["0001", "0002", "0003"]) == {one.number: one for one in given}


def test_writing_the_same_again_writes_nothing(session: Session) -> None:
    customers.upsert(session, [customer("0001"), customer("0002")])
    items.upsert(session, [item("A")])
    warehouses.upsert(session, {"01": "Main"})
    orders.upsert(session, [order()])
    before = changes(session)
    assert customers.upsert(session, [customer("0001"), customer("0002", limit="5000.0")]) == []
    assert items.upsert(session, [item("A")]) == []
    assert warehouses.upsert(session, {"01": "Main"}) == []
    assert orders.upsert(session, [order()]) == []
    assert changes(session) == before


def test_only_customers_that_differ_are_written_and_the_last_of_a_number_wins(session: Session) -> None:
    customers.upsert(session, [customer("0001"), customer("0002")])
    later = [customer("0001"), customer("0002", "x"), customer("0002", "Beta"), customer("0003")]
    assert sorted(customers.upsert(session, later)) == ["0002", "0003"]
    assert customers.get_many(session, ["0002"])["0002"].name == "Beta"


def test_nothing_to_write_is_nothing(session: Session) -> None:
    assert customers.upsert(session, []) == []
    assert orders.upsert(session, []) == []
    assert customers.get_many(session, []) == {}


def test_units_of_measure_stay_rational(session: Session) -> None:
    """E3: a factor of one third is kept exactly."""
    items.upsert(session, [item("A", Fraction(1, 3)), item("B", Fraction(100))])
    found = items.get_many(session, ["A", "B"])
    assert found == {"A": item("A", Fraction(1, 3)), "B": item("B", Fraction(100))}
    assert found["A"].list_price is not None
    assert format(found["A"].list_price, "f") == "1.2500"


def test_pages_follow_the_keys_and_survive_additions(session: Session) -> None:
    customers.upsert(session, [customer(f"{n:04}") for n in range(1, 8)])
    first = customers.page(session, limit=3)
    assert [one.number for one in first.items] == ["0001", "0002", "0003"]
    customers.upsert(session, [customer("0000"), customer("0003a")])
    second = customers.page(session, limit=3, cursor=first.next_cursor)
    assert [one.number for one in second.items] == ["0003a", "0004", "0005"]
    last = customers.page(session, limit=3, cursor=second.next_cursor)
    assert [one.number for one in last.items] == ["0006", "0007"]
    assert last.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "%%%", "bm90IGpzb24", "W10", "WyJhIiwiYiJd", "MQ"])
def test_a_foreign_cursor_is_malformed(session: Session, cursor: str) -> None:
    with pytest.raises(Malformed):
        items.page(session, cursor=cursor)


def test_warehouses_are_names_by_code(session: Session) -> None:
    warehouses.upsert(session, {"02": "Second", "01": "Main"})
    assert list(warehouses.get_all(session).items()) == [("01", "Main"), ("02", "Second")]


def test_orders_come_back_with_their_lines(session: Session) -> None:
    assert orders.upsert(session, [order("SO-1"), order("SO-2", lines=())]) == ["SO-1", "SO-2"]
    assert orders.get_many(session, ["SO-1", "SO-2"]) == {"SO-1": order("SO-1"), "SO-2": order("SO-2", lines=())}


def test_an_older_version_never_overwrites_a_newer_one(session: Session) -> None:
    newer = order(at=AT + timedelta(seconds=1), status="Shipped", lines=order().lines[:1])
    orders.upsert(session, [newer])
    assert orders.upsert(session, [order()]) == []
    assert orders.get_many(session, ["SO-1"])["SO-1"] == newer


def test_of_two_versions_in_one_set_the_newest_is_kept(session: Session) -> None:
    newer = order(at=AT + timedelta(seconds=1), status="Shipped")
    assert orders.upsert(session, [newer, order()]) == ["SO-1"]
    assert orders.get_many(session, ["SO-1"])["SO-1"].status == "Shipped"


def test_lines_change_and_go_with_their_order(session: Session) -> None:
    orders.upsert(session, [order(), order("SO-2")])
    changed = order().lines[1].model_copy(update={"quantity": Decimal(3)})
    assert orders.upsert(session, [order(lines=(changed,)), order("SO-2")]) == ["SO-1"]
    assert orders.get_many(session, ["SO-1"])["SO-1"].lines == (changed,)
    assert len(orders.get_many(session, ["SO-2"])["SO-2"].lines) == 2
    assert orders.upsert(session, [order(lines=())]) == ["SO-1"]
    assert orders.get_many(session, ["SO-1"])["SO-1"].lines == ()


def test_a_deleted_order_is_a_tombstone(session: Session) -> None:
    """M9, G-B7: a deleted order stays, and an older version does not bring it back."""
    orders.upsert(session, [order()])
    gone = order(at=AT + timedelta(hours=1), deleted=True)
    assert orders.upsert(session, [gone]) == ["SO-1"]
    assert orders.upsert(session, [order()]) == []
    assert orders.get_many(session, ["SO-1"])["SO-1"].deleted


def test_orders_of_a_customer(session: Session) -> None:
    orders.upsert(session, [order("SO-1"), order("SO-2", customer_number="0002"), order("SO-3")])
    found = orders.page(session, customer_number="0001", limit=1)
    assert [one.number for one in found.items] == ["SO-1"]
    following = orders.page(session, customer_number="0001", limit=1, cursor=found.next_cursor)
    assert [one.number for one in following.items] == ["SO-3"]
    assert len(following.items[0].lines) == 2


def test_the_newest_version_wins_whichever_transaction_is_first(engine: Engine, cause: Cause) -> None:
    versions = [
        order("SO-1", at=AT + timedelta(seconds=n), status=str(n), lines=order().lines[: n % 3]) for n in range(8)
    ]

    def write(one: Order) -> None:
        with transaction(engine, cause) as mine:
            orders.upsert(mine, [one])

    threads = [Thread(target=write, args=(one,)) for one in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as session:
        assert orders.get_many(session, ["SO-1"])["SO-1"] == versions[-1]


def test_overlapping_sets_do_not_deadlock(engine: Engine, cause: Cause) -> None:
    numbers = [f"{n:04}" for n in range(300)]
    errors: list[Exception] = []

    def write(order_of: list[str], name: str) -> None:
        try:
            for _ in range(5):
                with transaction(engine, cause) as mine:
                    customers.upsert(mine, [customer(number, name + str(_)) for number in order_of])
        except Exception as error:  # noqa: BLE001 - reported by the test
            errors.append(error)

    threads = [Thread(target=write, args=pair) for pair in ((numbers, "a"), (numbers[::-1], "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
