"""Hints between the store and Temporal: lost starts are made good, and what changed meanwhile is read again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.hooks import Heard, Hint, HookReceiver, Sender
from activities.waiting import WaitingActivities
from domain.order_work import OrdersNamed, OrdersPulled, SalesforceEventProgress
from domain.work import SweepWork, Swept
from store import inbox
from store.session import reading
from tests.looks import looking
from tests.workflows.stage import Stage, until

ORDER, OTHER = "801000000000001AAA", "801000000000002AAA"
ID = f"salesforce-event/{ORDER}"


def receiver_of(engine: Engine, client: Client) -> HookReceiver:
    return HookReceiver(engine, client, SecretStr("a-hook-secret-of-these-tests"), Sender())


def hint(event: str, record: str | None = ORDER) -> Hint:
    return Hint(event_id=event, record_id=record)


async def sweep(engine: Engine, client: Client) -> Swept:
    waiting = WaitingActivities(engine, client, looking(engine, client))
    swept: Swept = await ActivityEnvironment().run(waiting.sweep, SweepWork(older_than_seconds=0))
    return swept


def backlog(engine: Engine) -> int:
    with reading(engine) as session:
        return inbox.backlog(session)[0]


async def test_a_hint_is_read_by_its_flow(engine: Engine, stage: Stage) -> None:
    assert await receiver_of(engine, stage.client).receive([hint("a"), hint("b", None)], "call") == Heard(
        hints=2, new=2
    )

    await stage.client.get_workflow_handle(ID).result()
    (asked,) = stage.steps.asked["read_orders"]
    assert asked.order_ids == [ORDER]
    assert asked.hinted_at is not None
    assert backlog(engine) == 0


async def test_hints_that_came_while_temporal_was_away_are_read_by_the_sweep(
    engine: Engine, stage: Stage, away: Client
) -> None:
    receiver = receiver_of(engine, away)
    await receiver.receive([hint("a")], "call")
    await receiver.receive([hint("b"), hint("c", OTHER)], "message")
    assert backlog(engine) == 3

    assert (await sweep(engine, stage.client)).inbox == 3
    await until(lambda: {one for work in stage.steps.asked["read_orders"] for one in work.order_ids} == {ORDER, OTHER})
    assert backlog(engine) == 0


async def test_a_lost_start_is_a_read_of_its_own_when_the_record_is_being_read(engine: Engine, stage: Stage) -> None:
    """The process died after it had committed a hint; what the read under way has seen may be older than that."""
    back = asyncio.Event()

    async def read(_: OrdersNamed) -> OrdersPulled:
        await back.wait()
        return OrdersPulled(read=1)

    stage.steps.answer("read_orders", read)
    receiver = receiver_of(engine, stage.client)
    await receiver.receive([hint("a")], "call")
    await until(lambda: stage.steps.times("read_orders") == 1)
    receiver._keep([hint("b")], "call")
    await sweep(engine, stage.client)
    back.set()

    handle: Any = stage.client.get_workflow_handle(ID, result_type=SalesforceEventProgress)
    assert (await handle.result()).reads == 2


async def test_a_death_between_two_hints_loses_neither(
    engine: Engine, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died after waking the flow and before noting that: the sweep wakes it once more, which is one more read."""
    receiver = receiver_of(engine, stage.client)
    monkeypatch.setattr(receiver, "_note_started", lambda _: 1 / 0)
    assert (await receiver.receive([hint("a")], "call")).new == 1
    await stage.client.get_workflow_handle(ID).result()
    assert backlog(engine) == 1

    await sweep(engine, stage.client)
    await until(lambda: stage.steps.times("read_orders") == 2)
    assert backlog(engine) == 0
