"""What the ERP is told of an order once goods have left: what it was told stays, and nothing is ordered by shipping."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from domain.exceptions import Cause
from domain.order_case import OrderCase, SentMessage
from domain.order_messages import OrderAction
from domain.order_plan import OrderPlan, OrderRules, Standing, content_of, plan
from domain.orders import OrderLine
from domain.shipments import Shipment
from tests.domain.test_order_reading import AT, HOUR, line, order, shipped

RULES = OrderRules(warehouse="SCR")


def told(*lines: OrderLine) -> SentMessage:
    """What the ERP was told of the order when these were its lines."""
    content = content_of(OrderCase(order=order(*lines)), "N30", RULES.warehouse)
    assert content is not None
    return SentMessage(message=content, added_at=AT, sent_at=AT + timedelta(minutes=1), sequence=1)


def looked(*lines: OrderLine, message: SentMessage, shipments: tuple[Shipment, ...] = ()) -> OrderPlan:
    case = OrderCase(order=order(*lines), messages=(message,), shipments=shipments, born_here=True)
    standing = Standing(state="Shipped", does=frozenset(), person=False, closed=False, since_at=AT)
    return plan(case, standing, "N30", RULES, None, AT + 9 * HOUR)


def test_what_left_beyond_the_order_is_not_ordered_by_that() -> None:
    """Case O4: eleven left of ten. The ERP knows what it was told, and nobody changed anything."""
    made = looked(line(1, "10"), message=told(line(1, "10")), shipments=(shipped("S1", 1, {1: "11"}),))

    assert made.message is None
    assert made.findings == ()


def test_a_line_that_is_lowered_below_what_left_stays_at_what_left() -> None:
    """Case O8: six of ten left, then Salesforce asks for four."""
    made = looked(line(1, "4"), message=told(line(1, "10")), shipments=(shipped("S1", 1, {1: "6"}),))

    assert made.message is not None
    assert made.message.action is OrderAction.CHANGE
    assert [one.quantity for one in made.message.lines] == [Decimal(6)]
    assert [one.cause for one in made.findings] == [Cause.ORDER_CHANGED_AFTER_SHIPMENT]


def test_more_is_ordered_of_a_line_that_was_shipped_over() -> None:
    """Cases O4 and O8: eleven left of ten, then Salesforce asks for fifteen."""
    made = looked(line(1, "15"), message=told(line(1, "10")), shipments=(shipped("S1", 1, {1: "11"}),))

    assert made.message is not None
    assert [one.quantity for one in made.message.lines] == [Decimal(15)]
    assert made.findings == ()


def test_a_line_that_is_gone_stays_at_what_left_of_it() -> None:
    """Case O8: line 2 was deleted after a part of it had left."""
    made = looked(line(1, "10"), message=told(line(1, "10"), line(2, "4")), shipments=(shipped("S1", 1, {2: "3"}),))

    assert made.message is not None
    assert {one.line_no: one.quantity for one in made.message.lines} == {1: Decimal(10), 2: Decimal(3)}
