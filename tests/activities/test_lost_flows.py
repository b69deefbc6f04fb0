"""When Temporal has lost its state, the sweep starts the files again that were on their way (ADR 0001)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.waiting import WaitingActivities
from domain.files import Entity, FileState
from domain.sources import System
from domain.work import FileWork, SweepWork, Swept
from runtime.names import WORKFLOW_QUEUE
from store import files, inbox
from store.causes import Cause, CauseSource
from store.session import transaction
from store.tables.files import InboxRow
from tests.looks import looking
from tests.workflows.stage import QUIET, real_server

CAUSE = Cause(source=CauseSource.ERP, actor="test")
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A Temporal server that knows of no workflow."""
    async with real_server(Runtime(telemetry=QUIET)) as env:
        yield env.client


async def sweep(engine: Engine, client: Client) -> Swept:
    return await ActivityEnvironment().run(
        WaitingActivities(engine, client, looking(engine, client)).sweep, SweepWork()
    )


def started_file(engine: Engine, state: FileState, started_at: datetime = LONG_AGO, again: str = "") -> str:
    """A file whose flow was started once, perhaps as one taken up again; answers the id of that flow."""
    sha256 = uuid4().hex * 2
    with transaction(engine, CAUSE) as session:
        arrival = files.FileArrival(
            sha256=sha256, filename="F", layout="shpcnf", entity=Entity.SHIPMENT_CONFIRMATION, byte_count=1,
            arrived_by="http",
        )  # fmt: skip
        file, _ = files.register(session, arrival)
        files.set_state(session, file.id, state, started_at)
        work = FileWork(file_id=str(file.id), sha256=sha256, filename="F")
        entry = inbox.Arrival(
            source=System.ERP, external_id=sha256 + again, kind="file", payload={}, workflow_type="ErpFile",
            workflow_id=f"erp-file/{sha256}", workflow_input=work.model_dump(mode="json"),
        )  # fmt: skip
        stored, _ = inbox.receive(session, entry)
        session.execute(update(InboxRow).where(col(InboxRow.id) == stored.id).values(started_at=started_at))
    return entry.workflow_id


@pytest.mark.parametrize("state", [FileState.RECEIVED, FileState.READ, FileState.HELD])
async def test_a_file_on_its_way_is_started_again(engine: Engine, client: Client, state: FileState) -> None:
    workflow_id = started_file(engine, state)

    assert (await sweep(engine, client)).inbox == 1
    run = await client.get_workflow_handle(workflow_id).describe()
    assert (run.workflow_type, run.task_queue) == ("ErpFile", WORKFLOW_QUEUE)


async def test_a_file_that_was_refused_at_first_is_started_again_too(engine: Engine, client: Client) -> None:
    """What no layout knew has no row of its own bytes, only those of being taken up again."""
    workflow_id = started_file(engine, FileState.READ, again="/shpcnf")
    assert (await sweep(engine, client)).inbox == 1
    assert (await client.get_workflow_handle(workflow_id).describe()).workflow_type == "ErpFile"


async def test_a_flow_that_temporal_knows_is_left_alone(engine: Engine, client: Client) -> None:
    workflow_id = started_file(engine, FileState.READ)
    await sweep(engine, client)
    first = (await client.get_workflow_handle(workflow_id).describe()).run_id
    await client.get_workflow_handle(workflow_id).terminate("a person gave it up")

    assert (await sweep(engine, client)).inbox == 0
    assert (await client.get_workflow_handle(workflow_id).describe()).run_id == first


@pytest.mark.parametrize("state", [FileState.APPLIED, FileState.REFUSED])
async def test_a_finished_file_is_not_started_again(engine: Engine, client: Client, state: FileState) -> None:
    workflow_id = started_file(engine, state)

    assert (await sweep(engine, client)).inbox == 0
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle(workflow_id).describe()


async def test_a_file_that_was_just_started_is_given_time(engine: Engine, client: Client) -> None:
    started_file(engine, FileState.RECEIVED, datetime.now(UTC))

    assert (await sweep(engine, client)).inbox == 0
