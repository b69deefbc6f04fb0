"""The watched folder: a real folder, a real store, a real Temporal server."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities import folder as folder_module
from activities.folder import FolderWatch
from activities.receiving import Receiver
from adapters.erp.arrival import Inbox
from domain.exceptions import Cause as Why
from domain.files import FileState
from domain.work import FileWork
from store import exceptions, files
from store.files import SourceFile
from store.session import close_engine, make_engine, reading
from tests.activities_temporal.test_receiving import NAME, TEXT
from tests.workflows.stage import Stage, until


class Clock:
    """The clock of the inbox, moved by hand: nobody waits for a file to be left alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


@pytest.fixture
def watch(receiver: Receiver, drop: Path, clock: Clock) -> FolderWatch:
    return FolderWatch(receiver, Inbox(drop, receiver.layouts, clock=clock))


async def looked(watch: FolderWatch, clock: Clock) -> int:
    """Two looks with time between them: what lies still is taken by the second."""
    first = await watch.look()
    clock.now += 3
    return first + await watch.look()


def stored(engine: Engine) -> list[SourceFile]:
    with reading(engine) as session:
        return list(files.page(session).items)


def done(drop: Path) -> list[str]:
    return sorted(path.name for path in (drop / ".done").iterdir())


def claimed(drop: Path) -> list[Path]:
    return list((drop / ".claimed").glob("*/*"))


def backdate(paths: list[Path]) -> None:
    """As if these claims were ten minutes old."""
    before = (datetime.now(UTC) - timedelta(minutes=10)).timestamp()
    for path in paths:
        os.utime(path.parent, (before, before))


async def test_a_dropped_file_is_received_and_put_away(
    watch: FolderWatch, drop: Path, clock: Clock, stage: Stage, engine: Engine
) -> None:
    (drop / NAME).write_bytes(TEXT)

    assert await looked(watch, clock) == 1

    [file] = stored(engine)
    await stage.client.get_workflow_handle(f"erp-file/{file.sha256}").result()
    assert stage.steps.asked["read_source_file"] == [FileWork(file_id=str(file.id), sha256=file.sha256, filename=NAME)]
    assert (file.arrived_by, file.filename) == ("folder", NAME)
    assert file.visible_at is not None
    assert (done(drop), claimed(drop)) == ([NAME], [])


async def test_a_file_that_is_still_being_written_is_left_alone(
    watch: FolderWatch, drop: Path, clock: Clock, stage: Stage, engine: Engine
) -> None:
    """F1: neither one that grows, nor one without its trailer, nor one under a temporary name."""
    (drop / NAME).write_bytes(TEXT[:134])
    (drop / "SHPCNF.S000418.tmp").write_bytes(TEXT)

    assert await looked(watch, clock) == 0
    assert stored(engine) == []

    (drop / NAME).write_bytes(TEXT)
    assert await looked(watch, clock) == 1
    assert (drop / "SHPCNF.S000418.tmp").exists()


async def test_the_same_bytes_again_are_put_away_and_do_nothing(
    watch: FolderWatch, drop: Path, clock: Clock, stage: Stage, engine: Engine
) -> None:
    """F4."""
    for name in (NAME, "COPY.S000417"):
        (drop / name).write_bytes(TEXT)
        await looked(watch, clock)

    [file] = stored(engine)
    await stage.client.get_workflow_handle(f"erp-file/{file.sha256}").result()
    assert stage.steps.times("read_source_file") == 1
    assert done(drop) == ["COPY.S000417", NAME]


async def test_what_no_layout_fits_becomes_work_for_a_person(
    watch: FolderWatch, drop: Path, clock: Clock, engine: Engine
) -> None:
    (drop / "holiday.pdf").write_bytes(b"%PDF-1.7\n")
    await watch.look()
    clock.now += 31  # it never ends as a file of a layout would

    assert await watch.look() == 1

    [file] = stored(engine)
    with reading(engine) as session:
        [item] = exceptions.open_of_record(session, ("file", str(file.id)))
    assert (file.state, item.cause) == (FileState.REFUSED, Why.FILE_REFUSED)
    assert "holiday.pdf" in item.sentence
    assert done(drop) == ["holiday.pdf"]


