"""The inbox: everything that comes in is a row in a committed transaction before anything acts on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from sqlalchemy import func, literal, select, text, tuple_, update
from sqlmodel import Session, col

from domain.files import FileState
from domain.sources import System
from store.tables.files import InboxRow, SourceFileRow


class Arrival(BaseModel):
    """Something that came in, and the workflow that will deal with it. `payload` and `workflow_input` are JSON-ready.

    `external_id` names it at its source, so that the same thing is one row however often it comes.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    external_id: str
    kind: str
    payload: dict[str, Any]
    workflow_type: str
    workflow_id: str
    workflow_input: Any = None


class InboxEntry(Arrival):
    """A row of the inbox. `started_at` None: its workflow has not been started yet."""

    id: int
    received_at: datetime
    started_at: datetime | None
    attempts: int


def latest(session: Session, workflow_id: str) -> InboxEntry | None:
    """The newest row that asked for a workflow."""
    query = select(InboxRow).where(col(InboxRow.workflow_id) == workflow_id).order_by(col(InboxRow.id).desc()).limit(1)
    row = session.scalars(query).first()
    return None if row is None else _entry(row)


_INSERT = text("""
INSERT INTO inbox (source, external_id, kind, payload, workflow_type, workflow_id, workflow_input)
SELECT source, external_id, kind, payload, workflow_type, workflow_id, workflow_input
FROM json_to_recordset(CAST(:rows AS json)) AS given(
    source text, external_id text, kind text, payload jsonb, workflow_type text, workflow_id text, workflow_input jsonb)
ORDER BY source, external_id
ON CONFLICT (source, external_id) DO NOTHING
RETURNING id
""")


def receive(session: Session, arrival: Arrival) -> tuple[InboxEntry, bool]:
    """Write an arrival down unless it is known; answers its row and whether it is new."""
    return receive_many(session, [arrival])[0]


def receive_many(session: Session, arrivals: Sequence[Arrival]) -> list[tuple[InboxEntry, bool]]:
    """Write arrivals down unless they are known; answers their rows, in the same order, and whether each is new.

    Of an arrival that is listed twice, or is known, the first one's content stays.
    """
    if not arrivals:
        return []
    unique = {(one.source, one.external_id): one for one in reversed(arrivals)}
    new = set(session.scalars(_INSERT, {"rows": to_json([one.model_dump() for one in unique.values()]).decode()}))
    query = select(InboxRow).where(tuple_(col(InboxRow.source), col(InboxRow.external_id)).in_(unique))
    entries = {(row.source, row.external_id): _entry(row) for row in session.scalars(query)}
    found = [entries[one.source, one.external_id] for one in arrivals]
    return [(entry, entry.id in new) for entry in found]


def known(session: Session, source: str, external_ids: Sequence[str]) -> set[str]:
    """Which of these came before."""
    query = select(col(InboxRow.external_id)).where(col(InboxRow.source) == source)
    return set(session.scalars(query.where(col(InboxRow.external_id).in_(external_ids))))


def latest_of_kind(session: Session, kind: str) -> datetime | None:
    """When something of this kind came last, or None."""
    return session.scalar(select(func.max(col(InboxRow.received_at))).where(col(InboxRow.kind) == kind))


def unstarted(session: Session, limit: int, older_than: timedelta = timedelta(0)) -> list[InboxEntry]:
    """What was committed but not started, oldest first. Rows are locked until the end and skipped by other relays."""
    query = (
        select(InboxRow)
        .where(col(InboxRow.started_at).is_(None), col(InboxRow.received_at) <= func.now() - older_than)
        .order_by(col(InboxRow.received_at), col(InboxRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_entry(row) for row in session.scalars(query)]


def of_unfinished_files(session: Session, before: datetime, limit: int = 200) -> list[InboxEntry]:
    """Files whose flow was started before this and that are neither applied nor refused, oldest first.

    A file that was taken up again has more than one row, and only later ones where it was refused at first: the newest
    speaks for it.
    """
    under_way = [FileState.RECEIVED.value, FileState.READ.value, FileState.HELD.value]
    query = (
        select(InboxRow)
        .join(SourceFileRow, literal("erp-file/").concat(col(SourceFileRow.sha256)) == col(InboxRow.workflow_id))
        .where(col(InboxRow.source) == System.ERP.value, col(InboxRow.started_at) < before)
        .where(col(SourceFileRow.state).in_(under_way))
        .order_by(col(InboxRow.started_at), col(InboxRow.id))
        .limit(limit)
    )
    return list({row.workflow_id: _entry(row) for row in session.scalars(query)}.values())


def mark_started(session: Session, ids: Sequence[int]) -> None:
    """Note that the workflows of these rows were started; the first time stays."""
    started = func.coalesce(col(InboxRow.started_at), func.now())
    session.execute(_of(ids).values(started_at=started, attempts=col(InboxRow.attempts) + 1))


def mark_attempted(session: Session, ids: Sequence[int]) -> None:
    """Note that starting the workflows of these rows was tried and failed."""
    session.execute(_of(ids).values(attempts=col(InboxRow.attempts) + 1))


def backlog(session: Session) -> tuple[int, datetime | None]:
    """How many rows wait to be started, and since when the oldest one does."""
    query = select(func.count(), func.min(col(InboxRow.received_at))).where(col(InboxRow.started_at).is_(None))
    count, oldest_at = session.execute(query).one()
    return count, oldest_at


def _of(ids: Sequence[int]) -> Any:
    return update(InboxRow).where(col(InboxRow.id).in_(ids)).execution_options(synchronize_session=False)


def _entry(row: InboxRow) -> InboxEntry:
    return InboxEntry.model_validate(row, from_attributes=True)
