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
from domain.exceptions import Choice, Resolution
from domain.lifecycle import Lifecycle
from domain.order_acts import act_observation
from domain.order_messages import OrderAction
from domain.order_work import OrderSettled
from store import (
    acknowledgements,
    customers,
    exceptions,
    items,
    observations,
    order_messages,
    order_states,
    orders,
)
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.stock import demands
from store.tables import ChangeRow, InvoiceRow
from tests.build import company, customer, item, line, order, order_line, shipment
from tests.store.books import book, masters, new_file, state

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

    def decide(self, act: str) -> None:
        decision = act_observation(act, f"{act} {self.now}", "pat: because", self.now)
        with self.writing() as session:
            observations.note(session, "SO1", decision, self.now)

    def handle(self) -> None:
        """A person settles everything that is open."""
        with self.writing() as session:
            for one in exceptions.open_of_record(session, ("order", "SO1")):
                resolution = Resolution(
                    exception_id=one.id, choice=Choice.HANDLED, reason="done", decided_by="pat", decided_at=self.now
                )
                exceptions.resolve(session, resolution)

    def messages(self) -> list[Any]:
        with reading(self.engine) as session:
            return order_messages.history(session, "SO1")

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


def allocated(line_no: int, quantity: str, backordered: str = "0") -> AcknowledgedLine:
    return AcknowledgedLine(line_no=line_no, sku="BOLT", allocated=Decimal(quantity), backordered=Decimal(backordered))


def links_of(session: Any) -> None:
    masters(session, "BOLT", "NUT")


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


def test_an_invoiced_order_is_followed_to_its_payment(desk: Desk) -> None:
    """Case E18: invoiced and paid, as QuickBooks says."""
    desk.place(lines=(order_line(1, quantity=Decimal(10)),))
    desk.later()
    given = shipment(number="SH1", shipped_at=desk.now)
    with desk.writing() as session:
        links_of(session)
        state(session, given)
        row = book(session, given, "71")
        key = (row.shipment_number, row.generation)
    (settled,) = desk.settle()
    assert (settled.state, settled.shows) == ("invoiced", "Invoiced")

    with desk.writing() as session:
        found = session.get(InvoiceRow, key)
        assert found is not None
        found.balance = Decimal(0)
    (settled,) = desk.settle()
    assert (settled.state, settled.shows) == ("paid", "Paid")
    one = desk.ledger(1)
    assert (one.billed, one.unbilled, one.open) == (10, 0, 0)


def test_the_erp_s_words_move_the_order_and_the_same_word_again_does_not(desk: Desk) -> None:
    desk.place()
    desk.later()
    desk.say(AcknowledgementStatus.CREDIT_HOLD, reason="CREDIT LIMIT")
    (settled,) = desk.settle()
    assert (settled.state, settled.shows) == ("credit_hold", "Credit Hold")
    assert desk.open_causes() == [Why.ORDER_NEEDS_DECISION]

    desk.later()
    desk.say(AcknowledgementStatus.CREDIT_HOLD, reason="CREDIT LIMIT")
    before = desk.changes()
    (settled,) = desk.settle()
    assert settled.state == "credit_hold"
    assert desk.changes() == before, "no news"

    desk.later()
    desk.say(AcknowledgementStatus.ACCEPTED, allocated(1, "10"), allocated(2, "10"))
    (settled,) = desk.settle()
    assert (settled.state, desk.open_causes()) == ("allocated", [])


def test_a_shipment_before_its_activation_waits_its_time(desk: Desk) -> None:
    """Case O7: it is early for a while, then work for a person, and no trouble any more once the order is active."""
    desk.place(status="Draft", active=False)
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10)))
    (settled,) = desk.settle()
    assert (settled.state, desk.open_causes()) == ("received", [])
    assert settled.look_at is not None

    desk.later(2)
    desk.settle()
    assert desk.open_causes() == [Why.ORDER_EVENT_EARLY]

    desk.place(status="Activated", active=True)
    (settled,) = desk.settle()
    assert (settled.state, desk.open_causes()) == ("partly_shipped", [])


