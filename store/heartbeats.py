"""Heartbeats: which of our processes are alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from store.tables.access import HeartbeatRow


class Heartbeat(BaseModel):
    """A process of ours and when it was last heard of."""

    model_config = ConfigDict(frozen=True)

    process: str
    role: str
    started_at: datetime
    seen_at: datetime
    details: dict[str, Any]


def beat(session: Session, process: str, role: str, details: dict[str, Any] | None = None) -> None:
    """Say that a process is alive; the first beat of its name is its start."""
    new = insert(HeartbeatRow).values(process=process, role=role, details=details or {})
    session.execute(
        new.on_conflict_do_update(
            index_elements=["process"],
            set_={"role": new.excluded.role, "details": new.excluded.details, "seen_at": func.now()},
        )
    )


def alive(session: Session, within: timedelta) -> list[Heartbeat]:
    """Processes that were heard of within this time, by name."""
    query = select(HeartbeatRow).where(col(HeartbeatRow.seen_at) > func.now() - within)
    rows = session.scalars(query.order_by(col(HeartbeatRow.process)))
    return [Heartbeat.model_validate(row, from_attributes=True) for row in rows]


def last_of(session: Session, role: str) -> datetime | None:
    """When a process of this role was last heard of; None: never, or too long ago to be kept."""
    found: datetime | None = session.scalar(
        select(func.max(col(HeartbeatRow.seen_at))).where(col(HeartbeatRow.role) == role)
    )
    return found


def forget(session: Session, not_within: timedelta) -> None:
    """Drop processes that have been silent for this long."""
    session.execute(delete(HeartbeatRow).where(col(HeartbeatRow.seen_at) <= func.now() - not_within))
