"""Whatever the description allows or forbids is sent: the API answers as it is described, and never fails."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.order_work import OrderAct, OrderProgress, OrderWork
from runtime.names import WORKFLOW_QUEUE
from store import heartbeats
from tests.api import filling
from tests.api.served import ADMIN_KEY, ROOT, Served, over_a_socket, serving
from tests.database import cloned

COMMAND = Path(sys.executable).with_name("schemathesis")
# `make prove` asks for many more, and for the phases that find what needs several steps.
EXAMPLES = os.environ.get("THREEWAY_TEST_EXAMPLES", "")
PHASES = "examples,coverage,fuzzing,stateful" if EXAMPLES else "examples,coverage"
NO_LIMITS = dict.fromkeys(("limit_key_per_minute", "limit_address_per_minute", "limit_hooks_per_minute"), 0)


@workflow.defn(name="OrderLifecycle")
class Order:
    """An order's flow that allows every act."""

    @workflow.run
    async def run(self, _: OrderWork) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def act(self, decision: OrderAct) -> OrderProgress:
        return OrderProgress(order_number=decision.order_number, step="looking")


@workflow.defn(dynamic=True)
class Other:
    """Any other flow, which has nothing to do."""

    @workflow.run
    async def run(self, _: Sequence[RawValue]) -> None:
        return


@pytest.fixture
async def described(postgres_url: str, temporal: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An app with one of everything, a worker that was heard of, and flows of orders that answer."""
    client = await Client.connect(temporal, data_converter=pydantic_data_converter)
    orders = Worker(
        client, task_queue=WORKFLOW_QUEUE, workflows=[Order, Other], workflow_runner=UnsandboxedWorkflowRunner()
    )
    with cloned(postgres_url) as url:
        async with orders, serving(url, temporal, tmp_path, **NO_LIMITS) as running:
            with running.write() as session:
                filling.one_of_everything(session)
            beating = asyncio.create_task(_beat(running))
            yield running
            beating.cancel()


async def _beat(served: Served) -> None:
    while True:
        with served.write() as session:
            heartbeats.beat(session, "worker-1", "worker")
        await asyncio.sleep(5)


@pytest.mark.proof
@pytest.mark.timeout(3600)
async def test_it_answers_as_it_is_described(described: Served, tmp_path: Path) -> None:
    """All checks of schemathesis, on everything that the description holds."""
    given = ["--checks", "all", "--phases", PHASES, "--max-examples", EXAMPLES or "1", "--seed", "1", "--workers", "1"]
    shown = ["--no-color", "--continue-on-failure", "--no-shrink", "--request-timeout", "60", "--warnings", "off"]
    async with over_a_socket(described.app) as port:
        address = f"http://127.0.0.1:{port}/openapi.json"
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "--config-file", ROOT / "tests" / "api" / "schemathesis.toml", "run", address),
            *("--header", f"X-API-Key: {ADMIN_KEY}", *given, *shown),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0, "\n" + said.decode()
