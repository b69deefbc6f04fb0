"""Health and metrics. `/livez` and `/readyz` need no key: they tell no business fact, and probes have none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from activities.schedules import prove_payload_keys
from api.auth import Viewer
from api.services import Services, Serving
from api.shapes import problems
from domain.errors import GatewayError, Misconfigured
from domain.exceptions import ExceptionKind
from runtime import metrics
from store import exceptions, heartbeats, inbox, shipments
from store.schema import is_current
from store.session import reading

router = APIRouter(tags=["health"])

ALIVE_WITHIN = timedelta(seconds=30)
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The text that Prometheus reads."}
}


class Readiness(BaseModel):
    """Whether the product can work, and what of it cannot."""

    ready: bool
    checks: dict[str, str]


class Alive(BaseModel):
    """The process lives."""

    status: Literal["alive"] = "alive"


@router.get("/livez", summary="Is the process alive?")
async def read_liveness() -> Alive:
    """It answers, so it is."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not yet."}}, summary="Can it work?")
async def read_readiness(serving: Serving, response: Response) -> Readiness:
    """PostgreSQL with the right schema, Temporal with payloads that can be read, a worker that was heard of lately."""
    database, temporal, worker = await asyncio.gather(
        asyncio.to_thread(_checked, _database, serving),
        _temporal(serving),
        asyncio.to_thread(_checked, _worker, serving),
    )
    checks = {"database": database, "temporal": temporal, "worker": worker}
    ready = all(check == "ok" for check in checks.values())
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


def _checked(check: Callable[[Services], str], serving: Services) -> str:
    """What a check of the store says, or why it cannot be made (an old schema lacks tables)."""
    try:
        return check(serving)
    except GatewayError as error:
        return error.detail
    except SQLAlchemyError as error:
        return f"the database cannot tell ({type(error).__name__})"


def _database(serving: Services) -> str:
    return "ok" if is_current(serving.engine) else "the schema is not current: run `threeway migrate`"


async def _temporal(serving: Services) -> str:
    try:
        async with asyncio.timeout(3):
            request = DescribeNamespaceRequest(namespace=serving.client.namespace)
            await serving.client.workflow_service.describe_namespace(request)
            await prove_payload_keys(serving.client)
    except Misconfigured as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - whatever it is, Temporal is not there
        return f"Temporal does not answer ({type(error).__name__})"
    return "ok"


def _worker(serving: Services) -> str:
    with reading(serving.engine) as session:
        alive = heartbeats.alive(session, ALIVE_WITHIN)
    return "ok" if any(one.role == "worker" for one in alive) else "no worker was heard of in the last 30 s"


@router.get("/metrics", responses=METRICS | problems(), summary="Prometheus metrics", response_class=Response)
def read_metrics(serving: Serving, key: Viewer) -> Any:
    """Everything in docs/reference/metrics.md."""
    _refresh(serving)
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


def _refresh(serving: Services) -> None:
    with reading(serving.engine) as session:
        _, oldest_at = inbox.backlog(session)
        by_kind = dict.fromkeys(ExceptionKind, 0)  # the last one that closes must be seen to be gone
        for (kind, _), (number, _) in exceptions.open_counts(session).items():
            by_kind[kind] += number
        waiting = shipments.counts_waiting(session)
    for state, number in waiting.items():
        metrics.gauge("shipments_waiting", number, state=state)
    for name, number in by_kind.items():
        metrics.gauge("exceptions_open", number, kind=name)
    age = 0.0 if oldest_at is None else (datetime.now(UTC) - oldest_at).total_seconds()
    metrics.gauge("inbox_oldest_seconds", age, kind="all")
