"""`erp-file/<sha256>`: what is refused, held, applied; fan-out in a sliding window; histories of bounded size."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from domain.errors import Missing, Unavailable
from domain.files import Entity
from domain.work import Booked, FileProgress, FileReading, FileWork, MastersApplied, Prepared, RangeWork, SequenceCheck
from runtime.names import SOURCE_FILE
from tests.workflows.stage import HISTORY_LIMIT, Stage, until
from workflows import policies
from workflows.erp_file import CHUNK, MASTER_CAUSES, WINDOW

SHA = "cd" * 32
ID = f"erp-file/{SHA}"
WORK = FileWork(file_id="f-1", sha256=SHA, filename="SHPCNF.S000417")


def reading(groups: int, entity: Entity = Entity.SHIPMENT_CONFIRMATION, **changes: Any) -> FileReading:
    fields = {"refused": False, "entity": entity, "group_count": groups, "rejected_group_count": 0}
    return FileReading(**{**fields, **changes})


async def apply(stage: Stage) -> FileProgress:
    found: FileProgress = await stage.run("ErpFile", WORK, ID, FileProgress)
    return found


def billed(stage: Stage) -> list[tuple[int, int]]:
    return sorted((work.seq_from, work.seq_to) for work in stage.steps.asked["prepare_range"])


async def shows(stage: Stage, **wanted: object) -> None:
    """Wait until the status query answers this."""

    async def holds() -> bool:
        found = (await stage.status(ID, FileProgress)).model_dump()
        return all(found[name] == value for name, value in wanted.items())

    await until(holds, f"the file shows {wanted}")


async def test_a_refused_file_changes_nothing(stage: Stage) -> None:
    """F2, F3: nothing of it is applied, and the person's work is named."""
    stage.steps.answer("read_source_file", reading(0, refused=True, exception_id="x-1"))

    progress = await apply(stage)

    assert (progress.state, progress.waiting_for) == ("refused", "x-1")
    assert set(stage.steps.asked) == {"read_source_file"}


async def test_a_file_with_a_repeated_sequence_waits_for_a_decision(stage: Stage) -> None:
    """F6: held until a person says which of the two counts; looking again without a decision holds it on."""
    held = SequenceCheck(held=True, exception_id="x-2")
    stage.steps.answer("check_sequence", held, held, SequenceCheck(held=False))
    handle = await stage.start("ErpFile", WORK, ID)

    await shows(stage, state="held", waiting_for="x-2")
    assert stage.steps.times("prepare_range") == 0
    await handle.signal("recheck")
    await until(lambda: stage.steps.times("check_sequence") == 2, "it looks again")
    await shows(stage, state="held")
    await handle.signal("recheck")

    assert FileProgress.model_validate(await handle.result()).state == "applied"
    assert billed(stage) == [(1, 1)]


async def test_a_file_refused_for_its_sequence_changes_nothing(stage: Stage) -> None:
    """F6: the person refused it."""
    stage.steps.answer("check_sequence", SequenceCheck(held=True), SequenceCheck(held=False, refused=True))
    handle = await stage.start("ErpFile", WORK, ID)
    await shows(stage, state="held")

    await handle.signal("recheck")

    assert FileProgress.model_validate(await handle.result()).state == "refused"
    assert stage.steps.times("finish_file") == 0


async def test_a_decision_while_the_sequence_is_checked_is_not_lost(stage: Stage) -> None:
    async def check(_: object) -> SequenceCheck:
        await stage.client.get_workflow_handle(ID).signal("recheck")
        return SequenceCheck(held=True)

    stage.steps.answer("check_sequence", check, SequenceCheck(held=False))

    assert (await apply(stage)).state == "applied"


@pytest.mark.parametrize("entity", [Entity.CUSTOMER_MASTER, Entity.ITEM_MASTER])
async def test_a_master_is_loaded_and_wakes_what_waited_for_it(stage: Stage, entity: Entity) -> None:
    stage.steps.answer("read_source_file", reading(3, entity))
    stage.steps.answer("load_master", MastersApplied(entity=entity, written=2, unchanged=1))

    progress = await apply(stage)

    assert progress == FileProgress(state="applied", groups_done=3, group_count=3)
    assert [(work.causes, work.orders) for work in stage.steps.asked["wake"]] == [(MASTER_CAUSES, [])]
    assert list(stage.steps.asked) == ["read_source_file", "check_sequence", "load_master", "wake", "finish_file"]


