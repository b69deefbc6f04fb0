"""Marks of orders that have to be looked at: set with what changed, struck with the look, so that nothing is missed.

Marks of orders come last: whoever also marks stock, or opens and closes work for people, does that before, and locks
marks in the order of their numbers. So nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, literal_column, select, text
from sqlmodel import Session, col

from store.tables.lifecycle import OrderMarkRow, OrderStateRow
from store.tables.orders import OrderRow

# In the order of the numbers: two changes of the same orders never wait for one another in a circle.
_SET = text("""
INSERT INTO order_marks (order_number, reason)
SELECT DISTINCT number, CAST(:reason AS text) FROM unnest(CAST(:numbers AS text[])) AS number
ORDER BY number ON CONFLICT (order_number) DO UPDATE SET reason = excluded.reason
""")
# A mark that was set again meanwhile is another version of its row.
_STRIKE = text("""
DELETE FROM order_marks USING unnest(CAST(:numbers AS text[]), CAST(:versions AS text[])) AS read(number, version)
WHERE order_number = read.number AND order_marks.xmin::text = read.version
""")
_FREE = text("""
SELECT number FROM orders WHERE number = ANY(:numbers) ORDER BY number LIMIT :limit FOR UPDATE SKIP LOCKED
""")

Marks = Mapping[str, str]


def mark(session: Session, numbers: Iterable[str], reason: str) -> None:
    """Mark orders by their numbers. A mark that is there is locked: it is not struck before this change can be seen."""
    listed = [number for number in numbers if number]
    if listed:
        session.execute(_SET, {"numbers": listed, "reason": reason})


def oldest(session: Session, limit: int) -> list[str]:
    """The orders that were marked first."""
    query = select(col(OrderMarkRow.order_number)).order_by(col(OrderMarkRow.marked_at), col(OrderMarkRow.order_number))
    return list(session.scalars(query.limit(limit)))


def to_look_at(session: Session, numbers: Sequence[str]) -> list[str]:
    """Those of these orders that are marked, or that nobody has looked at yet."""
    marked = select(col(OrderMarkRow.order_number)).where(col(OrderMarkRow.order_number).in_(numbers))
    seen = select(col(OrderStateRow.order_number)).where(col(OrderStateRow.order_number).in_(numbers))
    unseen = select(col(OrderRow.number)).where(col(OrderRow.number).in_(numbers), col(OrderRow.number).not_in(seen))
    return sorted({*session.scalars(marked), *session.scalars(unseen)})


def take_free(session: Session, numbers: Sequence[str], limit: int) -> list[str]:
    """Lock those of these orders that nobody holds, at most so many; answers their numbers."""
    return list(session.scalars(_FREE, {"numbers": list(numbers), "limit": limit}))


def drop_unknown(session: Session, numbers: Sequence[str]) -> None:
    """Take the marks of those numbers under which there is no order: one that comes is marked anew."""
    known = select(col(OrderRow.number)).where(col(OrderRow.number).in_(numbers))
    unknown = (col(OrderMarkRow.order_number).in_(numbers), col(OrderMarkRow.order_number).not_in(known))
    _lock(session, *unknown)
    session.execute(delete(OrderMarkRow).where(*unknown))


def read(session: Session, numbers: Sequence[str]) -> Marks:
    """The marks of these orders, each with its version: read them before what they are about."""
    version: ColumnElement[str] = literal_column("order_marks.xmin::text").label("xmin")
    query = select(col(OrderMarkRow.order_number), version).where(col(OrderMarkRow.order_number).in_(numbers))
    return {row.order_number: row.xmin for row in session.execute(query)}


def strike(session: Session, marks: Marks) -> None:
    """Take marks whose look is over, at the end of its transaction; one that was set again since it was read stays."""
    if marks:
        numbers = sorted(marks)
        _lock(session, col(OrderMarkRow.order_number).in_(numbers))
        session.execute(_STRIKE, {"numbers": numbers, "versions": [marks[number] for number in numbers]})


def _lock(session: Session, *which: ColumnElement[bool]) -> None:
    """Lock marks in the order of their numbers, as those do who set them."""
    session.execute(
        select(col(OrderMarkRow.order_number)).where(*which).order_by(col(OrderMarkRow.order_number)).with_for_update()
    )


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many marks wait, and since when the oldest one does."""
    count, oldest = session.execute(select(func.count(), func.min(col(OrderMarkRow.marked_at)))).one()
    return count, oldest