def test_a_corrected_shipment_takes_its_observation_back(desk: Desk) -> None:
    """Case F9: what was whole is a part by the newest statement."""
    desk.place(lines=(order_line(1, quantity=Decimal(10)),))
    desk.later()
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10)))
    (settled,) = desk.settle()
    assert settled.state == "shipped"

    desk.later()
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10), quantity_shipped=Decimal(4)))
    (settled,) = desk.settle()
    assert settled.state == "partly_shipped"
    assert desk.ledger(1).open == 6


def test_orders_that_were_there_before_are_not_told_to_the_erp_but_their_changes_are(desk: Desk) -> None:
    """Case O8: what the ERP had when the gateway came is its baseline."""
    desk.place()
    (settled,) = desk.settle()
    assert not settled.send

    desk.later()
    desk.say(AcknowledgementStatus.ACCEPTED, allocated(1, "10"), allocated(2, "10"))
    desk.settle()
    desk.later()
    desk.place(lines=(order_line(1, quantity=Decimal(12)), order_line(2, sku="NUT")))
    (settled,) = desk.settle()
    assert (settled.send, settled.flow) == (True, True)
    (told,) = desk.messages()
    assert told.message.action is OrderAction.CHANGE
    assert [(one.line_no, one.quantity) for one in told.message.lines] == [(1, Decimal(12)), (2, Decimal(10))]
    (again,) = desk.settle()
    assert (again.send, len(desk.messages())) == (True, 1), "one message, until it is written"


def test_a_price_that_changes_after_goods_left_is_work_for_a_person_once(desk: Desk) -> None:
    """Case O8."""
    desk.place()
    desk.settle()
    desk.later()
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10)))
    desk.settle()
    desk.later()
    desk.place(lines=(order_line(1, quantity=Decimal(10), unit_price=Decimal("3.10")), order_line(2, sku="NUT")))
    desk.settle()
    assert desk.open_causes() == [Why.ORDER_CHANGED_AFTER_SHIPMENT]

    desk.handle()
    desk.settle()
    assert desk.open_causes() == []


def test_a_cancelled_order_is_told_to_the_erp_and_asks_for_nothing_once_it_agrees(desk: Desk) -> None:
    """Case O9: nothing has left; the ERP has the last word."""
    desk.place()
    desk.settle()
    desk.later()
    desk.say(AcknowledgementStatus.ACCEPTED, allocated(1, "10"), allocated(2, "10"))
    desk.settle()
    desk.later()
    desk.decide("cancel")
    (settled,) = desk.settle()
    assert (settled.state, settled.send) == ("cancelling", True)
    assert desk.messages()[-1].message.action is OrderAction.CANCEL

    desk.later()
    desk.say(AcknowledgementStatus.CANCELLED)
    (settled,) = desk.settle()
    assert settled.state == "cancelled"
    assert (desk.ledger(1).cancelled, desk.ledger(1).open) == (10, 0)
    with reading(desk.engine) as session:
        asked = demands.asked_of(session, ["BOLT"], {"BOLT": item()}, {}, demands.Window(None, None))
        assert asked.demands.get("BOLT", []) == []


def test_a_cancellation_with_a_shipped_part_cancels_the_rest_only(desk: Desk) -> None:
    """Case O9."""
    desk.place(lines=(order_line(1, quantity=Decimal(10)),))
    desk.settle()
    desk.later()
    desk.ship("SH1", line(1, quantity_ordered=Decimal(10), quantity_shipped=Decimal(4)))
    desk.settle()
    desk.later()
    desk.decide("cancel")
    (settled,) = desk.settle()
    assert settled.state == "cancelling_rest"
    desk.later()
    desk.say(AcknowledgementStatus.CANCELLED)
    desk.settle()
    one = desk.ledger(1)
    assert (one.shipped, one.cancelled, one.open, one.unbilled) == (4, 6, 0, 4)
