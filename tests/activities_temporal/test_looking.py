"""Looks at orders: they wake the flows of orders that changed and no others, and forget nobody who is not told yet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.starting import is_running
from domain.acknowledgements import AcknowledgementStatus
from domain.order_work import OrdersLook
from store import cursors, order_marks, order_states
from store.session import reading
from tests.activities.test_order_settlement import Desk
from tests.looks import looking
from tests.workflows.stage import Stage


async def look(engine: Engine, client: Client) -> OrdersLook:
    found: OrdersLook = await ActivityEnvironment().run(looking(engine, client).look_at_orders, OrdersLook())
    return found


async def test_news_that_change_nothing_wake_no_flow(engine: Engine, client: Client, stage: Stage) -> None:
    """An acknowledgement file lists every open order, of which most are as they were."""
    desk = Desk(engine)
    desk.place()
    desk.say(AcknowledgementStatus.CREDIT_HOLD)
    with desk.writing() as session:
        order_marks.mark(session, ["SO1"], "new")
    assert await look(engine, client) == OrdersLook(taken=1, woken=1)
    assert await is_running(client, "order/SO1")

    with desk.writing() as session:
        order_states.mark_said(session, ["SO1"], datetime.now(UTC))
        order_marks.mark(session, ["SO1"], "listed again")
    assert await look(engine, client) == OrdersLook(taken=1, woken=0)

    desk.later()
    desk.say(AcknowledgementStatus.REJECTED)
    with desk.writing() as session:
        order_marks.mark(session, ["SO1"], "rejected by the ERP")
    assert await look(engine, client) == OrdersLook(taken=1, woken=1)


async def test_a_customer_stays_noted_until_salesforce_is_going_to_be_told(
    engine: Engine, client: Client, away: Client, stage: Stage
) -> None:
    """Case O17: the process may die, or Temporal be away, before the publication is started."""
    desk = Desk(engine)
    with desk.writing() as session:
        cursors.note(session, cursors.CUSTOMERS_TO_LOOK, ["00000042"])
    with pytest.raises(RuntimeError):
        await look(engine, away)
    with reading(engine) as session:
        assert cursors.noted(session, cursors.CUSTOMERS_TO_LOOK) == ["00000042"]

    await look(engine, client)
    with reading(engine) as session:
        assert cursors.noted(session, cursors.CUSTOMERS_TO_LOOK) == []
