"""Orders that change before they were in a file for the ERP, from their look to their message, on real PostgreSQL."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import Engine

from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding
from domain.order_acceptance import NumberRules
from domain.order_messages import MessageState, OrderAction
from store import exceptions, order_messages, order_numbers
from tests.activities.test_order_settlement import Desk
from tests.build import order_line

RULES = NumberRules(prefix="SO", first=1, digits=1)


class Rep(Desk):
    """A desk whose order SO1 was born in Salesforce and numbered by the gateway."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        with self.writing() as session:
            order_numbers.give(session, ["801SO1"], RULES, self.now)
            order_numbers.mark_written(session, ["801SO1"], self.now)

    def place(self, **changes: object) -> None:
        super().place(external_id="801SO1", **changes)

    def told(self) -> list[tuple[OrderAction, MessageState]]:
        return [(one.message.action, one.state) for one in self.messages()]


@pytest.fixture
def rep(engine: Engine) -> Rep:
    return Rep(engine)


def test_an_order_that_is_cancelled_before_its_file_is_never_told(rep: Rep) -> None:
    """Case O9: there is nothing to cancel at the ERP either."""
    rep.place()
    (settled,) = rep.settle()
    assert (settled.send, rep.told()) == (True, [(OrderAction.ADD, MessageState.PENDING)])

    rep.later()
    rep.place(status="Cancelled", active=False)
    (settled,) = rep.settle()
    assert (settled.state, settled.closed, settled.send) == ("cancelled", True, False)
    assert rep.told() == [(OrderAction.ADD, MessageState.WITHDRAWN)]
    rep.later()
    assert rep.settle()[0].send is False


def test_an_order_that_changes_before_its_file_is_told_as_it_is_then(rep: Rep) -> None:
    """Case O8."""
    rep.place()
    rep.settle()
    rep.later()
    rep.place(lines=(order_line(1, quantity=Decimal(7)),))
    rep.settle()

    assert rep.told() == [(OrderAction.ADD, MessageState.WITHDRAWN), (OrderAction.ADD, MessageState.PENDING)]
    assert [line.quantity for line in rep.messages()[-1].message.lines] == [Decimal(7)]


def test_what_could_not_be_written_is_nobodys_work_once_its_order_is_given_up(rep: Rep) -> None:
    rep.place()
    rep.settle()
    finding = Finding(
        kind=ExceptionKind.HOLD, cause=Why.ORDER_NOT_WRITABLE, sentence="Too long.", choices=(Choice.HANDLED,)
    )
    with rep.writing() as session:
        (waiting,) = order_messages.pending(session)
        order_messages.refuse(session, waiting, "too long")
        exceptions.open_item(session, finding=finding, record=("order", "SO1"), owner="sales operations")
    rep.later()
    rep.settle()
    assert rep.open_causes() == [Why.ORDER_NOT_WRITABLE]

    rep.later()
    rep.place(status="Cancelled", active=False)
    rep.settle()
    assert (rep.told(), rep.open_causes()) == ([(OrderAction.ADD, MessageState.WITHDRAWN)], [])
