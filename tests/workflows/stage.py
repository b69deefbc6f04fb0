"""A Temporal namespace of its own with the product's workers on it, their activities replaced by stand-ins."""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment

from runtime.embedded.temporal_server import binary
from runtime.names import WORKFLOW_QUEUE
from runtime.settings import Settings
from runtime.temporal import ATTRIBUTES
from runtime.workers import make_worker
from tests.workflows.steps import Steps
from workflows.registry import WORKFLOWS

HISTORY_LIMIT = 100  # events after which the real server suggests to continue as new (its default is 4,096)
QUIET = TelemetryConfig(logging=LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR")))
PATIENCE = 20.0  # seconds that a test waits for something that takes milliseconds on an idle machine


@dataclass
class Stage:
    """What a workflow test works with."""

    env: WorkflowEnvironment
    client: Client
    steps: Steps

    async def start(self, workflow_type: str, work: Any, workflow_id: str) -> WorkflowHandle[Any, Any]:
        """Start a workflow by the name that other processes use."""
        return await self.client.start_workflow(workflow_type, work, id=workflow_id, task_queue=WORKFLOW_QUEUE)

    async def run(self, workflow_type: str, work: Any, workflow_id: str, result: type[Any]) -> Any:
        """Start a workflow and wait for what it returns; the time-skipping server passes its timers meanwhile."""
        return await self.client.execute_workflow(
            workflow_type, work, id=workflow_id, task_queue=WORKFLOW_QUEUE, result_type=result
        )

    async def status(self, workflow_id: str, kind: type[Any]) -> Any:
        """The answer to the `status` query."""
        return await self.client.get_workflow_handle(workflow_id).query("status", result_type=kind)

    async def history(self, workflow_id: str, run_id: str | None = None) -> list[Any]:
        """The events of a run."""
        handle = self.client.get_workflow_handle(workflow_id, run_id=run_id)
        return [event async for event in handle.fetch_history_events()]

    async def is_running(self, workflow_id: str) -> bool:
        """Whether the workflow is still open."""
        described = await self.client.get_workflow_handle(workflow_id).describe()
        return described.status is WorkflowExecutionStatus.RUNNING


@asynccontextmanager
async def real_server(runtime: Runtime) -> AsyncIterator[WorkflowEnvironment]:
    """The server that the product embeds, in memory, with short histories."""
    settings = (f"limit.historyCount.suggestContinueAsNew={HISTORY_LIMIT}", "history.transferProcessorMaxPollRPS=1000")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary()),
        data_converter=pydantic_data_converter,
        runtime=runtime,
        dev_server_log_level="never",
        dev_server_extra_args=[part for setting in settings for part in ("--dynamic-config-value", setting)],
    ) as env:
        yield env


@asynccontextmanager
async def skipping_server(runtime: Runtime) -> AsyncIterator[WorkflowEnvironment]:
    """The time-skipping test server: hours pass while a result is waited for."""
    program = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program), data_converter=pydantic_data_converter, runtime=runtime
    ) as env:
        await register_attributes(env.client)
        yield env


@asynccontextmanager
async def staged(env: WorkflowEnvironment, client: Client, steps: Steps) -> AsyncIterator[Stage]:
    """Workers of every queue, built by the worker's own root, for as long as the body runs."""
    settings = Settings(worker_graceful_seconds=0)
    async with AsyncExitStack() as stack:
        for queue, functions in steps.by_queue().items():
            await stack.enter_async_context(
                make_worker(client, settings, queue, functions, WORKFLOWS if queue == WORKFLOW_QUEUE else ())
            )
        yield Stage(env, client, steps)


async def namespace(env: WorkflowEnvironment) -> Client:
    """A client in a new namespace of the real server with our attributes: no test sees another one's workflows."""
    config = env.client.config()
    config["namespace"] = f"test-{uuid4().hex}"
    client = Client(**config)
    kept = Duration(seconds=86_400)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=kept)
    )
    await register_attributes(client)
    return client


async def register_attributes(client: Client) -> None:
    """The search attributes of the product."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict(ATTRIBUTES))
    )


async def until(holds: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str = "it happens") -> None:
    """Wait until something holds; fails after a while."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = holds()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE:.0f} s until {what}") from None
