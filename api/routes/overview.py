"""What the dashboard begins with: how everything is, what happened, how long it took, and one search over all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Viewer
from api.services import Reading, Serving
from api.shapes import Listing, problems
from store import feed as feeds
from store import latency as latencies
from store import overview as overviews
from store import search as searching
from store.feed import Feed
from store.latency import Latency
from store.overview import Overview
from store.search import Match

router = APIRouter(tags=["overview"])

POINTS = 60  # of a curve: as many as fit beside each other
SHORTEST_STEP = timedelta(minutes=1)

After = Annotated[str | None, Query(max_length=2000, description="`position` of the answer before.")]
Hours = Annotated[int, Query(ge=1, le=24 * 90, description="So many hours back.")]


@router.get("/overview", responses=problems(), summary="How everything is")
def read_overview(session: Reading, serving: Serving, key: Viewer) -> Overview:
    """One word for each flow with the number that caused it, open work, the last files, and what happened last."""
    now, company = datetime.now(UTC), serving.company
    return overviews.overview(session, company.stock.schedule(company.zone, now), now)


@router.get("/feed", responses=problems(), summary="What happened")
def read_feed(
    session: Reading,
    key: Viewer,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=feeds.AT_MOST, description="How many at most.")] = 50,
) -> Feed:
    """Sentences, the newest first; with `after` only what came since, each exactly once."""
    return feeds.feed(session, after, limit)


@router.get("/latency", responses=problems(), summary="How long invoices took")
def read_latency(session: Reading, key: Viewer, hours: Hours = 24) -> Latency:
    """Seconds from a shipment's file to its invoice against the promise of 90: over time, in buckets, the slowest."""
    step = max(timedelta(hours=hours) / POINTS, SHORTEST_STEP)
    return latencies.latency(session, datetime.now(UTC) - timedelta(hours=hours), step)


@router.get("/search", responses=problems(), summary="Find anything by a number or a name")
def list_matches(
    session: Reading, key: Viewer, q: Annotated[str, Query(max_length=searching.LONGEST, description="The words.")]
) -> Listing[Match]:
    """Shipments, orders, invoices, customers, items and files by number, purchase order, name or SKU."""
    return Listing(items=searching.search(session, q))
