"""What Salesforce shows of stock: what is still to be said, what was taken, refused or left in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from domain.freshness import Confidence
from domain.publication import ItemStatement, StockStatement
from domain.stock_events import stock_key
from store.stock.levels import Key
from store.stock.promises import TOTAL
from store.tables.stock import StockExportRow, StockShowingRow, StockStatementRow
from store.upserts import append
from store.upserts import upsert as upsert_rows


class ToSay(NamedTuple):
    """Rows to say, in the order in which they are to be said."""

    levels: list[StockStatement]
    items: list[ItemStatement]
    rows: dict[Key, Row[Any]]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.rows)


# What went down comes first: a number that is too high sells what is not there. A row that is held stays as it is
# shown until its number is unknown, and what is shown of a row is never replaced by something of an older instant
# (cases I7, I8, I9). A total or a kit is as old as its oldest part, which a new part may well be: of these the last
# decision counts, and there is one decider.
_TO_SAY = text("""
SELECT said.sku, said.warehouse, said.published, said.confidence, said.as_of_at, said.sequence, said.on_hand,
       said.allocated, said.basis, said.content_hash, said.decided_at
FROM availabilities said LEFT JOIN stock_statements shown USING (sku, warehouse)
WHERE (said.held IS NULL OR said.published IS NULL) AND shown.content_hash IS DISTINCT FROM said.content_hash
  AND (said.as_of_at IS NOT NULL OR shown.sku IS NOT NULL)
  AND (shown.as_of_at IS NULL OR said.published IS NULL OR said.warehouse = '' OR said.given ? 'kit'
       OR (said.as_of_at, said.sequence) >= (shown.as_of_at, shown.sequence))
ORDER BY CASE WHEN said.published IS NULL OR said.published < shown.available THEN 0 ELSE 1 END,
         said.sku, said.warehouse
