"""Started work that has no record of its own: how far it is."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api.auth import Viewer
from api.services import Serving
from api.shapes import Started, problems
from domain.errors import Missing, Unavailable

router = APIRouter(prefix="/workflows", tags=["workflows"])

# Business records have routes of their own; these are the flows that have none.
PREFIXES = ("links-match/", "masters-pull/", "orders-pull/")


class WorkflowView(BaseModel):
    """A flow: `running`, `completed` with its `result`, or how else it ended."""

    workflow_id: str
    status: str
    result: Any = None


def started(response: Response, workflow_id: str) -> Started:
    """The answer for work that was started."""
    status_url = f"/workflows/{workflow_id}"
    response.headers["Location"] = status_url
    return Started(workflow_id=workflow_id, status_url=status_url)


@router.get("/{workflow_id:path}", responses=problems(404), summary="How far started work is")
async def read_workflow(workflow_id: str, serving: Serving, key: Viewer) -> WorkflowView:
    """The latest run of a flow that some route started."""
    if not workflow_id.startswith(PREFIXES):
        raise Missing(f"{workflow_id} is no flow that this route shows.", reason="workflow")
    handle = serving.client.get_workflow_handle(workflow_id)
    try:
        async with asyncio.timeout(10):
            status = (await handle.describe()).status
            done = status is WorkflowExecutionStatus.COMPLETED
            result = await handle.result() if done else None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Missing(f"There is no flow {workflow_id}.", reason="workflow") from error
        raise Unavailable("Temporal does not answer.", reason="temporal") from error
    except (TimeoutError, RuntimeError) as error:  # the latter: the lazy client finds no server
        raise Unavailable("Temporal does not answer.", reason="temporal") from error
    return WorkflowView(workflow_id=workflow_id, status=status.name.lower() if status else "unknown", result=result)
