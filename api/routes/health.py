"""Health and metrics. `/livez` and `/readyz` need no key: they tell no business fact, and probes have none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from api.auth import Viewer
from api.services import Services, Serving
from domain.errors import GatewayError
from runtime import metrics
from store import exceptions, heartbeats, inbox
from store.schema import is_current
from store.session import reading

router = APIRouter(tags=["health"])

ALIVE_WITHIN = timedelta(seconds=30)


class Readiness(BaseModel):
    """Whether the product can work, and what of it cannot."""

    ready: bool
    checks: dict[str, str]


@router.get("/livez", summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """It answers, so it is."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": Readiness}}, summary="Can it work?")
async def readyz(serving: Serving, response: Response) -> Readiness:
    """PostgreSQL with the right schema, Temporal, and a worker that was heard of lately."""
    checks = {
        "database": await asyncio.to_thread(_database, serving),
        "temporal": await _temporal(serving),
        "worker": await asyncio.to_thread(_worker, serving),
    }
    ready = all(check == "ok" for check in checks.values())
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


def _database(serving: Services) -> str:
    try:
        return "ok" if is_current(serving.engine) else "the schema is not current: run `threeway migrate`"
    except GatewayError as error:
        return error.detail


async def _temporal(serving: Services) -> str:
    try:
        async with asyncio.timeout(3):
            request = DescribeNamespaceRequest(namespace=serving.client.namespace)
            await serving.client.workflow_service.describe_namespace(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, Temporal is not there
        return f"Temporal does not answer ({type(error).__name__})"
    return "ok"


def _worker(serving: Services) -> str:
    try:
        with reading(serving.engine) as session:
            alive = heartbeats.alive(session, ALIVE_WITHIN)
    except GatewayError as error:
        return error.detail
    return "ok" if any(one.role == "worker" for one in alive) else "no worker was heard of in the last 30 s"


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def read_metrics(serving: Serving, key: Viewer) -> Any:
    """Everything in docs/reference/metrics.md."""
    _refresh(serving)
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)


def _refresh(serving: Services) -> None:
    with reading(serving.engine) as session:
        _, oldest_at = inbox.backlog(session)
        by_kind: dict[str, int] = {}
        for (kind, _), (number, _) in exceptions.open_counts(session).items():
            by_kind[kind] = by_kind.get(kind, 0) + number
    for name, number in by_kind.items():
        metrics.gauge("exceptions_open", number, kind=name)
    age = 0.0 if oldest_at is None else (datetime.now(UTC) - oldest_at).total_seconds()
    metrics.gauge("inbox_oldest_seconds", age, kind="all")
