"""The trace of an item's stock: what the ERP stated, what was decided of it, and what Salesforce showed since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from domain.money import plain
from domain.sources import System
from store.stock import levels, story
from store.stock.promises import TOTAL
from store.tables.changes import ChangeRow
from store.tables.stock import StockLevelRow, StockShowingRow

LATEST = 50  # of each sort of event: an item's number may change every hour for years


class TraceEvent(BaseModel):
    """One thing that happened. `reference` is its id where it happened; `workflow_id` the flow that did it."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    system: System
    what: str
    sentence: str
    record: str
    reference: str | None = None
    workflow_id: str | None = None


def stock_keys(session: Session, sku: str) -> list[str]:
    """The keys of an item's rows of stock: each warehouse, and the total."""
    return [f"{sku}|{warehouse}" for warehouse in (TOTAL, *sorted(levels.feeds(session)))]


def stock_events(session: Session, sku: str) -> Iterator[TraceEvent]:
    """The latest statements about an item, the latest changes of its total, and since when Salesforce showed them."""
    yield from _stated(session, sku)
    yield from _decided(session, sku)
    yield from _shown(session, sku)


def _stated(session: Session, sku: str) -> Iterator[TraceEvent]:
    query = select(ChangeRow).where(
        col(ChangeRow.table_name) == StockLevelRow.__tablename__,
        col(ChangeRow.row_key).in_(stock_keys(session, sku)),
        col(ChangeRow.after).has_key("counts"),  # type: ignore[attr-defined]
    )
    for change in session.scalars(query.order_by(col(ChangeRow.id).desc()).limit(LATEST)):
        after = change.after or {}
        on_hand, allocated = (
            plain(sum((Decimal(str(one[name])) for one in after["counts"]), Decimal(0)))
            for name in ("on_hand", "allocated")
        )
        where = change.row_key.rpartition("|")[2]
        yield TraceEvent(
            at=change.at,
            system=System.ERP,
            what="stock_stated",
            sentence=f"{after.get('source', 'The ERP')} states {on_hand} on hand and {allocated} allocated in {where}.",
            record=sku,
            reference=after.get("event_id"),
            workflow_id=(change.cause or {}).get("workflow_id"),
        )


def _decided(session: Session, sku: str) -> Iterator[TraceEvent]:
    for change in story.history(session, sku, TOTAL, limit=LATEST).items:
        words = change.basis or f"as before, now {change.confidence or 'held'}"
        yield TraceEvent(
            at=change.at,
            system=System.GATEWAY,
            what="stock_decided",
            sentence=f"What can be promised over all warehouses: {words}.",
            record=sku,
            workflow_id=(change.cause or {}).get("workflow_id"),
        )


def _shown(session: Session, sku: str) -> Iterator[TraceEvent]:
    query = select(StockShowingRow).where(col(StockShowingRow.sku) == sku)
    for row in session.scalars(query.order_by(col(StockShowingRow.said_at).desc()).limit(LATEST)):
        where = f"in {row.warehouse}" if row.warehouse else "in all"
        number = "no number" if row.available is None else plain(row.available)
        yield TraceEvent(
            at=row.said_at,
            system=System.SALESFORCE,
            what="stock_shown",
            sentence=f"Salesforce shows {number} {where}, {row.confidence}.",
            record=sku,
        )
