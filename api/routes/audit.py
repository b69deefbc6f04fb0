"""The audit trail: what people decided, as a list, as a file for a spreadsheet, and the check of its chain."""

from __future__ import annotations

from collections.abc import Generator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from api.auth import Admin, Viewer
from api.exports import CsvFile
from api.services import Reading, Serving
from api.shapes import Cursor, Instant, Limit, Listing, listing, problems
from domain import spreadsheets
from domain.audit import AuditEntry, BrokenLink, ChainEnd
from store import audit
from store.audit import AuditFilter, Checked
from store.session import reading

router = APIRouter(prefix="/audit", tags=["audit"])

COLUMNS = ("position", "at", "action", "actor", "source", "record_type", "record_key", "details", "cause", "hash")


class AuditQuery(BaseModel):
    """Which entries; given together, all have to fit."""

    action: str | None = Field(None, description="Such as `exception_resolved` or `key_created`.")
    actor: str | None = None
    record_type: str | None = None
    record_key: str | None = None
    since: Instant | None = None
    until: Instant | None = None

    def wanted(self) -> AuditFilter:
        """The filter in the store's words."""
        return AuditFilter(**self.model_dump(include=set(AuditFilter._fields)))


class AuditPage(AuditQuery):
    """The same, and where to go on."""

    limit: Limit = 50
    cursor: Cursor = None


class CheckedChain(Checked):
    """What the check came to; give `end` as `after` and `after_hash` for the next part where it is not complete."""

    newest: ChainEnd


@router.get("", responses=problems(), summary="List the audit trail")
def list_audit(session: Reading, key: Viewer, given: Annotated[AuditPage, Query()]) -> Listing[AuditEntry]:
    """What people decided and changed, the newest first, each entry with its place in the chain."""
    return listing(audit.page(session, given.wanted(), limit=given.limit, cursor=given.cursor))


@router.get(
    "/export",
    responses=problems() | {HTTPStatus.OK: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_class=StreamingResponse,
    summary="Export the audit trail",
)
def export_audit(serving: Serving, key: Admin, given: Annotated[AuditQuery, Query()]) -> StreamingResponse:
    """The same as a CSV file, all of it. A cell that a spreadsheet would take for a formula begins with a quote."""
    return CsvFile("audit", _csv(serving.engine, given.wanted()))


@router.get("/verify", responses=problems(), summary="Check the chain of the audit trail")
def check_audit(
    session: Reading,
    key: Viewer,
    after: Annotated[int, Query(ge=0, description="`end.position` of the part before.")] = 0,
    after_hash: Annotated[str, Query(max_length=64, description="`end.hash` of the part before.")] = "",
    changes: Annotated[bool, Query(description="Compare the change log with its anchors, too.")] = True,
    head: Annotated[
        str | None, Query(pattern=r"^\d+:[0-9a-f]{64}$", description="POSITION:HASH that was noted earlier.")
    ] = None,
) -> CheckedChain:
    """Compute the next part of the chain again; `broken` names the first place that is not as it was written."""
    checked = audit.check(session, ChainEnd(position=after, hash=after_hash), changes=changes)
    if head is not None and checked.broken is None:
        checked = checked.model_copy(update={"broken": _lost(session, head)})
    return CheckedChain(**dict(checked), newest=audit.end_of(session))


def _lost(session: Reading, head: str) -> BrokenLink | None:
    """Whether a place that somebody noted is still what it was."""
    position, _, digest = head.partition(":")
    if audit.hash_at(session, int(position)) == digest:
        return None
    sentence = f"Place {position} is not the one that was noted: the chain lost its end, or was written anew."
    return BrokenLink(position=int(position), entry_id=None, sentence=sentence)


def _csv(engine: Engine, wanted: AuditFilter) -> Generator[str]:
    yield spreadsheets.row(COLUMNS)
    with reading(engine) as session:
        for entry in audit.every_entry(session, wanted):
            told = entry.model_dump(mode="json", include=set(COLUMNS))
            yield spreadsheets.row([told[name] for name in COLUMNS])