async def test_a_file_that_is_too_large_becomes_work_for_a_person(
    receiver: Receiver, drop: Path, clock: Clock, engine: Engine
) -> None:
    small = replace(receiver, max_bytes=100)
    watch = FolderWatch(small, Inbox(drop, small.layouts, clock=clock))
    (drop / NAME).write_bytes(TEXT)

    assert await looked(watch, clock) == 1

    [file] = stored(engine)
    assert (file.state, file.byte_count) == (FileState.REFUSED, len(TEXT))
    assert "100 bytes" in (file.error or "")
    assert [path for path in receiver.folder.rglob("*") if path.is_file()] == [], "it is not kept twice"
    assert done(drop) == [NAME]


async def test_while_the_store_is_away_a_file_stays_claimed_and_is_taken_up_again(
    watch: FolderWatch, receiver: Receiver, drop: Path, clock: Clock, stage: Stage, engine: Engine
) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    inbox = Inbox(drop, receiver.layouts, clock=clock)
    (drop / NAME).write_bytes(TEXT)

    assert await looked(FolderWatch(replace(receiver, engine=nowhere), inbox), clock) == 0
    assert len(claimed(drop)) == 1
    assert done(drop) == []

    assert await watch.look() == 0, "not at once: another worker may be at it"
    backdate(claimed(drop))
    assert await watch.look() == 1
    assert (len(stored(engine)), done(drop), claimed(drop)) == (1, [NAME], [])
    close_engine(nowhere)


async def test_a_failure_of_one_file_is_not_one_of_the_others(
    watch: FolderWatch, receiver: Receiver, drop: Path, clock: Clock, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: even a bug in reading one file never ends the watch."""
    commit = Receiver.commit

    def picky(self: Receiver, landed: object, filename: str, *rest: object) -> object:
        if filename == "BAD.S000001":
            raise ZeroDivisionError
        return commit(self, landed, filename, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Receiver, "commit", picky)
    (drop / "BAD.S000001").write_bytes(TEXT + b"\r\n")
    (drop / NAME).write_bytes(TEXT)
    await watch.look()
    clock.now += 31

    assert await watch.look() == 1

    assert [file.filename for file in stored(engine)] == [NAME]
    assert [path.name for path in claimed(drop)] == ["BAD.S000001"]
    backdate(claimed(drop))
    assert await watch.look() == 0
    assert await watch.look() == 0, "and it is tried again after a while, not at every look"
    monkeypatch.undo()
    backdate(claimed(drop))
    assert await watch.look() == 1


async def test_two_watches_of_one_folder_receive_each_file_once(
    receiver: Receiver, drop: Path, clock: Clock, stage: Stage, engine: Engine
) -> None:
    watches = [FolderWatch(receiver, Inbox(drop, receiver.layouts, clock=clock)) for _ in range(2)]
    for seq in range(6):
        (drop / f"SHPCNF.S{seq:06}").write_bytes(TEXT + b"\r\n" * seq)
    for watch in watches:
        await watch.look()
    clock.now += 31

    received = await asyncio.gather(*(watch.look() for watch in watches))

    assert sum(received) == 6
    assert len(stored(engine)) == 6
    assert len(done(drop)) == 6


async def test_the_watch_runs_until_it_is_cancelled(
    watch: FolderWatch, drop: Path, clock: Clock, stage: Stage, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It outlives a folder that cannot be read, and begins with what a crash left claimed."""
    monkeypatch.setattr(folder_module, "POLL_SECONDS", 0.02)
    left = drop / ".claimed" / "crashed" / NAME
    left.parent.mkdir()
    left.write_bytes(TEXT)
    backdate([left])
    task = asyncio.create_task(watch.run())
    await until(lambda: done(drop) == [NAME], "what was left is received")

    os.rename(drop, drop.with_name("away"))  # noqa: PTH104 - what a lost network folder looks like
    await asyncio.sleep(0.1)
    os.rename(drop.with_name("away"), drop)  # noqa: PTH104
    (drop / "SHPCNF.S000418").write_bytes(TEXT + b"\r\n")

    def received() -> bool:
        clock.now += 1  # between its looks, however slow they are
        return len(done(drop)) == 2

    await until(received, "it goes on")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
