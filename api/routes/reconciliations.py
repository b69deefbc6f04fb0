"""Reconciliations: ask for one, see what it found, verify its certificate, take a month's pack with you."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import reconciling
from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.once import OnlyOnce
from api.reconciling import Verified
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, Started, listing, problems
from domain.reconciliation import DriftCause, Rule, Side, Standing
from domain.reconciliation_pack import as_csv, as_html
from store.reconciliation import findings, runs
from store.reconciliation.findings import FindingView
from store.reconciliation.runs import Run

router = APIRouter(prefix="/reconciliations", tags=["reconciliations"])


class ReconcileRequest(BaseModel):
    """Why a reconciliation is wanted now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "before the month is closed"}]})

    reason: str = Field(default="on demand", max_length=500)


class RunView(BaseModel):
    """A run: its state, when each system was read, and what it came to by standing."""

    id: str
    state: str
    reason: str
    requested_by: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    as_of: dict[str, Any]
    error: str | None
    sequence: int | None
    zero_drift: bool | None
    standings: dict[str, int]
    causes: dict[str, int]
    certificate_hash: str | None
    inputs_kept: bool

    @classmethod
    def of(cls, run: Run) -> RunView:
        """A run as it is shown in lists."""
        certificate = run.certificate or {}
        return cls(
            **run.model_dump(include=set(cls.model_fields)),
            zero_drift=certificate.get("zero_drift"),
            standings=certificate.get("standings", {}),
            causes=certificate.get("causes", {}),
        )


class RunPage(RunView):
    """A run with a page of its findings, and its certificate."""

    certificate: dict[str, Any] | None
    findings: Listing[FindingView]


class PackFormat(StrEnum):
    """What a month's pack comes as."""

    CSV = "csv"
    HTML = "html"


@router.post("", status_code=202, responses=problems(409), summary="Reconcile now")
async def create_reconciliation(
    response: Response, serving: Serving, key: Operator, once: OnlyOnce, body: ReconcileRequest | None = None
) -> Started:
    """Read all systems in full and compare them; a run that is under way is joined. `Location` tells how far it is."""
    run, _ = await reconciling.ask(serving, (body or ReconcileRequest()).reason, key.name, once)
    status_url = f"/reconciliations/{run.id}"
    response.headers["Location"] = status_url
    return Started(workflow_id=f"reconciliation/{run.id}", status_url=status_url)


@router.get("", responses=problems() | FILE, summary="List reconciliations")
@in_csv("reconciliations")
def list_reconciliations(session: Reading, key: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Listing[RunView]:
    """Runs, the latest first."""
    return listing(runs.page(session, limit=limit, cursor=cursor).of(RunView.of))


@router.get("/packs/{month}", responses=problems(404), response_class=Response, summary="Take a month's pack")
def read_pack(
    month: Annotated[str, Path(pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$", examples=["2026-11"])],
    serving: Serving,
    key: Viewer,
    kind: PackFormat = PackFormat.CSV,
) -> Response:
    """The certificates of a month and what its last run has left, as CSV without formulas or as one page of HTML."""
    pack = reconciling.pack_of(serving, month)
    name = f"reconciliation-{pack.month}.{kind.value}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if kind is PackFormat.CSV:
        return Response(as_csv(pack), media_type="text/csv; charset=utf-8", headers=headers)
    headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return Response(as_html(pack), media_type="text/html; charset=utf-8", headers=headers)


@router.get("/{run_id}", responses=problems(404), summary="Read one reconciliation")
def read_reconciliation(
    run_id: str,
    session: Reading,
    key: Viewer,
    standing: Standing | None = None,
    rule: Rule | None = None,
    cause: DriftCause | None = None,
    system: Side | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RunPage:
    """A run with its certificate and its findings, in pages that filters narrow."""
    run = runs.need(session, run_id)
    page = findings.page(
        session, run_id, standing=standing, rule=rule, cause=cause, system=system, limit=limit, cursor=cursor
    )
    shown = RunView.of(run).model_dump()
    return RunPage(**shown, certificate=run.certificate, findings=listing(page))


@router.get("/{run_id}/verification", responses=problems(404), summary="Verify a certificate")
async def check_reconciliation(run_id: str, serving: Serving, key: Viewer) -> Verified:
    """Decide a run again from its stored inputs, compare the certificates, and follow the chain to the first one."""
    return await asyncio.to_thread(reconciling.verify, serving, run_id)
