"""Customers and items that were edited in QuickBooks: noted by whoever sees it, taken by whoever merges masters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text, update
from sqlmodel import Session, col

from domain.book_changes import ChangedMaster
from domain.links import LinkKind
from store.tables.documents import ChangedMasterRow
from store.upserts import upsert


class NotedMaster(BaseModel):
    """A master that waits to be looked at."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    external_id: str
    noted_at: datetime


_NEWER = (
    "excluded.sync_token IS NULL OR stored.sync_token IS NULL OR "
    "(stored.sync_token <> excluded.sync_token AND coalesce(stored.changed_at <= excluded.changed_at, true))"
)


def note(session: Session, changed: Sequence[ChangedMaster], at: datetime) -> dict[LinkKind, list[str]]:
    """Note what was edited, unless it was seen in this version before; answers what is new, by kind.

    This is the one seam between what QuickBooks says and the merge of masters. A balance that moved is no edit.
    """
    rows = [
        {
            **one.model_dump(include={"kind", "external_id", "sync_token", "changed_at"}),
            "noted_at": at,
            "taken_at": None,
        }
        for one in changed
    ]
    found: dict[LinkKind, list[str]] = {}
    for kind, external_id in upsert(session, ChangedMasterRow, rows, guard=_NEWER):
        found.setdefault(LinkKind(kind), []).append(external_id)
    return found


def waiting(session: Session, limit: int) -> list[NotedMaster]:
    """What nobody has looked at yet, longest waiting first."""
    query = (
        select(ChangedMasterRow)
        .where(text("taken_at IS NULL"))
        .order_by(col(ChangedMasterRow.noted_at), col(ChangedMasterRow.external_id))
        .limit(limit)
    )
    return [NotedMaster.model_validate(row, from_attributes=True) for row in session.scalars(query)]


def take(session: Session, seen: Sequence[NotedMaster]) -> None:
    """Strike out what was looked at; what was noted again meanwhile stays."""
    for one in seen:
        session.execute(
            update(ChangedMasterRow)
            .where(col(ChangedMasterRow.kind) == one.kind.value, col(ChangedMasterRow.external_id) == one.external_id)
            .where(col(ChangedMasterRow.noted_at) == one.noted_at)
            .values(taken_at=func.now())
        )
