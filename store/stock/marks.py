"""Marks: items whose promise has to be decided again; set with what changed, taken with the decision.

A mark that is there already is locked by whoever sets it again: it is not taken before their change can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from store.tables.stock import StockFeedRow, StockMarkRow

_SET = text("""
INSERT INTO stock_marks (sku, reason)
SELECT DISTINCT sku, CAST(:reason AS text) FROM unnest(CAST(:skus AS text[])) AS sku
ORDER BY sku ON CONFLICT (sku) DO UPDATE SET reason = excluded.reason
""")
_SELECTED = """
INSERT INTO stock_marks (sku, reason) SELECT DISTINCT sku, CAST(:reason AS text) FROM ({query}) found
ORDER BY sku ON CONFLICT (sku) DO UPDATE SET reason = excluded.reason
"""
_TAKE = text("""
DELETE FROM stock_marks WHERE sku IN (
    SELECT sku FROM stock_marks ORDER BY sku LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING sku
""")

# Everything whose promise depends on more than the row of stock and its feed: orders, quotes, movements, rows that are
# held, and rows that the feed has left behind, which age by themselves.
ENTANGLED = """
SELECT line.sku FROM order_lines line JOIN orders ON orders.number = line.order_number
WHERE orders.active AND NOT orders.deleted
UNION SELECT sku FROM reservations WHERE order_number IS NULL AND expires_at > :since
UNION SELECT line.sku FROM shipment_lines line JOIN shipments ON shipments.number = line.shipment_number
WHERE shipments.shipped_at > :since
UNION SELECT sku FROM stock_levels WHERE held IS NOT NULL
UNION SELECT sku FROM stock_levels WHERE NOT follows
"""
OF_WAREHOUSES = "SELECT sku FROM stock_levels WHERE warehouse = ANY(:warehouses)"
OF_ORDERS = "SELECT sku FROM order_lines WHERE order_number = ANY(:orders)"
KNOWN = """
SELECT sku FROM stock_levels WHERE sku = ANY(:skus) UNION SELECT sku FROM order_lines WHERE sku = ANY(:skus)
"""
OTHER_POLICY = "SELECT sku FROM availabilities WHERE policy_version <> :version"
EXPIRED = """
SELECT reserved.sku FROM reservations reserved JOIN availabilities said ON said.sku = reserved.sku
WHERE reserved.expires_at <= :at AND reserved.expires_at > said.decided_at
"""


def mark(session: Session, skus: Iterable[str], reason: str) -> None:
    """Mark items by their SKUs."""
    listed = list(skus)
    if listed:
        session.execute(_SET, {"skus": listed, "reason": reason})


def mark_all(session: Session, skus: Iterable[str], queries: Sequence[str], reason: str, **given: Any) -> None:
    """Mark these items and what these queries find, in one statement and so in one order: nobody waits in a circle."""
    listed = "SELECT unnest(CAST(:skus AS text[])) AS sku"
    query = " UNION ".join([listed, *queries])
    session.execute(text(_SELECTED.format(query=query)), {"skus": list(skus), "reason": reason, **given})


def mark_found(session: Session, query: str, reason: str, **given: Any) -> None:
    """Mark what one of the queries of this module finds."""
    session.execute(text(_SELECTED.format(query=query)), {"reason": reason, **given})


def mark_aged(session: Session, ages: dict[str, tuple[int, int]]) -> list[str]:
    """Mark the warehouses whose numbers were decided at another age: exports that are late, seconds of buffer."""
    changed = []
    for feed in session.scalars(select(StockFeedRow).order_by(col(StockFeedRow.warehouse)).with_for_update()):
        if ages[feed.warehouse] != (feed.missed, feed.widened):
            feed.missed, feed.widened = ages[feed.warehouse]
            changed.append(feed.warehouse)
    session.flush()
    if changed:
        mark_found(session, OF_WAREHOUSES, "the export is late", warehouses=changed)
    return changed


def take(session: Session, limit: int) -> list[str]:
    """Take marks to decide about, in the order of their SKUs; what another process has taken is skipped."""
    return sorted(session.scalars(_TAKE, {"limit": limit}))


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many marks wait, and since when the oldest one does."""
    count, oldest = session.execute(select(func.count(), func.min(col(StockMarkRow.marked_at)))).one()
    return count, oldest


def skus_of(session: Session, orders: Sequence[str]) -> list[str]:
    """The items on these orders."""
    return sorted(set(session.scalars(text(OF_ORDERS), {"orders": list(orders)})))
