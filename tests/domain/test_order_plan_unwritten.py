"""What waits for a file and is in none yet: it is replaced or withdrawn when the order goes on, never written stale."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.exceptions import Cause
from domain.observations import Observation
from domain.order_case import OrderCase, SentMessage
from domain.order_messages import OrderAction, OrderMessage
from domain.order_plan import OrderPlan, OrderRules, Standing, content_of, plan
from domain.orders import OrderLine
from domain.shipments import Shipment
from domain.sources import System
from tests.domain.test_order_reading import AT, HOUR, line, order, shipped

RULES = OrderRules(warehouse="SCR")
SEND, RELEASE, CANCEL = frozenset({"send"}), frozenset({"release"}), frozenset({"cancel"})
NONE: frozenset[str] = frozenset()


def content(*lines: OrderLine, action: OrderAction = OrderAction.ADD) -> OrderMessage:
    made = content_of(OrderCase(order=order(*lines)), "N30", RULES.warehouse)
    assert made is not None
    return made.model_copy(update={"action": action})


def waiting(message: OrderMessage, after: timedelta = HOUR) -> SentMessage:
    """Added, and in no file."""
    return SentMessage(message=message, added_at=AT + after)


def written(message: OrderMessage, *, sent: bool = True) -> SentMessage:
    """In a file, which is there or on its way."""
    return SentMessage(message=message, added_at=AT, sequence=1, sent_at=AT + timedelta(minutes=1) if sent else None)


def looked(
    *lines: OrderLine,
    messages: tuple[SentMessage, ...],
    does: frozenset[str],
    lasting: tuple[Observation, ...] = (),
    shipments: tuple[Shipment, ...] = (),
) -> OrderPlan:
    case = OrderCase(order=order(*lines), messages=messages, born_here=True, lasting=lasting, shipments=shipments)
    left = {one.line_no: one.quantity_shipped for shipment in shipments for one in shipment.lines}
    standing = Standing(state="Accepted", does=does, person=False, closed=False, since_at=AT, shipped=left)
    return plan(case, standing, "N30", RULES, None, AT + 9 * HOUR)


def resend(after: timedelta) -> Observation:
    return Observation(
        system=System.GATEWAY, kind="order", value="resend_requested", reference="r", occurred_at=AT + after
    )


def test_an_order_that_is_cancelled_before_it_was_in_a_file_is_never_told() -> None:
    """Case O9: the ERP knows nothing of it, so there is nothing to cancel there either."""
    made = looked(line(1, "10"), messages=(waiting(content(line(1, "10"))),), does=RELEASE)
    assert (made.message, made.withdraw) == (None, True)


def test_an_order_that_is_cancelled_while_its_file_is_on_its_way_stays_in_it() -> None:
    made = looked(line(1, "10"), messages=(written(content(line(1, "10")), sent=False),), does=RELEASE)
    assert (made.message, made.withdraw) == (None, False)


def test_an_order_that_is_held_before_it_was_in_a_file_waits_untold() -> None:
    """Case O17: no state that sends."""
    made = looked(line(1, "10"), messages=(waiting(content(line(1, "10"))),), does=NONE)
    assert (made.message, made.withdraw) == (None, True)


def test_an_order_that_changes_before_it_was_in_a_file_is_added_as_it_is_now() -> None:
    """Case O8: the ERP cannot change what it does not have."""
    made = looked(line(1, "12"), messages=(waiting(content(line(1, "10"))),), does=SEND)
    assert made.message is not None
    assert (made.message.action, made.message.lines[0].quantity) == (OrderAction.ADD, Decimal(12))


def test_what_waits_and_still_holds_is_not_added_again() -> None:
    made = looked(line(1, "10"), messages=(waiting(content(line(1, "10"))),), does=SEND)
    assert (made.message, made.withdraw) == (None, False)


def test_a_change_that_is_taken_back_before_it_was_in_a_file_is_not_told() -> None:
    """Case O8: to twelve and back to ten, which the ERP has."""
    change = content(line(1, "12"), action=OrderAction.CHANGE)
    made = looked(line(1, "10"), messages=(written(content(line(1, "10"))), waiting(change)), does=NONE)
    assert (made.message, made.withdraw) == (None, True)


def test_a_price_that_was_to_be_told_is_not_when_the_goods_have_left_at_the_old_one() -> None:
    """Case O8: the change was in no file yet when the shipment came; what left stays at the price that was told."""
    told = content(line(1, "10"))
    dearer = line(1, "10").model_copy(update={"unit_price": Decimal("3.00")})
    change = content(dearer, action=OrderAction.CHANGE)
    left = shipped("S1", 1, {1: "10"})
    made = looked(dearer, messages=(written(told), waiting(change)), does=NONE, shipments=(left,))

    assert (made.message, made.withdraw) == (None, True)
    assert [one.cause for one in made.findings] == [Cause.ORDER_CHANGED_AFTER_SHIPMENT]


def test_a_cancellation_takes_the_place_of_a_change_that_waits() -> None:
    """Case O9."""
    change = content(line(1, "12"), action=OrderAction.CHANGE)
    made = looked(line(1, "12"), messages=(written(content(line(1, "10"))), waiting(change)), does=CANCEL)
    assert made.message is not None
    assert made.message.action is OrderAction.CANCEL


@pytest.mark.parametrize("does", [SEND, NONE])
def test_a_message_that_a_person_wanted_again_is_not_withdrawn_by_the_next_look(does: frozenset[str]) -> None:
    told = content(line(1, "10"))
    asked = resend(2 * HOUR)
    first = looked(line(1, "10"), messages=(written(told),), does=does, lasting=(asked,))
    assert first.message == told
    queued = waiting(told, after=3 * HOUR)
    second = looked(line(1, "10"), messages=(written(told), queued), does=does, lasting=(asked,))
    assert (second.message, second.withdraw) == (None, False)


def test_what_is_wanted_again_while_it_is_on_its_way_is_not_told_twice() -> None:
    told = content(line(1, "10"))
    made = looked(line(1, "10"), messages=(written(told, sent=False),), does=NONE, lasting=(resend(HOUR),))
    assert (made.message, made.withdraw) == (None, False)
