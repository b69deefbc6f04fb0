"""What an export of stock states, compared with what is stored: read in blocks, so that any size fits in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.stock_balances import Closing
from domain.stock_events import BucketCount, Confirmation, Snapshot, SnapshotRow, Version
from domain.stock_guards import Census
from store.stock.levels import Key
from store.tables.stock import StockEventRow, StockFeedRow, StockLevelRow
from store.upserts import upsert as upsert_rows

BLOCK = 2000

_STATED = text("""
SELECT payload ->> 'sku' AS sku, payload ->> 'warehouse' AS warehouse,
       jsonb_agg(payload || jsonb_build_object('line', line_from) ORDER BY seq) AS parts
FROM staged_groups WHERE file_id = :file_id
GROUP BY 1, 2 ORDER BY 1, 2
""")

_WAREHOUSES = text("SELECT DISTINCT payload ->> 'warehouse' FROM staged_groups WHERE file_id = :file_id")

# What was stated before and is in this file neither as before nor otherwise. Where the file was compared with the one
# before, everything that departed from that is noted; else everything that the file lists is staged.
_ABSENT = """
WITH listed AS (
    SELECT DISTINCT payload ->> 'sku' AS sku, payload ->> 'warehouse' AS warehouse
    FROM staged_groups WHERE file_id = :file_id
)
SELECT level.sku, level.warehouse FROM stock_levels level {departed}
WHERE {departs} AND level.warehouse = ANY(:scope) AND level.state = 'stated' AND jsonb_array_length(level.counts) > 0
  AND NOT EXISTS (SELECT FROM listed WHERE listed.sku = level.sku AND listed.warehouse = level.warehouse)
"""
_DEPARTED = """
LEFT JOIN staged_departures gone ON gone.file_id = :file_id AND gone.key = level.sku || '|' || level.warehouse
"""
# A row that the file before did not list either, and that nothing has closed, departed from none of the two.
_DEPARTS = "(gone.key IS NOT NULL OR NOT level.follows)"

_THERE = text("""
SELECT count(*) FILTER (WHERE state = 'stated' AND jsonb_array_length(counts) > 0) AS listed,
       count(*) FILTER (WHERE on_hand <> 0) AS holding
