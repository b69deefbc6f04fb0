"""Started work by HTTP: how far it is, and nothing about flows that have records of their own."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.order_work import OrdersPulled, OrdersWork
from tests.api.served import Served, assert_problem

ANSWER = OrdersPulled(read=12, changed_count=1, changed=["SO1"])


@workflow.defn(name="OrdersPull")
class Pulled:
    """Stands for the flow: what its callers see is its result."""

    @workflow.run
    async def run(self, work: OrdersWork) -> OrdersPulled:
        """End as the reason asks."""
        if work.reason == "fail":
            raise ApplicationError("it did not work", non_retryable=True)
        return ANSWER


async def run(served: Served, workflow_id: str, reason: str = "test") -> dict[str, Any]:
    target = served.services.client.service_client.config.target_host
    client = await Client.connect(target, data_converter=pydantic_data_converter)  # a worker takes no lazy client
    queue = f"queue/{workflow_id}"
    async with Worker(client, task_queue=queue, workflows=[Pulled], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await client.start_workflow(
            "OrdersPull", OrdersWork(reason=reason), id=workflow_id, task_queue=queue, run_timeout=timedelta(seconds=20)
        )
        with suppress(WorkflowFailureError):  # how it ended is what the route tells
            await handle.result()
    answer = await served.client.get(f"/workflows/{workflow_id}")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def test_work_that_ended_tells_its_result(filled: Served) -> None:
    found = await run(filled, "orders-pull/ended")
    assert found == {
        "workflow_id": "orders-pull/ended",
        "status": "completed",
        "result": ANSWER.model_dump(mode="json"),
    }


async def test_work_that_failed_says_so(filled: Served) -> None:
    found = await run(filled, "orders-pull/failed", "fail")
    assert (found["status"], found["result"]) == ("failed", None)


async def test_a_pull_is_started_and_followed(filled: Served) -> None:
    answer = await filled.client.post("/orders/pull")
    assert answer.status_code == 202
    status = await filled.client.get(answer.json()["status_url"])
    assert status.json() == {"workflow_id": "orders-pull/now", "status": "running", "result": None}


@pytest.mark.parametrize(
    "workflow_id", ["shipment/SH1", "erp-file/abc", "sweep", "links-match", "temporal-sys-scheduler"]
)
async def test_other_flows_are_not_shown(filled: Served, workflow_id: str) -> None:
    assert_problem(await filled.client.get(f"/workflows/{workflow_id}"), 404, "missing")


async def test_a_flow_that_never_was(filled: Served) -> None:
    assert_problem(await filled.client.get("/workflows/links-match/never"), 404, "missing")


async def test_temporal_is_away(without_temporal: Served) -> None:
    assert_problem(await without_temporal.client.get("/workflows/links-match/x"), 503, "unavailable")
