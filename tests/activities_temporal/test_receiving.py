"""Receiving files: what is kept, what is refused, and what happens while Temporal is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities import receiving
from activities.receiving import Received, Receiver
from activities.waiting import WaitingActivities
from domain.errors import Malformed, Missing, Rejected
from domain.exceptions import Cause as Why
from domain.files import FileState
from domain.work import FileWork, SweepWork
from store import exceptions, files, inbox
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from tests.looks import looking
from tests.workflows.stage import Stage

HEADER = b"H1THWSHPCNF0004171261120064200"
TEXT = HEADER.ljust(140) + b"\r\n" + b"T900000200000000000000000000000000000{".ljust(140) + b"\r\n"
NAME = "SHPCNF.S000417"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def receive(receiver: Receiver, data: bytes = TEXT, name: str = NAME, layout: str | None = None) -> Received:
    return receiver.receive([data], name, layout, "http", NOW)


def kept(receiver: Receiver) -> list[Path]:
    return [path for path in receiver.folder.rglob("*") if path.is_file()]


async def test_a_file_is_committed_and_its_flow_started(receiver: Receiver, stage: Stage) -> None:
    received = receive(receiver)
    await receiver.start(received)

    await stage.client.get_workflow_handle(received.workflow_id).result()
    assert received.layout == "shpcnf"
    assert not received.duplicate
    assert stage.steps.asked["read_source_file"] == [
        FileWork(file_id=received.file_id, sha256=received.sha256, filename=NAME)
    ]
    assert [path.read_bytes() for path in kept(receiver)] == [TEXT]
    with reading(receiver.engine) as session:
        assert inbox.backlog(session) == (0, None)


async def test_the_same_bytes_again_do_nothing(receiver: Receiver, stage: Stage) -> None:
    """F4: by content, whatever the name is this time."""
    first = receive(receiver)
    await receiver.start(first)
    await stage.client.get_workflow_handle(first.workflow_id).result()

    again = receive(receiver, name="SHPCNF.S000999")
    await receiver.start(again)

    assert (again.duplicate, again.file_id, again.workflow_id) == (True, first.file_id, first.workflow_id)
    assert stage.steps.times("read_source_file") == 1
    with reading(receiver.engine) as session:
        assert [one.filename for one in files.names(session, UUID(first.file_id))] == [NAME, "SHPCNF.S000999"]


async def test_the_same_name_with_other_bytes_is_another_file(receiver: Receiver) -> None:
    """F5."""
    first, second = receive(receiver), receive(receiver, TEXT + b"\r\n")

    assert first.file_id != second.file_id
    assert not second.duplicate


async def test_what_no_layout_fits_is_refused_and_leaves_nothing(receiver: Receiver) -> None:
    with pytest.raises(Malformed) as refused:
        receive(receiver, b"%PDF-1.7", "holiday.pdf")

    assert refused.value.reason == "layout_unknown"
    assert "shpcnf" in refused.value.detail, "the sentence names the layouts that there are"
    assert kept(receiver) == []


async def test_a_layout_that_does_not_exist_is_refused(receiver: Receiver) -> None:
    with pytest.raises(Missing):
        receive(receiver, layout="shpcnf9")
    assert kept(receiver) == []


async def test_too_many_bytes_are_refused_and_leave_nothing(receiver: Receiver) -> None:
    small = replace(receiver, max_bytes=len(TEXT) - 1)

    with pytest.raises(Rejected) as refused:
        receive(small)

    assert refused.value.reason == "file_too_large"
    assert kept(receiver) == []
    with reading(receiver.engine) as session:
        assert not files.page(session).items


async def test_while_temporal_is_away_a_file_is_safe_and_starts_later(
    receiver: Receiver, away: Client, stage: Stage, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hands a file in is answered within seconds; the sweep starts its flow when Temporal is back."""
    monkeypatch.setattr(receiving, "START_SECONDS", 0.3)
    received = receive(receiver)

    await replace(receiver, client=away).start(received)

    with transaction(engine, Cause(source=CauseSource.GATEWAY, actor="test")) as session:
        assert [one.id for one in inbox.unstarted(session, 10)] == [received.inbox_id]
    waiting = WaitingActivities(engine, stage.client, looking(engine, stage.client))
    assert (await ActivityEnvironment().run(waiting.sweep, SweepWork(older_than_seconds=0))).inbox == 1
    await stage.client.get_workflow_handle(received.workflow_id).result()
    assert [work.file_id for work in stage.steps.asked["read_source_file"]] == [received.file_id]


async def test_a_refused_file_is_work_for_a_person_once(receiver: Receiver) -> None:
    landed = receiver.land([b"%PDF-1.7"])
    for _ in range(2):
        receiver.refuse(landed, "holiday.pdf", "folder", "It looks like no export.")

    with reading(receiver.engine) as session:
        [file] = files.page(session).items
        [item] = exceptions.open_of_record(session, ("file", str(file.id)))
    assert (file.state, file.error) == (FileState.REFUSED, "It looks like no export.")
    assert (item.cause, item.sentence) == (Why.FILE_REFUSED, "It looks like no export.")
