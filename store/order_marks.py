"""Marks of orders that have to be looked at: set with what changed, struck with the look, so that nothing is missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from store.tables.lifecycle import OrderMarkRow

# In the order of the numbers: two changes of the same orders never wait for one another in a circle.
_SET = text("""
INSERT INTO order_marks (order_number, reason)
SELECT DISTINCT number, CAST(:reason AS text) FROM unnest(CAST(:numbers AS text[])) AS number
ORDER BY number ON CONFLICT (order_number) DO UPDATE SET reason = excluded.reason
""")
_STRIKE = text("DELETE FROM order_marks WHERE order_number = ANY(:numbers)")


def mark(session: Session, numbers: Iterable[str], reason: str) -> None:
    """Mark orders by their numbers. A mark that is there is locked: it is not struck before this change can be seen."""
    listed = [number for number in numbers if number]
    if listed:
        session.execute(_SET, {"numbers": listed, "reason": reason})


def oldest(session: Session, limit: int) -> list[str]:
    """The orders that were marked first; they are struck once their orders are locked."""
    query = select(col(OrderMarkRow.order_number)).order_by(col(OrderMarkRow.marked_at), col(OrderMarkRow.order_number))
    return list(session.scalars(query.limit(limit)))


def strike(session: Session, numbers: Sequence[str]) -> None:
    """Take the marks of these orders, whose look follows in the same transaction."""
    session.execute(_STRIKE, {"numbers": sorted(numbers)})


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many marks wait, and since when the oldest one does."""
    count, oldest = session.execute(select(func.count(), func.min(col(OrderMarkRow.marked_at)))).one()
    return count, oldest