FROM stock_levels WHERE warehouse = ANY(:scope)
""")

_EMPTIED = text("""
SELECT count(*) FROM stock_levels level
JOIN (
    SELECT payload ->> 'sku' AS sku, payload ->> 'warehouse' AS warehouse,
           bool_and((payload ->> 'on_hand')::numeric = 0) AS empty
    FROM staged_groups WHERE file_id = :file_id GROUP BY 1, 2
) stated USING (sku, warehouse)
WHERE stated.empty AND level.on_hand <> 0 AND level.warehouse = ANY(:scope)
""")


def scope(session: Session, file_id: UUID, layout: str) -> list[str]:
    """The warehouses that a file speaks of: those that it lists, and those that its layout has listed before."""
    listed = {str(one) for one in session.scalars(_WAREHOUSES, {"file_id": file_id})}
    before = session.scalars(select(col(StockFeedRow.warehouse)).where(col(StockFeedRow.layout) == layout))
    return sorted(listed | set(before))


def stated(session: Session, file_id: UUID, source: str) -> Iterator[list[SnapshotRow]]:
    """What the staged groups of a file state, one row an item and warehouse, in blocks in the order of their keys."""
    rows = session.execute(_STATED, {"file_id": file_id}, execution_options={"stream_results": True})
    for block in rows.partitions(BLOCK):
        yield [_row(row.sku, row.warehouse, row.parts, source) for row in block]


def absent(session: Session, file_id: UUID, warehouses: Sequence[str], *, compared: bool) -> list[Key]:
    """The keys that were stated before and that the file does not list, in their order."""
    narrowed = {"departed": _DEPARTED, "departs": _DEPARTS} if compared else {"departed": "", "departs": "true"}
    query = _ABSENT.format(**narrowed)
    given = {"file_id": file_id, "scope": list(warehouses)}
    return sorted((row.sku, row.warehouse) for row in session.execute(text(query), given))


def census(session: Session, file_id: UUID, warehouses: Sequence[str], missing: int) -> Census:
    """How much of what was there the file changes, for the guards on the whole."""
    given = {"file_id": file_id, "scope": list(warehouses)}
    there = session.execute(_THERE, given).one()
    emptied = session.scalar(_EMPTIED, given) or 0
    return Census(listed=there.listed, missing=missing, holding=there.holding, emptied=emptied)


def keep_event(session: Session, event: Snapshot | Confirmation, source: str, outcome: dict[str, Any]) -> bool:
    """Note that a statement was applied, and what came of it; False where that was noted before."""
    values = {
        "id": event.id,
        "kind": event.kind,
        "effective_at": event.effective_at,
        "sequence": event.sequence,
        "source": source,
        "body": {**event.model_dump(mode="json", exclude={"rows", "unchanged"}), **outcome},
    }
    done = session.execute(
        insert_or(StockEventRow).values(values).on_conflict_do_nothing().returning(col(StockEventRow.id))
    )
    return done.first() is not None


def known_event(session: Session, event_id: str) -> bool:
    """Whether a statement was applied before."""
    return session.get(StockEventRow, event_id) is not None


def move_feeds(session: Session, layout: str, snapshot: Snapshot, closing: Closing | None) -> None:
    """Let the warehouses of a snapshot stand on it, where it is the newest; `closing` where it closes absent rows."""
    known = {row.warehouse: row for row in session.scalars(select(StockFeedRow).with_for_update())}
    rows = []
    for warehouse in snapshot.warehouses:
        before = known.get(warehouse)
        if before and Version(before.effective_at, before.sequence) >= snapshot.version:
            continue
        closed = closing.model_dump(mode="json") if closing else before.closing if before else None
        rows.append(
            {
                "warehouse": warehouse,
                "layout": layout,
                "effective_at": snapshot.effective_at,
                "sequence": snapshot.sequence,
                "event_id": snapshot.id,
                "source": snapshot.source,
                "closing": closed,
                "missed": 0,
                "widened": 0,
            }
        )
    upsert_rows(session, StockFeedRow, rows)


def leave_behind(session: Session, keys: Sequence[Key], snapshot: Snapshot) -> None:
    """Let rows that a newer statement does not list, and that nothing closes, keep the instant that they have (I2).

    A statement that is not newer than what the warehouse stands on leaves nothing behind.
    """
    feeds = {row.warehouse: row for row in session.scalars(select(StockFeedRow))}
    for warehouse in sorted({warehouse for _, warehouse in keys} & set(feeds)):
        feed = feeds[warehouse]
        if snapshot.version <= Version(feed.effective_at, feed.sequence):
            continue
        skus = [sku for sku, where in keys if where == warehouse]
        rows = update(StockLevelRow).where(
            col(StockLevelRow.warehouse) == warehouse, col(StockLevelRow.sku).in_(skus), col(StockLevelRow.follows)
        )
        session.execute(rows.values(effective_at=feed.effective_at, sequence=feed.sequence, follows=False))


def _row(sku: str, warehouse: str, parts: list[dict[str, Any]], source: str) -> SnapshotRow:
    counts: dict[str, BucketCount] = {}
    for part in parts:
        before = counts.get(part["bucket"]) or BucketCount(bucket=part["bucket"], on_hand=Decimal(0))
        counts[part["bucket"]] = BucketCount.model_construct(
            bucket=part["bucket"],
            on_hand=before.on_hand + Decimal(part["on_hand"]),
            allocated=before.allocated + Decimal(part["allocated"]),
            on_order=before.on_order + Decimal(part["on_order"]),
        )
    lines = ", ".join(f"line {part['line']}" for part in parts)
    return SnapshotRow.model_construct(
        sku=sku, warehouse=warehouse, counts=tuple(counts[one] for one in sorted(counts)), source=f"{source} {lines}"
    )
