"""The feeds of stock as they are read: the newest export of each warehouse, and how long exports took to be shown."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from domain.freshness import Confidence, FeedSchedule, age, changes_at, confidence, missed_exports
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.stock import levels
from store.tables.stock import StockExportRow, StockFeedRow


class FeedView(BaseModel):
    """The newest whole statement of a warehouse. `age_seconds` counts only times in which exports were due.

    `next_due_at`: when the next export is due; None where so many are missing that nothing more is expected.
    """

    model_config = ConfigDict(frozen=True)

    warehouse: str
    layout: str
    filename: str
    file_id: str
    effective_at: AwareDatetime
    age_seconds: float
    confidence: Confidence
    missed_exports: int
    next_due_at: AwareDatetime | None


class ExportView(BaseModel):
    """An export that Salesforce shows in full, and the seconds from its file being visible to its changes being shown.

    Without seconds: it changed nothing that had to be shown.
    """

    model_config = ConfigDict(frozen=True)

    filename: str
    file_id: str
    effective_at: AwareDatetime
    visible_at: AwareDatetime
    rows: int
    p50_seconds: float | None
    p99_seconds: float | None
    finished_at: AwareDatetime


def feeds(session: Session, schedule: FeedSchedule, at: datetime) -> list[FeedView]:
    """The feeds by warehouse, as old as they are at this instant."""
    return [_feed(row, schedule, at) for _, row in sorted(levels.feeds(session).items())]


def exports(session: Session, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[ExportView]:
    """The exports that are shown in full, the newest first."""
    keys = [col(StockExportRow.finished_at), col(StockExportRow.event_id)]
    return page_of(session, select(StockExportRow), keys, limit=limit, cursor=cursor, descending=True).of(_export)


def _feed(row: StockFeedRow, schedule: FeedSchedule, at: datetime) -> FeedView:
    punctual = schedule.model_copy(update={"grace": timedelta(0)})
    return FeedView(
        warehouse=row.warehouse,
        layout=row.layout,
        filename=row.source,
        file_id=row.event_id,
        effective_at=row.effective_at,
        age_seconds=age(row.effective_at, at, schedule).total_seconds(),
        confidence=confidence(row.effective_at, at, schedule),
        missed_exports=missed_exports(row.effective_at, at, schedule),
        next_due_at=changes_at(row.effective_at, at, punctual),
    )


def _export(row: StockExportRow) -> ExportView:
    return ExportView(
        filename=row.source,
        file_id=row.event_id,
        effective_at=row.effective_at,
        visible_at=row.visible_at,
        rows=row.rows,
        p50_seconds=None if row.p50_seconds is None else float(row.p50_seconds),
        p99_seconds=None if row.p99_seconds is None else float(row.p99_seconds),
        finished_at=row.finished_at,
    )