async def test_returns_are_kept(stage: Stage) -> None:
    """O12: what came back is stated, and the orders that it is news of are looked at."""
    stage.steps.answer("read_source_file", reading(3, Entity.RETURNS))

    assert await apply(stage) == FileProgress(state="applied", groups_done=3, group_count=3)
    assert list(stage.steps.asked) == [
        "read_source_file",
        "check_sequence",
        "state_returns",
        "wake_stock",
        "finish_file",
    ]


async def test_shipments_go_in_ranges_of_one_batch_each(stage: Stage) -> None:
    stage.steps.answer("read_source_file", reading(100))
    handle = await stage.start("ErpFile", WORK, ID)

    assert FileProgress.model_validate(await handle.result()) == FileProgress(
        state="applied", groups_done=100, group_count=100
    )
    assert billed(stage) == [(1, 30), (31, 60), (61, 90), (91, 100)]
    assert stage.steps.times("finish_file") == 1
    assert (await handle.describe()).typed_search_attributes.get(SOURCE_FILE) == WORK.filename


async def test_a_file_without_a_record_is_applied(stage: Stage) -> None:
    """F13: empty is valid when the trailer says so."""
    stage.steps.answer("read_source_file", reading(0))

    assert await apply(stage) == FileProgress(state="applied")
    assert billed(stage) == []


async def test_few_ranges_at_once_and_the_next_when_any_is_done(stage: Stage) -> None:
    """F15: a sliding window, not waves: a slow range holds up nobody but itself."""
    gates = {seq: asyncio.Event() for seq in range(1, 6 * CHUNK, CHUNK)}
    under_way: set[int] = set()

    async def book(work: Any) -> Booked:
        first = min(int(one.removeprefix("intent/S-")) for one in work.intent_ids)
        under_way.add(first)
        await gates[first].wait()
        under_way.discard(first)
        return Booked(booked=[one.removeprefix("intent/") for one in work.intent_ids])

    stage.steps.answer("read_source_file", reading(6 * CHUNK))
    stage.steps.answer("book", book)
    handle = await stage.start("ErpFile", WORK, ID)
    await until(lambda: len(under_way) == WINDOW, "the window is full")
    await shows(stage, state="applying", groups_done=0, group_count=6 * CHUNK)
    assert under_way == {1, 31, 61}

    for done, then in ((31, 91), (91, 121), (61, 151)):
        gates[done].set()
        await until(lambda then=then: then in under_way, "the next one starts")
        assert len(under_way) == WINDOW
        assert 1 in under_way
    await shows(stage, groups_done=3 * CHUNK)

    for gate in gates.values():
        gate.set()
    await handle.result()
    assert len(billed(stage)) == 6


async def test_history_stays_bounded(stage: Stage) -> None:
    """F15: a file of any size is billed in runs of bounded history, each range exactly once."""
    groups = 20 * CHUNK
    stage.steps.answer("read_source_file", reading(groups))
    handle = await stage.start("ErpFile", WORK, ID)
    first = handle.first_execution_run_id

    assert FileProgress.model_validate(await handle.result()).groups_done == groups
    assert billed(stage) == [(seq, seq + CHUNK - 1) for seq in range(1, groups, CHUNK)]
    assert stage.steps.times("read_source_file") == 1
    assert stage.steps.times("check_sequence") == 1
    assert stage.steps.times("finish_file") == 1

    lengths = []
    run_id: str | None = first
    while run_id:
        events = await stage.history(ID, run_id)
        lengths.append(len(events))
        run_id = events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
    assert len(lengths) >= 2
    assert max(lengths) < HISTORY_LIMIT + 40, "what was under way may finish, nothing else is begun"


async def test_the_status_of_a_continued_run_counts_what_earlier_runs_did(stage: Stage) -> None:
    gate = asyncio.Event()

    async def book(work: Any) -> Booked:
        await gate.wait()
        return Booked()

    stage.steps.answer("book", book)
    later = WORK.model_copy(update={"next_seq": 61, "group_count": 70})
    handle = await stage.start("ErpFile", later, ID)

    await shows(stage, state="applying", groups_done=60, group_count=70)
    gate.set()

    assert FileProgress.model_validate(await handle.result()).groups_done == 70
    assert billed(stage) == [(61, 70)]
    assert stage.steps.times("read_source_file") == 0


