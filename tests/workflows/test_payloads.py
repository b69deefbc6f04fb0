"""Encrypted payloads on a real server: what its histories show, old ones, rotation, and workers with other keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.schedules import SWEEP, prove_payload_keys
from domain.errors import Misconfigured, NotAuthorized
from domain.work import Prepared, ShipmentProgress, ShipmentStep, ShipmentWork, SweepWork
from runtime.payloads import PayloadCipher, PayloadError, data_converter
from runtime.settings import Settings
from runtime.temporal import ensure_schedule
from runtime.workers import SANDBOX
from tests.workflows.stage import PATIENCE, Stage, namespace, staged, until
from tests.workflows.steps import Steps, held
from tests.workflows.test_replay import HISTORIES, history
from workflows.registry import WORKFLOWS

ORDER = "SO700310"
TOLD = f"the books refuse {ORDER}"
S1, ID = ShipmentWork(shipment_number="S-1"), "shipment/S-1"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def with_keys(client: Client, *keys: str) -> Client:
    """The same namespace for a process with these keys."""
    config = client.config()
    config["data_converter"] = data_converter(Settings(payload_keys=SecretStr(",".join(keys)) if keys else None))
    return Client(**config)


async def seen(stage: Stage) -> list[str]:
    """The kinds of events in which somebody who only has Temporal's database finds the order, attributes aside."""
    found = []
    for event in await stage.history(ID):
        for attributes in ("workflow_execution_started", "upsert_workflow_search_attributes"):
            if event.HasField(f"{attributes}_event_attributes"):  # to clear a field of one that is not there makes it
                getattr(event, f"{attributes}_event_attributes").ClearField("search_attributes")
        if ORDER.encode() in event.SerializeToString():
            found.append(EventType.Name(event.event_type))
    return found


async def wait_for(stage: Stage, looks: int) -> None:
    async def waits() -> bool:
        looked = stage.steps.times("prepare") >= looks
        return looked and (await stage.status(ID, ShipmentProgress)).step is ShipmentStep.WAITING

    await until(waits, "it waits")


async def done(stage: Stage) -> None:
    handle: WorkflowHandle[Any, ShipmentProgress] = stage.client.get_workflow_handle(ID, result_type=ShipmentProgress)
    async with asyncio.timeout(PATIENCE):
        progress = await handle.result()
    assert progress.step is ShipmentStep.DONE


@pytest.mark.parametrize(("keys", "hidden"), [((OLD,), True), ((), False)], ids=["encrypted", "plain"])
async def test_a_history_shows_no_order(real_server: WorkflowEnvironment, keys: tuple[str, ...], hidden: bool) -> None:
    """Without keys the same run does show it, in values and in messages of failures: so this test can fail."""
    client = with_keys(await namespace(real_server), *keys)
    steps = Steps()
    steps.answer("prepare", Prepared(shipments=["S-1"], settled=["S-1"], order_number=ORDER))
    async with staged(real_server, client, steps) as stage:
        await stage.start("ShipmentInvoicing", S1, ID)
        await done(stage)
        assert (await seen(stage) == []) == hidden


@pytest.mark.parametrize(("keys", "hidden"), [((OLD,), True), ((), False)], ids=["encrypted", "plain"])
async def test_a_failure_shows_no_order(real_server: WorkflowEnvironment, keys: tuple[str, ...], hidden: bool) -> None:
    client = with_keys(await namespace(real_server), *keys)
    steps = Steps()
    steps.answer("prepare", NotAuthorized(TOLD), held("S-1", "x-1"))
    async with staged(real_server, client, steps) as stage:
        await stage.start("ShipmentInvoicing", S1, ID)
        await until(lambda: stage.steps.times("prepare") >= 1, "it was tried")

        async def failed() -> bool:
            kinds = [event.event_type for event in await stage.history(ID)]
            return EventType.EVENT_TYPE_MARKER_RECORDED in kinds or EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED in kinds

        await until(failed, "the failure is in the history")
        assert (await seen(stage) == []) == hidden


async def test_a_flow_that_began_in_plain_text_goes_on_encrypted(real_server: WorkflowEnvironment) -> None:
    """What is open when encryption is turned on stays readable, and what it writes from then on is not."""
    plain, steps = with_keys(await namespace(real_server)), Steps()
    steps.answer("prepare", held("S-1", "x-1"), Prepared(shipments=["S-1"], settled=["S-1"], order_number=ORDER))
    async with staged(real_server, plain, steps) as stage:
        await stage.start("ShipmentInvoicing", S1, ID)
        await wait_for(stage, 1)
    async with staged(real_server, with_keys(plain, NEW, OLD), steps) as stage:
        await stage.client.get_workflow_handle(ID).signal("recheck")
        await done(stage)
        assert await seen(stage) == []


async def test_a_worker_with_another_key_breaks_nothing(real_server: WorkflowEnvironment) -> None:
    """Its tasks fail and wait: with the right key again the flow goes on as if nothing had been."""
    owner, steps = with_keys(await namespace(real_server), OLD), Steps()
    steps.answer("prepare", held("S-1", "x-1"), Prepared(shipments=["S-1"], settled=["S-1"]))
    async with staged(real_server, owner, steps) as stage:
        await stage.start("ShipmentInvoicing", S1, ID)
        await wait_for(stage, 1)
    async with staged(real_server, with_keys(owner, NEW), steps) as stranger:
        await owner.get_workflow_handle(ID).signal("recheck")

        async def refused() -> bool:
            kinds = [event.event_type for event in await stranger.history(ID)]
            return EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED in kinds

        await until(refused, "the task failed")
    async with staged(real_server, with_keys(owner, NEW, OLD), steps) as stage:
        await done(stage)
    with pytest.raises(PayloadError, match=PayloadCipher(SecretStr(NEW)).key_ids[0]):
        await with_keys(owner, OLD).get_workflow_handle(ID).result()


async def test_a_process_that_cannot_read_what_is_there_does_not_start(real_server: WorkflowEnvironment) -> None:
    fresh = await namespace(real_server)
    for keys in ((), (OLD,)):  # nothing was written yet
        await prove_payload_keys(with_keys(fresh, *keys))
    await ensure_schedule(with_keys(fresh, OLD), SWEEP, "Sweep", SweepWork(), timedelta(days=1))

    await prove_payload_keys(with_keys(fresh, NEW, OLD))
    for keys in ((), (NEW,)):
        with pytest.raises(Misconfigured, match="THREEWAY_PAYLOAD_KEYS of this process lacks"):
            await prove_payload_keys(with_keys(fresh, *keys))

    await ensure_schedule(with_keys(fresh, NEW, OLD), SWEEP, "Sweep", SweepWork(), timedelta(days=1))
    await prove_payload_keys(with_keys(fresh, NEW))  # a worker writes its schedules anew at its start


async def test_old_histories_are_read_by_a_worker_that_encrypts() -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter(Settings(payload_keys=SecretStr(OLD))),
        workflow_runner=SandboxedWorkflowRunner(restrictions=SANDBOX),
    )
    for path in HISTORIES[::9]:
        await replayer.replay_workflow(history(path))
