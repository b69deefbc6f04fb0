"""Workflows are deterministic: what they import is checked when the worker starts, what they call when they run."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import SandboxImportNotificationPolicy

from runtime import workers
from runtime.names import QUEUES, WORKFLOW_QUEUE
from runtime.settings import Settings
from tests.workflows.stage import namespace
from tests.workflows.steps import real_activities
from workflows import registry
from workflows.registry import WORKFLOWS

CARELESS = """
from temporalio import workflow

import {module}


@workflow.defn
class Careless:
    @workflow.run
    async def run(self) -> str:
        return str({call})
"""


@pytest.fixture
def careless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A module with a workflow that imports and calls what the test names."""
    module, call = request.param
    name = f"careless_{module.replace('.', '_')}"
    (tmp_path / f"{name}.py").write_text(CARELESS.format(module=module, call=call), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


def test_the_worker_refuses_imports_that_nobody_meant() -> None:
    policy = workers.SANDBOX.import_notification_policy

    assert SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH in policy
    assert SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT in policy
    assert "workflows" not in workers.SANDBOX.passthrough_modules, "a workflow's own module stays inside the sandbox"


def test_a_worker_at_work_differs_in_nothing_but_that_it_loads_the_flows_once() -> None:
    at_work, strict = workers.AT_WORK, workers.SANDBOX
    assert at_work.passthrough_modules - strict.passthrough_modules == {"workflows"}
    assert at_work.invalid_module_members == strict.invalid_module_members
    assert inspect.signature(workers.make_worker).parameters["sandbox"].default is strict, "the suite is strict"


async def test_every_workflow_passes_the_sandbox(real_server: WorkflowEnvironment) -> None:
    """Building a worker loads each workflow in its sandbox."""
    client = await namespace(real_server)
    for queue, functions in real_activities().items():
        built = workers.make_worker(client, Settings(), queue, functions, WORKFLOWS if queue == WORKFLOW_QUEUE else ())
        registered = built.config(active_config=False)["workflows"]
        assert list(registered) == (registry.WORKFLOWS if queue == WORKFLOW_QUEUE else [])
    assert set(real_activities()) == set(QUEUES)


@pytest.mark.parametrize(
    "careless", [("store.session", "1"), ("activities.starting", "1"), ("httpx", "1")], indirect=True
)
async def test_an_import_that_nobody_meant_ends_the_worker_at_its_start(
    real_server: WorkflowEnvironment, careless: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:

    with pytest.raises(RuntimeError) as failure:
        workers.make_worker(await namespace(real_server), Settings(), WORKFLOW_QUEUE, [], [careless.Careless])
    assert "was not intentionally passed through" in str(failure.value.__cause__)


@pytest.mark.parametrize(
    "careless", [("datetime", "datetime.datetime.now()"), ("random", "random.random()")], indirect=True
)
async def test_clocks_and_dice_are_refused_inside_a_workflow(
    real_server: WorkflowEnvironment, careless: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await namespace(real_server)
    async with workers.make_worker(
        client, Settings(worker_graceful_seconds=0), WORKFLOW_QUEUE, [], [careless.Careless]
    ):
        handle = await client.start_workflow("Careless", id="careless", task_queue=WORKFLOW_QUEUE)
        async with asyncio.timeout(20):
            while True:
                events = [event async for event in handle.fetch_history_events()]
                failed = [one for one in events if one.HasField("workflow_task_failed_event_attributes")]
                if failed:
                    break
                await asyncio.sleep(0.05)
        assert "Cannot access" in failed[0].workflow_task_failed_event_attributes.failure.message
        await handle.terminate()


def test_every_workflow_module_is_registered() -> None:
    """A flow that no worker runs would be found by its first customer."""
    found = set()
    folder = Path(registry.__file__).parent
    for path in folder.glob("*.py"):
        module = importlib.import_module(f"workflows.{path.stem}" if path.stem != "__init__" else "workflows")
        found |= {
            one
            for one in vars(module).values()
            if isinstance(one, type) and workflow._Definition.from_class(one) and one.__module__ == module.__name__
        }
    assert found == set(registry.WORKFLOWS)