async def test_a_range_under_way_already_is_left_to_itself(stage: Stage) -> None:
    gate = asyncio.Event()

    async def book(work: Any) -> Booked:
        await gate.wait()
        return Booked(booked=[one.removeprefix("intent/") for one in work.intent_ids])

    stage.steps.answer("book", book)
    work = RangeWork(file_id="f-1", sha256=SHA, seq_from=1, seq_to=1)
    earlier = await stage.start("ShipmentRange", work, f"shipments/{SHA[:16]}/1-1")
    await until(lambda: stage.steps.times("book") == 1, "it is under way")

    assert (await apply(stage)).state == "applied"

    gate.set()
    await earlier.result()
    assert stage.steps.times("book") == 1


async def test_ranges_outlive_their_file(stage: Stage) -> None:
    gate = asyncio.Event()

    async def book(work: Any) -> Booked:
        await gate.wait()
        return Booked(booked=["S-1"])

    stage.steps.answer("book", book)
    handle = await stage.start("ErpFile", WORK, ID)
    await until(lambda: stage.steps.times("book") == 1, "the range is under way")
    await handle.terminate("an operator ended it")
    gate.set()

    await stage.client.get_workflow_handle(f"shipments/{SHA[:16]}/1-1").result()
    await until(lambda: stage.steps.times("publish") == 1, "it is published")


async def test_a_range_that_fails_is_seen_and_holds_up_no_other(stage: Stage) -> None:
    """A file with a failed range is never called applied, however many ranges came after it."""
    groups = 8 * CHUNK

    def prepare(work: RangeWork) -> Prepared | Missing:
        return Missing("gone") if work.seq_from == 31 else Prepared(shipments=[f"S-{work.seq_from}"])

    stage.steps.answer("read_source_file", reading(groups))
    stage.steps.answer("prepare_range", prepare)

    with pytest.raises(WorkflowFailureError) as failure:
        await apply(stage)

    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "ranges_failed"
    assert "31-60" in str(cause)
    assert len(billed(stage)) == 8
    assert stage.steps.times("finish_file") == 0
    [trouble] = stage.steps.asked["note_failure"]
    assert trouble.work.file_id == WORK.file_id
    assert "31-60" in trouble.why
    await shows(stage, state="failed", waiting_for="exception-9")


async def test_a_file_that_cannot_be_worked_on_becomes_work_for_a_person(stage: Stage) -> None:
    stage.steps.answer("read_source_file", Missing("Source file f-1 is not in the store."))

    with pytest.raises(WorkflowFailureError):
        await apply(stage)

    assert [work.why for work in stage.steps.asked["note_failure"]] == ["missing: Source file f-1 is not in the store."]
    await shows(stage, state="failed", waiting_for="exception-9")


async def test_a_held_file_looks_by_itself_whether_its_reason_went_away(skipping: Stage) -> None:
    """The other file may be refused meanwhile, or a decision made while nobody could be told."""
    times: list[datetime] = []

    async def check(_: object) -> SequenceCheck:
        times.append(await skipping.env.get_current_time())
        return SequenceCheck(held=len(times) < 4)

    skipping.steps.answer("check_sequence", check)

    assert (await apply(skipping)).state == "applied"

    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 3
    assert all(timedelta(0) <= gap - policies.LOOK_AGAIN_AFTER < timedelta(seconds=5) for gap in gaps)


async def test_the_status_query_follows_the_file(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def read(_: object) -> FileReading:
        await go_on.wait()
        return reading(1)

    stage.steps.answer("read_source_file", read)
    handle = await stage.start("ErpFile", WORK, ID)
    await shows(stage, state="reading", groups_done=0)
    go_on.set()
    await handle.result()
    await shows(stage, state="applied", groups_done=1, group_count=1)


async def test_reading_is_tried_again_while_the_store_is_away(stage: Stage) -> None:
    stage.steps.answer("read_source_file", Unavailable(), Unavailable(), reading(1))

    assert (await apply(stage)).state == "applied"
    assert stage.steps.times("read_source_file") == 3


async def test_input_that_is_no_file_fails_at_once(stage: Stage) -> None:
    """It does not stay running for ever, with a task that fails again and again."""
    handle = await stage.start("ErpFile", {"no": "file"}, ID)

    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(handle.result(), 15)
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "ValidationError"
