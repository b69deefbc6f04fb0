"""Hints of Salesforce: read once for all of them, once more for those that come meanwhile, and never in vain."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from activities.starting import look_at_records
from domain.errors import NotAuthorized, Unavailable
from domain.exceptions import ORDER_CAUSES
from domain.order_work import OrdersNamed, OrdersPulled, SalesforceEventProgress, SalesforceEventWork
from domain.work import Wake
from tests.workflows.stage import Stage, until

ORDER, LINE = "801000000000001AAA", "802000000000001AAA"
AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
WORK = SalesforceEventWork(order_ids=[ORDER], line_ids=[LINE], hinted_at=AT)
ID = f"salesforce-event/{ORDER}"
CHANGED = OrdersPulled(read=1, changed_count=1, changed=["SO-1"])


async def hint(stage: Stage) -> None:
    """As the receiver wakes the flow, with the work as the inbox has it."""
    await look_at_records(stage.client, ID, WORK.model_dump(mode="json"))


async def result(stage: Stage) -> SalesforceEventProgress:
    handle = stage.client.get_workflow_handle(ID, result_type=SalesforceEventProgress)
    return await handle.result()


async def test_what_changed_wakes_whatever_waits_for_it(stage: Stage) -> None:
    stage.steps.answer("read_orders", CHANGED)
    await hint(stage)

    assert await result(stage) == SalesforceEventProgress(step="done", reads=1, changed=["SO-1"])
    assert stage.steps.asked["read_orders"] == [OrdersNamed(order_ids=[ORDER], line_ids=[LINE], hinted_at=AT)]
    assert stage.steps.asked["wake"] == [Wake(causes=ORDER_CAUSES, orders=["SO-1"], pulled=True)]
    assert await stage.status(ID, SalesforceEventProgress) == await result(stage)


async def test_what_did_not_change_wakes_nobody(stage: Stage) -> None:
    await hint(stage)

    assert (await result(stage)).changed == []
    assert stage.steps.times("wake") == 0


async def test_a_burst_of_hints_is_two_reads(stage: Stage) -> None:
    """What came before the read began is in it; what came later is in the next one, all of it together."""
    back = asyncio.Event()

    async def read(_: OrdersNamed) -> OrdersPulled:
        await back.wait()
        return CHANGED

    stage.steps.answer("read_orders", read)
    await hint(stage)
    await until(lambda: stage.steps.times("read_orders") == 1)
    await asyncio.gather(*(hint(stage) for _ in range(50)))
    assert (await stage.status(ID, SalesforceEventProgress)).step == "reading"
    back.set()

    assert (await result(stage)).reads == 2
    assert [one.hinted_at for one in stage.steps.asked["read_orders"]] == [AT, None]


async def test_a_hint_after_the_end_is_read_anew(stage: Stage) -> None:
    for _ in range(2):
        await hint(stage)
        await result(stage)

    assert stage.steps.times("read_orders") == 2


async def test_hints_outlast_an_evening_without_salesforce(skipping: Stage) -> None:
    began = await skipping.env.get_current_time()

    async def read(_: object) -> OrdersPulled | Unavailable:
        now = await skipping.env.get_current_time()
        return Unavailable() if now - began < timedelta(hours=4) else CHANGED

    skipping.steps.answer("read_orders", read)

    done = await skipping.run("SalesforceEvent", WORK, ID, SalesforceEventProgress)
    assert done == SalesforceEventProgress(step="done", reads=1, changed=["SO-1"])


async def test_what_cannot_be_read_ends_in_the_open(stage: Stage) -> None:
    """The poll says to a person what is wrong with the connection; the next hint tries again."""
    stage.steps.answer("read_orders", NotAuthorized(), CHANGED)
    await hint(stage)
    with pytest.raises(WorkflowFailureError):
        await result(stage)
    await hint(stage)

    assert (await result(stage)).reads == 1
