"""`stock/all`: decisions and their publication, side by side, for ever; and exports on their way into the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.errors import Rejected
from domain.files import Entity
from domain.work import FileProgress, FileReading, FileWork, StockDecided, StockShown, StockStated, StockWork
from tests.workflows.stage import Stage, until

ID = "stock/all"
SHA = "cd" * 32
FILE = FileWork(file_id="00000000-0000-0000-0000-000000000088", sha256=SHA, filename="INV410R.20261120.0555")
FILE_ID = f"erp-file/{SHA}"
SNAPSHOT = FileReading(refused=False, entity=Entity.INVENTORY_SNAPSHOT, group_count=156, rejected_group_count=0)
QUIET = StockDecided(items=0, written=0)


async def begin(stage: Stage) -> Any:
    """The workflow as everybody starts it."""
    return await stage.client.start_workflow(
        "StockPromises", StockWork(), id=ID, task_queue="threeway", start_signal="look"
    )


async def test_what_is_decided_is_shown_and_a_signal_is_another_look(stage: Stage) -> None:
    handle = await begin(stage)
    await until(lambda: stage.steps.times("decide_stock") == 1 and stage.steps.times("publish_stock") >= 1)
    assert await stage.status(ID, StockDecided) == StockDecided(items=1, written=1)
    shown = stage.steps.times("publish_stock")
    await handle.signal("look")
    await until(lambda: stage.steps.times("decide_stock") == 2)
    await until(lambda: stage.steps.times("publish_stock") > shown)


async def test_a_look_that_changes_nothing_shows_nothing(stage: Stage) -> None:
    stage.steps.answer("decide_stock", QUIET)
    handle = await begin(stage)
    await until(lambda: stage.steps.times("decide_stock") == 1 and stage.steps.times("publish_stock") == 1)
    for looks in (2, 3):
        await handle.signal("look")
        await until(lambda looks=looks: stage.steps.times("decide_stock") == looks)
    assert stage.steps.times("publish_stock") == 1  # the one of the start: what an earlier run left unsaid
    await handle.signal("recheck")
    await until(lambda: stage.steps.times("publish_stock") == 2, "a decision may let what was refused be said again")


async def test_decisions_go_on_while_salesforce_is_away(stage: Stage) -> None:
    """Case X1, feature G-G7: a shortage is work within seconds, whatever becomes of Salesforce."""
    back = asyncio.Event()

    async def publish(_: StockWork) -> StockShown:
        await back.wait()
        return StockShown(accepted=1)

    stage.steps.answer("publish_stock", publish)
    handle = await begin(stage)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("decide_stock") == looks)
        await handle.signal("look")
    assert stage.steps.times("publish_stock") == 1
    back.set()
    await until(lambda: stage.steps.times("publish_stock") == 2, "what came meanwhile is said in one go")


async def test_a_number_that_ages_is_looked_at_when_it_does(stage: Stage) -> None:
    """Case I7: without a file, without a signal."""
    soon = datetime.now(UTC) + timedelta(seconds=1)
    stage.steps.answer("decide_stock", StockDecided(written=1, next_at=soon), QUIET)
    await begin(stage)
    await until(lambda: stage.steps.times("decide_stock") == 2)


async def test_orders_that_a_shortage_hits_are_told_apart_from_the_stock(stage: Stage) -> None:
    """Feature G-F6."""
    stage.steps.answer("decide_stock", StockDecided(orders=["SO-1", "SO-2"], more=True), QUIET)
    await begin(stage)
    await until(lambda: stage.steps.times("publish") == 1)
    assert stage.steps.asked["publish"][0].orders == ["SO-1", "SO-2"]
    await until(lambda: stage.steps.times("decide_stock") == 2, "there is more to decide")


async def test_a_publication_that_fails_is_made_again(skipping: Stage) -> None:
    skipping.steps.answer("publish_stock", Rejected("no such field"), StockShown(accepted=1))
    await begin(skipping)
    await until(lambda: skipping.steps.times("publish_stock") == 1)
    await skipping.env.sleep(timedelta(minutes=6))
    await until(lambda: skipping.steps.times("publish_stock") == 2)


async def test_its_history_stays_bounded(stage: Stage) -> None:
    """The rows never travel, and a long life is many short histories."""
    handle = await begin(stage)
    first = handle.first_execution_run_id
    looks = 0
    while (await stage.client.get_workflow_handle(ID).describe()).run_id == first:
        looks += 1
        await until(lambda looks=looks: stage.steps.times("decide_stock") >= looks)
        await stage.client.get_workflow_handle(ID).signal("look")
    assert await stage.is_running(ID)
    await until(lambda: stage.steps.times("decide_stock") > looks)


async def test_a_publication_that_hangs_does_not_keep_a_history_from_ending(stage: Stage) -> None:
    """Case X1: the next run decides on, and begins its own publication."""
    back = asyncio.Event()

    async def publish(_: StockWork) -> StockShown:
        await back.wait()
        return StockShown()

    stage.steps.answer("publish_stock", publish)
    handle = await begin(stage)
    first = handle.first_execution_run_id
    looks = 0
    while (await stage.client.get_workflow_handle(ID).describe()).run_id == first:
        looks += 1
        await stage.client.get_workflow_handle(ID).signal("look")
        await asyncio.sleep(0.25)
        assert looks < 150, "it never ends"
    decided = stage.steps.times("decide_stock")
    await stage.client.get_workflow_handle(ID).signal("look")
    await until(lambda: stage.steps.times("decide_stock") > decided)
    back.set()


async def test_a_decision_that_fails_is_made_again(skipping: Stage) -> None:
    skipping.steps.answer("decide_stock", Rejected("a bug"), QUIET)
    await begin(skipping)
    await until(lambda: skipping.steps.times("decide_stock") == 1)
    await skipping.env.sleep(timedelta(minutes=2))
    await until(lambda: skipping.steps.times("decide_stock") == 2)


async def test_orders_are_struck_out_once_they_are_being_told(stage: Stage) -> None:
    told = StockDecided(orders=["SO-1"])
    stage.steps.answer("decide_stock", told, QUIET)
    handle = await begin(stage)
    await until(lambda: stage.steps.times("publish") == 1)
    await handle.signal("look")
    await until(lambda: stage.steps.times("decide_stock") == 2)
    assert [work.told for work in stage.steps.asked["decide_stock"]] == [[], ["SO-1"]]


async def test_an_export_is_applied_and_the_promises_look(stage: Stage) -> None:
    stage.steps.answer("read_source_file", SNAPSHOT)
    done: FileProgress = await stage.run("ErpFile", FILE, FILE_ID, FileProgress)
    assert (done.state, done.group_count) == ("applied", 156)
    assert (stage.steps.times("state_stock"), stage.steps.times("wake_stock")) == (1, 1)


async def test_an_export_that_another_one_overtook_is_read_again(stage: Stage) -> None:
    stage.steps.answer("read_source_file", SNAPSHOT)
    stage.steps.answer("state_stock", StockStated(reread=True), StockStated(inert=True))
    done: FileProgress = await stage.run("ErpFile", FILE, FILE_ID, FileProgress)
    assert done.state == "applied"
    assert (stage.steps.times("read_source_file"), stage.steps.times("wake_stock")) == (2, 0)


async def test_a_doubtful_export_waits_for_a_decision(stage: Stage) -> None:
    """Case I2, feature G-A9."""
    stage.steps.answer("read_source_file", SNAPSHOT)
    stage.steps.answer("state_stock", StockStated(held=True, exception_id="x-1"), StockStated(refused=True))
    handle = await stage.start("ErpFile", FILE, FILE_ID)
    await until(lambda: stage.steps.times("state_stock") == 1)

    async def held() -> bool:
        status: FileProgress = await stage.status(FILE_ID, FileProgress)
        return (status.state, status.waiting_for) == ("held", "x-1")

    await until(held)
    await handle.signal("recheck")
    assert (await handle.result())["state"] == "refused"
    assert stage.steps.times("finish_file") == 0


async def test_acknowledgements_are_kept_and_the_promises_look(stage: Stage) -> None:
    """Case I4."""
    stage.steps.answer("read_source_file", SNAPSHOT.model_copy(update={"entity": Entity.ORDER_ACK}))
    done: FileProgress = await stage.run("ErpFile", FILE, FILE_ID, FileProgress)
    assert done.state == "applied"
    assert (stage.steps.times("state_acknowledgements"), stage.steps.times("wake_stock")) == (1, 1)