LIMIT :limit
""")


def to_say(session: Session, limit: int) -> ToSay:
    """What is decided and not shown so."""
    rows = list(session.execute(_TO_SAY, {"limit": limit}))
    return ToSay(
        levels=[_level(row) for row in rows if row.warehouse != TOTAL],
        items=[ItemStatement(sku=row.sku, available=row.published) for row in rows if row.warehouse == TOTAL],
        rows={(row.sku, row.warehouse): row for row in rows},
    )


def doubt(session: Session, said: ToSay) -> None:
    """Forget what was taken of these rows before they are said: if no answer comes, nobody knows what stands there."""
    known = [{"sku": sku, "warehouse": warehouse, "content_hash": None} for sku, warehouse in said.rows]
    upsert_rows(session, StockStatementRow, known)


def remember(session: Session, said: ToSay, taken: Iterable[Key], refused: Mapping[Key, str]) -> int:
    """Keep what Salesforce answered for good: rows that it took, and rows that it refused with the reason.

    A refused row is not said again until it changes or somebody asks for it. What was taken is kept as shown from now
    on, so that it can be told later. Answers how many were kept.
    """
    now = datetime.now(UTC)
    taken = list(dict.fromkeys(taken))
    append(session, StockShowingRow, [_showing(said.rows[key], now) for key in taken])
    rows = []
    for key in dict.fromkeys([*taken, *refused]):
        row = said.rows[key]
        rows.append(
            {
                "sku": key[0],
                "warehouse": key[1],
                "content_hash": row.content_hash,
                "available": row.published,
                "as_of_at": row.as_of_at,
                "sequence": row.sequence,
                "refused": refused.get(key),
                "said_at": now,
            }
        )
    return len(upsert_rows(session, StockStatementRow, rows))


def _showing(row: Row[Any], said_at: datetime) -> dict[str, Any]:
    return {
        "sku": row.sku,
        "warehouse": row.warehouse,
        "said_at": said_at,
        "decided_at": row.decided_at,
        "available": row.published,
        "confidence": row.confidence,
        "as_of_at": row.as_of_at,
    }


def showings(session: Session, keys: Sequence[Key], at: datetime | None = None) -> dict[Key, StockShowingRow]:
    """What Salesforce shows of these rows, or showed at a time; what it did not show then is left out."""
    if not keys:
        return {}
    sku, warehouse, said_at = (col(getattr(StockShowingRow, name)) for name in ("sku", "warehouse", "said_at"))
    query = select(StockShowingRow).where(tuple_(sku, warehouse).in_(keys))
    if at is not None:
        query = query.where(said_at <= at)
    newest = query.ext(distinct_on(sku, warehouse)).order_by(sku, warehouse, said_at.desc())
    return {(row.sku, row.warehouse): row for row in session.scalars(newest)}


def statements(session: Session, keys: Sequence[Key]) -> dict[Key, StockStatementRow]:
    """What Salesforce took last of these rows."""
    query = select(StockStatementRow).where(
        tuple_(col(StockStatementRow.sku), col(StockStatementRow.warehouse)).in_(keys)
    )
    return {(row.sku, row.warehouse): row for row in session.scalars(query)} if keys else {}


def refusals(session: Session, named: int = 5) -> list[tuple[str, int, list[str]]]:
    """The reasons for which rows are refused now: how many there are, and some of them by their keys."""
    query = text("""
        SELECT refused, count(*) AS number, (array_agg(sku || '|' || warehouse ORDER BY sku, warehouse))[1:5] AS keys
        FROM stock_statements WHERE refused IS NOT NULL GROUP BY refused ORDER BY refused
    """)
    return [(row.refused, row.number, list(row.keys)[:named]) for row in session.execute(query)]


def say_refused_again(session: Session) -> None:
    """Let what was refused be said once more."""
    rows = update(StockStatementRow).where(col(StockStatementRow.refused).is_not(None))
    session.execute(rows.values(content_hash=None, refused=None))


def say_rows_again(session: Session, keys: Sequence[Key]) -> None:
    """Let these rows be said once more, whatever was taken of them."""
    sku, warehouse = col(StockStatementRow.sku), col(StockStatementRow.warehouse)
    for first in range(0, len(keys), 1000):
        rows = update(StockStatementRow).where(tuple_(sku, warehouse).in_(keys[first : first + 1000]))
        session.execute(rows.values(content_hash=None))


def expire_refusals(session: Session, reasons: Sequence[str], before: datetime) -> None:
    """Let rows refused for one of these reasons before that time be said once more; refused they stay until answered.

    So the work on them does not end, and begin again, for an answer that is still to come.
    """
    refused, said_at, content_hash = (
        col(getattr(StockStatementRow, name)) for name in ("refused", "said_at", "content_hash")
    )
    rows = update(StockStatementRow).where(refused.in_(reasons), said_at < before, content_hash.is_not(None))
    session.execute(rows.values(content_hash=None))


# An export is through when all that it changed is shown; how long that took is measured from the file being there.
_MEASURE = text("""
INSERT INTO stock_exports (event_id, source, effective_at, visible_at, rows, p50_seconds, p99_seconds, finished_at)
SELECT event.id, event.source, event.effective_at, seen.at, count(shown.sku),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM shown.said_at - seen.at))::numeric(12, 3),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM shown.said_at - seen.at))::numeric(12, 3), now()
FROM stock_events event
JOIN source_files file ON file.id = CAST(event.id AS uuid)
CROSS JOIN LATERAL (SELECT coalesce(file.visible_at, file.received_at) AS at) seen
LEFT JOIN stock_statements shown
       ON shown.said_at >= event.applied_at AND shown.refused IS NULL AND shown.content_hash IS NOT NULL
WHERE event.kind = 'snapshot' AND event.id IN (SELECT event_id FROM stock_feeds)
  AND NOT EXISTS (SELECT FROM stock_exports done WHERE done.event_id = event.id)
GROUP BY event.id, event.source, event.effective_at, seen.at
ON CONFLICT (event_id) DO NOTHING
RETURNING source, rows, p99_seconds
""")


def measure(session: Session) -> Sequence[Row[Any]]:
    """Note how long the newest exports took until all their changes were shown, once each; for when all is said."""
    return session.execute(_MEASURE).all()


def exports(session: Session, limit: int) -> list[StockExportRow]:
    """The exports that are shown in full, the newest first."""
    query = select(StockExportRow).order_by(col(StockExportRow.finished_at).desc()).limit(limit)
    return list(session.scalars(query))


def _level(row: Row[Any]) -> StockStatement:
    return StockStatement(
        key=stock_key(row.sku, row.warehouse),
        sku=row.sku,
        warehouse=row.warehouse,
        on_hand=row.on_hand,
        allocated=row.allocated,
        available=row.published,
        as_of_at=row.as_of_at,
        sequence=row.sequence or None,
        confidence=Confidence(row.confidence),
        basis=row.basis,
    )
