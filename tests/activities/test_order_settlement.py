"""Settling orders on real PostgreSQL: what is kept, what follows, and that a second look changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from activities.order_settlement import Settlement, SettlingRules
from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.exceptions import Cause as Why
from domain.lifecycle import Lifecycle
from domain.work import OrderSettled
from store import acknowledgements, customers, exceptions, items, order_states, orders
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables import ChangeRow
from tests.build import company, customer, item, line, order, order_line, shipment
from tests.store.books import new_file, state

CAUSE = Cause(source=CauseSource.USER, actor="test")
AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIFECYCLE = Lifecycle.parse(Path("config/lifecycle.toml").read_text(encoding="utf-8"))


class Desk:
    """A store with one customer and some items, and a clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.now = engine, AT
        self.rules = SettlingRules(company=company(), lifecycle=LIFECYCLE)
        with self.writing() as session:
            customers.upsert(session, [customer()])
            items.upsert(session, [item(), item("NUT")])

    def writing(self) -> Any:
        return transaction(self.engine, CAUSE)

    def place(self, **changes: Any) -> None:
        lines = changes.pop("lines", (order_line(1, quantity=Decimal(10)), order_line(2, sku="NUT")))
        with self.writing() as session:
            orders.upsert(session, [order(*lines, **{"version_at": self.now, **changes})])

    def ship(self, number: str, *lines: Any, **changes: Any) -> None:
        with self.writing() as session:
            given = shipment(*lines, number=number, shipped_at=self.now, **changes)
            state(session, given)

    def say(self, status: AcknowledgementStatus, *lines: AcknowledgedLine, reason: str | None = None) -> None:
        said = OrderAcknowledgement(order_number="SO1", status=status, reason=reason, lines=lines)
        with self.writing() as session:
            sequence = int(self.now.timestamp())
            file_id = new_file(session, f"ORDACK.S{sequence}")
            acknowledgements.record(session, [(said, "ORDACK line 2")], self.now, sequence, file_id)

    def settle(self, *numbers: str) -> list[OrderSettled]:
        with self.writing() as session:
            return Settlement(session, self.rules, self.now).settle(numbers or ["SO1"])

    def later(self, hours: float = 1) -> None:
        self.now += hours * HOUR

    def open_causes(self) -> list[Why]:
        with reading(self.engine) as session:
            return [one.cause for one in exceptions.open_of_record(session, ("order", "SO1"))]

    def ledger(self, line_no: int) -> Any:
        with reading(self.engine) as session:
            return next(one for one in order_states.ledgers_of(session, ["SO1"])["SO1"] if one.line_no == line_no)

    def changes(self) -> int:
        with reading(self.engine) as session:
            return session.scalar(select(func.count()).select_from(ChangeRow)) or 0


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def test_an_unknown_order_is_not_settled(desk: Desk) -> None:
    assert desk.settle("SO9") == []


def test_an_order_is_accepted_and_a_second_look_changes_nothing(desk: Desk) -> None:
    desk.place()
    (first,) = desk.settle()
    before = desk.changes()
    desk.later()
    (second,) = desk.settle()

    assert (first.state, first.shows, first.send, first.tell) == ("accepted", "Submitted", False, True)
    assert (second.state, desk.changes()) == ("accepted", before)
    one = desk.ledger(1)
    assert (one.ordered, one.open, one.shipped) == (Decimal(10), Decimal(10), Decimal(0))


def test_a_partial_shipment_is_in_the_ledger(desk: Desk) -> None:
    """Cases O1 and G-D2."""
    desk.place()
    desk.later()
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10), quantity_shipped=Decimal(4)))
    (settled,) = desk.settle()

    assert (settled.state, settled.shows) == ("partly_shipped", "Partially Shipped")
    one = desk.ledger(1)
    assert (one.ordered, one.shipped, one.open, one.unbilled) == (10, 4, 6, 4)
