"""A person decides about an order while it is looked at: both lock work for people before marks of orders."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from store import exceptions, order_marks
from tests.api.served import Served, until

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def somebody_waits(served: Served) -> bool:
    """Whether a transaction waits for a lock; asked in a session of its own, since one sees the same all along."""
    with served.write() as session:
        return bool(session.scalar(WAITING))


async def test_a_decision_holds_no_mark_while_it_waits_for_a_look(served: Served) -> None:
    """A look locks the work on its orders, and strikes their marks at its end (`store/order_marks.py`)."""
    finding = Finding(
        kind=ExceptionKind.HOLD, cause=Cause.ORDER_NEEDS_DECISION, sentence="It waits.", choices=(Choice.HANDLED,)
    )
    with served.write() as session:
        item = exceptions.open_item(session, finding=finding, record=("order", "SO1"), owner="sales operations")
        order_marks.mark(session, ["SO1"], "test")

    with served.write() as looking:
        exceptions.lock_open(looking, "order", ["SO1"])
        body = {"choice": "handled", "reason": "settled with the customer"}
        deciding = asyncio.create_task(served.client.post(f"/exceptions/{item}/resolve", json=body))
        await until(lambda: somebody_waits(served))
        looking.execute(text("SET LOCAL lock_timeout = '2s'"))
        order_marks.strike(looking, order_marks.read(looking, ["SO1"]))

    assert (await deciding).status_code == 200
    with served.write() as session:
        assert order_marks.oldest(session, 10) == ["SO1"], "the decision asks for a look"
