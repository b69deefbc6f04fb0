"""The feed: what happened, in sentences, read from the change log; its position is a snapshot of the database.

Ids of changes are given out before they are committed, so "after this id" could skip a change that commits late. A
position therefore is the snapshot in which one looked (`pg_current_snapshot`): what that snapshot could not see is new,
exactly once, in whatever order transactions end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlmodel import Session, col

from domain.errors import Malformed
from store.feed_words import told
from store.tables.changes import TOLD, ChangeRow
from store.tables.exceptions import ExceptionRow

AT_MOST = 200
POSITION = re.compile(r"\d{1,19}:\d{1,19}:(?:\d{1,19}(?:,\d{1,19})*)?")
_NOW = text("SELECT pg_current_snapshot()::text")
# The first condition is for the index, the second is the exact one.
_NEW = text(
    "transaction_id >= pg_snapshot_xmin(CAST(:position AS pg_snapshot))::text::bigint "
    "AND NOT pg_visible_in_snapshot(transaction_id::text::xid8, CAST(:position AS pg_snapshot))"
)


class Tone(StrEnum):
    """How a sentence is meant: news, something good that ended, something that waits, something that went wrong."""

    NEWS = "news"
    GOOD = "good"
    WAITS = "waits"
    WRONG = "wrong"


class FeedFlow(StrEnum):
    """Which flow a sentence belongs to."""

    FILES = "files"
    SHIPMENTS = "shipments"
    INVOICES = "invoices"
    ORDERS = "orders"
    EXCEPTIONS = "exceptions"


class FeedEvent(BaseModel):
    """One thing that happened; `id` is that of its change."""

    model_config = ConfigDict(frozen=True)

    id: int
    at: datetime
    flow: FeedFlow
    tone: Tone
    sentence: str
    record_type: str
    record_key: str
    actor: str | None


class Feed(BaseModel):
    """Events, the newest first, and the position after which to go on."""

    model_config = ConfigDict(frozen=True)

    position: str
    events: tuple[FeedEvent, ...]


def feed(session: Session, after: str | None = None, limit: int = AT_MOST) -> Feed:
    """What happened after a position, or the latest of all; of more than `limit` only the latest.

    Raises Malformed for what is no position.
    """
    if after is not None and not POSITION.fullmatch(after):
        raise Malformed("`after` is not the position of a feed.", reason="position")
    position = str(session.scalar(_NOW))
    query = select(ChangeRow).where(text(TOLD)).order_by(col(ChangeRow.id).desc()).limit(limit)
    if after is not None:
        query = query.where(_NEW.bindparams(position=after))
    rows = list(session.scalars(query))
    return Feed(position=position, events=tuple(_events(rows, _exceptions(session, rows))))


def _events(rows: Iterable[ChangeRow], known: dict[str, Any]) -> Iterable[FeedEvent]:
    for row in rows:
        found = told(row, known.get(row.row_key) if row.table_name == "exceptions" else None)
        if found is not None:
            cause = row.cause or {}
            yield FeedEvent(id=row.id or 0, at=row.at, actor=cause.get("actor"), **found._asdict())


def _exceptions(session: Session, rows: Sequence[ChangeRow]) -> dict[str, Any]:
    """The exceptions that changed: an update tells only what changed of them."""
    ids = {UUID(row.row_key) for row in rows if row.table_name == "exceptions"}
    if not ids:
        return {}
    return {str(one.id): one for one in session.scalars(select(ExceptionRow).where(col(ExceptionRow.id).in_(ids)))}
