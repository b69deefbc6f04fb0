"""`shipment/<number>`: waiting, being woken, asking again by itself, and histories that stay short."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import NotAuthorized
from domain.work import Booked, Prepared, ShipmentProgress, ShipmentStep, ShipmentWork
from runtime.names import ORDER_NUMBER, SHIPMENT, WORK_STATE
from tests.workflows.stage import Stage, until
from tests.workflows.steps import held
from workflows import policies

S1 = ShipmentWork(shipment_number="S-1")
ID = "shipment/S-1"
SETTLED = Prepared(shipments=["S-1"], settled=["S-1"])


async def bill(stage: Stage) -> ShipmentProgress:
    found: ShipmentProgress = await stage.run("ShipmentInvoicing", S1, ID, ShipmentProgress)
    return found


async def wake(stage: Stage) -> None:
    await stage.client.get_workflow_handle(ID).signal("recheck")


async def waiting(stage: Stage, looks: int) -> ShipmentProgress:
    """The progress once the shipment waits after so many looks."""
    found: list[ShipmentProgress] = []

    async def waits() -> bool:
        # The count first: a status that was asked before the last look began is still the one before it.
        looked = stage.steps.times("prepare") == looks
        found.append(await stage.status(ID, ShipmentProgress))
        return looked and found[-1].step is ShipmentStep.WAITING

    await until(waits, "it waits")
    return found[-1]


async def test_books_at_once(stage: Stage) -> None:
    progress = await bill(stage)

    assert progress == ShipmentProgress(shipment_number="S-1", step=ShipmentStep.DONE, rounds=2)
    assert stage.steps.times("book") == 1
    assert stage.steps.times("note_unbooked") == 0
    await until(lambda: stage.steps.times("publish") == 1, "it is published")


async def test_is_found_by_its_order(stage: Stage) -> None:
    stage.steps.answer("prepare", SETTLED.model_copy(update={"order_number": "SO700310"}))

    await bill(stage)

    described = await stage.client.get_workflow_handle(ID).describe()
    assert described.typed_search_attributes.get(ORDER_NUMBER) == "SO700310"


async def test_nothing_left_to_bill_is_done(stage: Stage) -> None:
    stage.steps.answer("prepare", SETTLED)

    assert (await bill(stage)).step is ShipmentStep.DONE
    assert stage.steps.times("book") == 0


async def test_held_until_a_person_decides(stage: Stage) -> None:
    stage.steps.answer("prepare", held("S-1", "x-1"), stage.steps._prepare)
    handle = await stage.start("ShipmentInvoicing", S1, ID)

    progress = await waiting(stage, 1)
    assert progress.exception_id == "x-1"

    async def shown() -> bool:
        attributes = (await handle.describe()).typed_search_attributes
        return (attributes.get(SHIPMENT), attributes.get(WORK_STATE)) == ("S-1", "waiting")

    await until(shown, "operators can find it by its state")
    await until(lambda: stage.steps.times("publish") == 1, "sales people are told that it is held")

    await wake(stage)
    await handle.result()
    assert stage.steps.booked == {"S-1"}
    assert (await handle.describe()).typed_search_attributes.get(WORK_STATE) == "working"


async def test_held_never_looks_by_itself(skipping: Stage) -> None:
    skipping.steps.answer("prepare", held("S-1"))
    await skipping.start("ShipmentInvoicing", S1, ID)
    await waiting(skipping, 1)

    await skipping.env.sleep(timedelta(days=3))

    assert skipping.steps.times("prepare") == 1


async def test_held_round_after_round(stage: Stage) -> None:
    stage.steps.answer("prepare", held("S-1", "x-1"), held("S-1", "x-2"), held("S-1", "x-3"), stage.steps._prepare)
    handle = await stage.start("ShipmentInvoicing", S1, ID)

    for looks in (1, 2, 3):
        assert (await waiting(stage, looks)).exception_id == f"x-{looks}"
        await wake(stage)

    assert ShipmentProgress.model_validate(await handle.result()).rounds == 5


async def test_refused_waits_for_a_person_only(skipping: Stage) -> None:
    skipping.steps.answer("book", Booked(refused=["S-1"]), skipping.steps._book)
    skipping.steps.answer("note_unbooked", "x-7")
    handle = await skipping.start("ShipmentInvoicing", S1, ID)

    assert (await waiting(skipping, 1)).exception_id == "x-7"
    await skipping.env.sleep(timedelta(days=1))
    assert skipping.steps.times("book") == 1

    await wake(skipping)
    assert ShipmentProgress.model_validate(await handle.result()).step is ShipmentStep.DONE
    assert skipping.steps.times("book") == 2


async def test_uncertain_asks_again_by_itself(skipping: Stage) -> None:
    skipping.steps.answer("book", Booked(uncertain=["S-1"]), Booked(uncertain=["S-1"]), skipping.steps._book)

    assert (await bill(skipping)).step is ShipmentStep.DONE

    times = [info.started_time for info in skipping.steps.attempts["book"]]
    assert len(times) == 3
    for earlier, later in itertools.pairwise(times):
        assert timedelta(0) <= later - earlier - policies.ASK_AGAIN_AFTER < timedelta(seconds=20)
    assert skipping.steps.times("note_unbooked") == 2


async def test_uncertain_is_woken_before_its_time(stage: Stage) -> None:
    stage.steps.answer("book", Booked(uncertain=["S-1"]), stage.steps._book)
    handle = await stage.start("ShipmentInvoicing", S1, ID)
    await waiting(stage, 1)

    await wake(stage)
    await until(lambda: stage.steps.times("book") == 2, "it asks at once")
    await handle.result()


async def test_a_booking_that_fails_asks_again_by_itself(skipping: Stage) -> None:
    """Credentials that a person renews are seen without anybody waking each shipment."""
    skipping.steps.answer("book", NotAuthorized("QuickBooks refuses the token."), skipping.steps._book)
    skipping.steps.answer("note_unbooked", "x-9")
    handle = await skipping.start("ShipmentInvoicing", S1, ID)

    assert (await waiting(skipping, 1)).exception_id == "x-9"
    assert ShipmentProgress.model_validate(await handle.result()).step is ShipmentStep.DONE
    assert skipping.steps.times("book") == 2


@pytest.mark.parametrize("moment", ["prepare", "book", "publish"])
async def test_a_recheck_at_any_moment_is_not_lost(stage: Stage, moment: str) -> None:
    """What is decided while the shipment is being worked on is looked at once more before it ends."""

    async def answer(work: Any, usual: Any) -> Any:
        if not woken:
            woken.append(moment)
            await wake(stage)
        return usual(work)

    woken: list[str] = []
    usual = {"prepare": lambda _: SETTLED, "book": stage.steps._book, "publish": stage.steps._usual["publish"]}
    if moment != "book":
        stage.steps.answer("prepare", lambda _: SETTLED)
    without = 2 if moment == "book" else 1
    stage.steps.answer(moment, lambda work: answer(work, usual[moment]))

    await bill(stage)

    await until(lambda: bool(woken), "it was woken")
    looks = stage.steps.times("prepare")
    assert looks == without + 1 if moment != "publish" else looks in {without, without + 1}


async def test_rechecks_that_come_together_are_one_look(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def hold(_: object) -> Prepared:
        await go_on.wait()
        return held("S-1")

    stage.steps.answer("prepare", held("S-1"), hold, held("S-1"))
    await stage.start("ShipmentInvoicing", S1, ID)
    await waiting(stage, 1)
    await wake(stage)
    await until(lambda: stage.steps.times("prepare") == 2, "it looks")

    for _ in range(20):
        await wake(stage)
    go_on.set()

    assert (await waiting(stage, 3)).rounds == 3


async def test_history_starts_afresh_after_many_rounds(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "ROUNDS", 3)
    stage.steps.answer("prepare", held("S-1"))
    handle = await stage.start("ShipmentInvoicing", S1, ID)
    first = (await handle.describe()).run_id

    for looks in range(1, 4):
        await waiting(stage, looks)
        await wake(stage)
    await waiting(stage, 4)

    described = await stage.client.get_workflow_handle(ID).describe()
    assert described.run_id != first
    assert (await stage.history(ID, first))[-1].HasField("workflow_execution_continued_as_new_event_attributes")
    assert described.typed_search_attributes.get(SHIPMENT) == "S-1"
    assert (await stage.status(ID, ShipmentProgress)).rounds == 1

    stage.steps.answer("prepare", stage.steps._prepare)
    await wake(stage)
    assert ShipmentProgress.model_validate(await handle.result()).step is ShipmentStep.DONE


async def test_a_recheck_while_the_history_starts_afresh_is_not_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "ROUNDS", 1)

    async def hold(_: object) -> Prepared:
        await wake(stage)  # comes while this round is under way, so that the next thing is to continue as new
        return held("S-1")

    stage.steps.answer("prepare", hold, hold, stage.steps._prepare)

    assert (await bill(stage)).step is ShipmentStep.DONE
    assert stage.steps.times("prepare") == 4
