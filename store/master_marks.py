"""Marks of master records of which something changed: set with the change, struck once their flow was woken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal_column, select, text
from sqlmodel import Session, col

from domain.links import LinkKind, LinkRole
from store.tables.links import LinkRow, LinkState
from store.tables.mastering import MasterMarkRow

# In the order of the keys: two changes of the same records never wait for one another in a circle.
_SET = text("""
INSERT INTO master_marks (kind, key, reason)
SELECT DISTINCT CAST(:kind AS text), key, CAST(:reason AS text) FROM unnest(CAST(:keys AS text[])) AS key
ORDER BY key ON CONFLICT (kind, key) DO UPDATE SET reason = excluded.reason
""")
# A mark that was set again meanwhile is another version of its row. A time would not tell: it is when a change began.
_STRIKE = text("DELETE FROM master_marks WHERE kind = :kind AND key = :key AND xmin::text = :version")

Mark = tuple[LinkKind, str, str]  # the last one is the version of its row


def mark(session: Session, kind: LinkKind, keys: Iterable[str], reason: str) -> None:
    """Mark records by their own keys: their flows are woken, and read every side again."""
    listed = [key for key in keys if key]
    if listed:
        session.execute(_SET, {"kind": kind.value, "keys": listed, "reason": reason})


def mark_linked(session: Session, kind: LinkKind, keys: Sequence[str], reason: str) -> None:
    """The same, of those records only that another system has, too."""
    query = select(col(LinkRow.local_key)).where(
        col(LinkRow.kind) == kind.value,
        col(LinkRow.state) == LinkState.CONFIRMED.value,
        col(LinkRow.role) == LinkRole.OWN.value,
    )
    mark(session, kind, set(session.scalars(query.where(col(LinkRow.local_key).in_(keys)))), reason)


def oldest(session: Session, limit: int) -> list[Mark]:
    """The records that were marked first."""
    version: ColumnElement[str] = literal_column("master_marks.xmin::text").label("version")
    query = select(col(MasterMarkRow.kind), col(MasterMarkRow.key), version)
    ordered = query.order_by(col(MasterMarkRow.marked_at), col(MasterMarkRow.key)).limit(limit)
    return [(LinkKind(row.kind), row.key, row.version) for row in session.execute(ordered)]


def strike(session: Session, marks: Sequence[Mark]) -> None:
    """Take marks whose flows were woken; one that was set again meanwhile stays."""
    for kind, key, version in sorted(marks):
        session.execute(_STRIKE, {"kind": kind.value, "key": key, "version": version})


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many marks wait, and since when the oldest one does."""
    count, oldest_at = session.execute(select(func.count(), func.min(col(MasterMarkRow.marked_at)))).one()
    return count, oldest_at
