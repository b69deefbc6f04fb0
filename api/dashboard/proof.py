"""What proves that all is well: reconciliations, the latency of invoices, the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from api.dashboard.pages import back_to, given, key_of, page_router, said
from api.dashboard.records import Paged
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking, Operating
from api.once import Once
from api.routes import audit, reconciliations
from api.routes.audit import AuditPage
from api.routes.overview import read_latency
from api.routes.reconciliations import ReconcileRequest
from api.services import Reading, Serving
from domain.reconciliation import Standing

router = page_router()

SPANS = {1: "an hour", 24: "a day", 168: "a week", 720: "30 days"}


class FindingFilter(Paged):
    """Which findings of a run."""

    limit: int = Field(100, ge=1, le=500)
    standing: Standing | None = None


class LatencyFilter(Paged):
    """So many hours back."""

    hours: int = Field(24, ge=1, le=24 * 90)


@router.get("/ui/reconciliations")
def show_reconciliations(
    request: Request, session: Reading, person: Looking, wanted: Annotated[Paged, Depends(given(Paged))]
) -> Response:
    """Runs, the latest first."""
    found = reconciliations.list_reconciliations(session, key_of(person), wanted.limit, wanted.cursor)
    return page(
        request, "reconciliations.html", person, found=found, current=dict(request.query_params), said=said(request)
    )


@router.post("/ui/reconciliations")
async def take_reconciliation(
    serving: Serving, person: Operating, reason: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Compare all systems now; a run that is under way is joined."""
    body = ReconcileRequest(reason=reason.strip() or "on demand")
    await reconciliations.create_reconciliation(Response(), serving, key_of(person), Once(), body)
    return back_to("/ui/reconciliations", "started")


@router.get("/ui/reconciliations/{run_id}")
def show_reconciliation(
    run_id: str,
    request: Request,
    session: Reading,
    person: Looking,
    wanted: Annotated[FindingFilter, Depends(given(FindingFilter))],
) -> Response:
    """One run: what matched, and every difference with what is behind it."""
    run = reconciliations.read_reconciliation(run_id, session, key_of(person), **wanted.model_dump())
    return page(
        request,
        "reconciliation.html",
        person,
        run=run,
        wanted=wanted,
        standings=list(Standing),
        current=dict(request.query_params),
    )


@router.get("/ui/latency")
def show_latency(
    request: Request, session: Reading, person: Looking, wanted: Annotated[LatencyFilter, Depends(given(LatencyFilter))]
) -> Response:
    """How long invoices took against the promise of 90 seconds."""
    found = read_latency(session, key_of(person), wanted.hours)
    most = max((one.count for one in found.buckets), default=0)
    return page(request, "latency.html", person, found=found, hours=wanted.hours, spans=SPANS, most=most)


@router.get("/ui/latency.json")
def read_latency_points(
    session: Reading, person: Looking, wanted: Annotated[LatencyFilter, Depends(given(LatencyFilter))]
) -> Response:
    """The points of the chart: what `GET /latency` answers, for a browser that is signed in."""
    found = read_latency(session, key_of(person), wanted.hours)
    return JSONResponse(found.model_dump(mode="json"))


@router.get("/ui/audit")
def show_audit(
    request: Request, session: Reading, person: Looking, wanted: Annotated[AuditPage, Depends(given(AuditPage))]
) -> Response:
    """Who did what, before and after, and why."""
    found = audit.list_audit(session, key_of(person), wanted)
    return page(request, "audit.html", person, found=found, wanted=wanted, current=dict(request.query_params))
