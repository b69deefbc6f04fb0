"""One flow a master record: it reads, decides, writes and keeps, waits for people, and outlasts outages."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from activities.starting import wake_master
from domain.errors import NotAuthorized, Unavailable
from domain.links import LinkKind
from domain.master_work import (
    MasterDecided,
    MasterProgress,
    MasterRead,
    MastersPulled,
    MastersWoken,
    MastersWork,
    MasterWork,
    MasterWrite,
    MasterWritten,
    WriteState,
)
from domain.sources import System
from tests.workflows.stage import Stage, until

CUSTOMER = MasterWork(kind=LinkKind.CUSTOMER, key="00000042", reason="poll")
CUSTOMER_ID = "customer/00000042"
BOTH = MasterDecided(writes={System.SALESFORCE: 1, System.QUICKBOOKS: 2})
STALE = MasterWritten(state=WriteState.PLANNED, stale=True)


async def step(stage: Stage) -> str:
    progress: MasterProgress = await stage.status(CUSTOMER_ID, MasterProgress)
    return progress.step


async def test_what_is_decided_is_written_on_both_sides_and_kept(stage: Stage) -> None:
    stage.steps.answer("decide_master", BOTH)
    done: MasterProgress = await stage.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert (done.step, done.rounds) == ("done", 1)
    assert stage.steps.asked["write_salesforce_master"] == [MasterWrite(write_id=1)]
    assert stage.steps.asked["write_quickbooks_master"] == [MasterWrite(write_id=2)]
    assert stage.steps.times("settle_master") == 1


async def test_where_nothing_is_to_be_written_nothing_is(stage: Stage) -> None:
    await stage.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert stage.steps.times("write_salesforce_master") + stage.steps.times("settle_master") == 0


async def test_terms_are_not_looked_for_in_salesforce(stage: Stage) -> None:
    work = MasterWork(kind=LinkKind.TERMS, key="N30")
    await stage.run("MasterMerge", work, "terms/N30", MasterProgress)
    assert stage.steps.times("read_quickbooks_master") == 1
    assert stage.steps.times("read_salesforce_master") == 0


async def test_a_record_that_changed_under_the_write_is_read_again_before_anything_is_kept(skipping: Stage) -> None:
    skipping.steps.answer("decide_master", BOTH)
    skipping.steps.answer("write_quickbooks_master", STALE, STALE, MasterWritten(state=WriteState.DONE))
    await skipping.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert skipping.steps.times("read_quickbooks_master") == skipping.steps.times("decide_master") == 3
    assert skipping.steps.times("settle_master") == 1


async def test_a_question_keeps_the_flow_until_a_person_has_decided(stage: Stage) -> None:
    """Feature G-C6."""
    stage.steps.answer("decide_master", MasterDecided(waiting=1), MasterDecided())
    handle = await stage.start("MasterMerge", CUSTOMER, CUSTOMER_ID)
    await until(lambda: _is(stage, "waiting for a person"))
    await handle.signal("recheck")
    await handle.result()
    assert stage.steps.times("decide_master") == 2


async def test_a_question_is_looked_at_again_by_itself(skipping: Stage) -> None:
    """Should its cause go away unnoticed."""
    skipping.steps.answer("decide_master", MasterDecided(waiting=1), MasterDecided())
    began = await skipping.env.get_current_time()
    await skipping.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert await skipping.env.get_current_time() - began >= timedelta(hours=6)


async def test_news_while_it_works_are_one_more_look_in_the_same_flow(stage: Stage) -> None:
    """Feature G-G8: serial for each record."""
    gate = asyncio.Event()

    async def read(_: object) -> MasterRead:
        await gate.wait()
        return MasterRead(linked=True)

    stage.steps.answer("read_quickbooks_master", read, MasterRead(linked=True))
    for _ in range(5):
        await wake_master(stage.client, LinkKind.CUSTOMER, "00000042", "hook")
    await until(lambda: stage.steps.times("read_quickbooks_master") == 1)
    gate.set()
    await stage.client.get_workflow_handle(CUSTOMER_ID).result()
    assert stage.steps.times("decide_master") <= 2


async def test_an_outage_is_waited_for(skipping: Stage) -> None:
    """Case X1."""
    skipping.steps.answer("read_salesforce_master", *[Unavailable()] * 6, MasterRead(linked=True))
    done: MasterProgress = await skipping.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert done.step == "done"


async def test_a_connection_that_refuses_us_is_tried_again_later(skipping: Stage) -> None:
    skipping.steps.answer("read_quickbooks_master", NotAuthorized(), MasterRead(linked=True))
    began = await skipping.env.get_current_time()
    await skipping.run("MasterMerge", CUSTOMER, CUSTOMER_ID, MasterProgress)
    assert await skipping.env.get_current_time() - began >= timedelta(minutes=5)


async def test_a_long_life_starts_its_history_afresh(stage: Stage) -> None:
    stage.steps.answer("decide_master", MasterDecided(waiting=1))
    handle = await stage.start("MasterMerge", CUSTOMER, CUSTOMER_ID)
    for looks in range(1, 15):
        await until(lambda looks=looks: stage.steps.times("decide_master") >= looks)
        await stage.client.get_workflow_handle(CUSTOMER_ID).signal("look")
    described = await stage.client.get_workflow_handle(CUSTOMER_ID).describe()
    assert described.run_id != handle.first_execution_run_id


@pytest.mark.parametrize("away", ["salesforce", "quickbooks"])
async def test_a_system_that_is_away_does_not_hold_up_the_other(stage: Stage, away: str) -> None:
    other = {"salesforce": "quickbooks", "quickbooks": "salesforce"}[away]
    stage.steps.answer(f"pull_{away}_masters", NotAuthorized())
    stage.steps.answer(f"pull_{other}_masters", MastersPulled(read=3, changed=2))
    stage.steps.answer("wake_masters", MastersWoken(woken=200, more=True), MastersWoken(woken=1))
    pulled = await stage.run("MastersPull", MastersWork(), "masters-pull/1", MastersPulled)
    assert pulled == MastersPulled(read=3, changed=2)
    assert stage.steps.times("wake_masters") == 2


async def _is(stage: Stage, wanted: str) -> bool:
    return await step(stage) == wanted
