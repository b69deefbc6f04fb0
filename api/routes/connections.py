"""Connections: whether QuickBooks and Salesforce let the gateway in."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from activities.connections import Connection, DailyCalls, last_looks
from api.auth import Viewer
from api.services import Reading, Serving
from api.shapes import Listing, problems
from runtime import metrics
from store import tokens
from store.tokens import TokenAge

router = APIRouter(prefix="/connections", tags=["connections"])


class SystemUsage(BaseModel):
    """What was asked of a system since the processes began, by outcome, and its token, which renews itself.

    `pool`: its calls of the day, of everybody, as a worker's last look at it was told.
    """

    system: str
    calls: dict[str, int]
    token_expires_at: AwareDatetime | None
    token_renewed_at: AwareDatetime | None
    pool: DailyCalls | None


@router.get("/usage", responses=problems(), summary="Read what was asked of the systems")
def read_usage(session: Reading, serving: Serving, key: Viewer) -> Listing[SystemUsage]:
    """Calls by outcome as the metrics count them, when the token of a system ends, and what is left of its pool."""
    ages = {one.system: one for one in tokens.ages(session)}
    calls: dict[str, Counter[str]] = {}
    for labels, count in metrics.totals("vendor_calls"):
        calls.setdefault(labels["system"], Counter())[labels["outcome"]] += int(count)
    pools = {one.system: one.pool for one in last_looks(serving.engine) if one.pool}
    systems = sorted({*ages, *calls, *pools})
    return Listing(items=[_usage(one, calls.get(one), ages.get(one), pools.get(one)) for one in systems])


def _usage(system: str, calls: Counter[str] | None, age: TokenAge | None, pool: DailyCalls | None) -> SystemUsage:
    return SystemUsage(
        system=system,
        calls=dict(calls or {}),
        token_expires_at=age.expires_at if age else None,
        token_renewed_at=age.updated_at if age else None,
        pool=pool,
    )


@router.get("", responses=problems(), summary="Look at the connections")
def list_connections(serving: Serving, key: Viewer) -> Listing[Connection]:
    """What a worker's last look at each system came to; it looks at its start and every ten minutes."""
    return Listing(items=last_looks(serving.engine))
