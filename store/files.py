"""Source files in the store: what arrived under which names, what was read, what was refused and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.errors import Missing
from domain.files import Entity, FileState, FileSummary, Reject, Severity
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.files import FileRejectRow, SourceFileNameRow, SourceFileRow


class FileArrival(BaseModel):
    """A file as it came: its content's identity and its name. `visible_at` is when it could first be seen."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    filename: str
    layout: str
    byte_count: int
    arrived_by: str
    entity: Entity | None = None
    visible_at: datetime | None = None


class SourceFile(FileArrival):
    """A file in the store and how far it is. Counts are None until it was read; `summary` then has no rejects."""

    id: UUID
    state: FileState
    sequence: int | None
    created_at: datetime | None
    received_at: datetime
    read_at: datetime | None
    applied_at: datetime | None
    record_count: int | None
    group_count: int | None
    rejected_group_count: int | None
    reject_count: int | None
    summary: FileSummary | None
    error: str | None


class FileName(BaseModel):
    """A name under which a file's bytes came, and when."""

    model_config = ConfigDict(frozen=True)

    filename: str
    arrived_by: str
    received_at: datetime


def register(session: Session, arrival: FileArrival) -> tuple[SourceFile, bool]:
    """Write a file down by its content and note its name; answers it and whether it is new (case F4)."""
    new_id = session.scalar(
        insert_or(SourceFileRow)
        .values(**arrival.model_dump())
        .on_conflict_do_nothing(index_elements=["sha256"])
        .returning(col(SourceFileRow.id))
    )
    row = session.scalars(select(SourceFileRow).where(col(SourceFileRow.sha256) == arrival.sha256)).one()
    add_name(session, row.id, arrival.filename, arrival.arrived_by)
    return _file(row), new_id is not None


def add_name(session: Session, file_id: UUID, filename: str, arrived_by: str) -> None:
    """Note one more delivery of the same bytes."""
    session.execute(insert(SourceFileNameRow).values(file_id=file_id, filename=filename, arrived_by=arrived_by))


def names(session: Session, file_id: UUID) -> list[FileName]:
    """Every delivery of a file, oldest first."""
    query = select(SourceFileNameRow).where(col(SourceFileNameRow.file_id) == file_id)
    rows = session.scalars(query.order_by(col(SourceFileNameRow.id)))
    return [FileName.model_validate(row, from_attributes=True) for row in rows]


def set_state(
    session: Session, file_id: UUID, state: FileState, at: datetime, *, error: str | None = None
) -> SourceFile:
    """Say how far a file is; the first time of reading and of applying stays. Raises Missing for an unknown file."""
    row = session.scalars(select(SourceFileRow).where(col(SourceFileRow.id) == file_id).with_for_update()).first()
    if row is None:
        raise Missing("There is no such file.", reason="file")
    row.state = state.value
    row.error = error
    if state in {FileState.READ, FileState.HELD, FileState.REFUSED}:
        row.read_at = row.read_at or at
    if state is FileState.APPLIED:
        row.applied_at = row.applied_at or at
    session.flush()
    return _file(row)


def save_summary(session: Session, file_id: UUID, summary: FileSummary) -> None:
    """Keep what reading a file came to, and its rejects in place of those of an earlier attempt."""
    values: dict[str, Any] = {
        "entity": summary.entity.value,
        "sequence": summary.sequence,
        "created_at": summary.created_at,
        "record_count": summary.record_count,
        "group_count": summary.group_count,
        "rejected_group_count": summary.rejected_group_count,
        "reject_count": len(summary.rejects),
        "summary": summary.model_dump(mode="json", exclude={"rejects"}),
    }
    session.execute(update(SourceFileRow).where(col(SourceFileRow.id) == file_id).values(**values))
    session.execute(delete(FileRejectRow).where(col(FileRejectRow.file_id) == file_id))
    rows = [{"file_id": file_id, "n": n, **_storable(reject)} for n, reject in enumerate(summary.rejects, start=1)]
    if rows:
        session.execute(insert(FileRejectRow), rows)


def get(session: Session, file_id: UUID) -> SourceFile | None:
    """A file, or None."""
    row = session.get(SourceFileRow, file_id)
    return None if row is None else _file(row)


def page(
    session: Session,
    *,
    layout: str | None = None,
    state: FileState | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[SourceFile]:
    """Files, newest first."""
    query = select(SourceFileRow)
    if layout is not None:
        query = query.where(col(SourceFileRow.layout) == layout)
    if state is not None:
        query = query.where(col(SourceFileRow.state) == state.value)
    keys = [col(SourceFileRow.received_at), col(SourceFileRow.id)]
    return page_of(session, query, keys, limit=limit, cursor=cursor, descending=True).of(_file)


def rejects_page(
    session: Session, file_id: UUID, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Reject]:
    """A file's findings in file order."""
    query = select(FileRejectRow).where(col(FileRejectRow.file_id) == file_id)
    return page_of(session, query, [col(FileRejectRow.n)], limit=limit, cursor=cursor).of(_reject)


def lock(session: Session, file_id: UUID) -> SourceFile | None:
    """A file, or None; nobody else changes it until the transaction ends."""
    query = select(SourceFileRow).where(col(SourceFileRow.id) == file_id)
    row = session.scalars(query.with_for_update(), execution_options={"populate_existing": True}).first()
    return None if row is None else _file(row)


def refused_lines(session: Session, file_id: UUID) -> set[int]:
    """The lines on which a record of a file was refused."""
    query = select(col(FileRejectRow.line)).where(
        col(FileRejectRow.file_id) == file_id,
        col(FileRejectRow.severity) == Severity.GROUP.value,
        col(FileRejectRow.line).is_not(None),
    )
    return set(session.scalars(query))


def take_turn(session: Session, layout: str) -> None:
    """Look at the sequences of a layout one after the other: two files at once would not see each other's findings."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"sequence of {layout}"))))


def by_sequence(session: Session, layout: str, sequence: int) -> list[SourceFile]:
    """Every file of a layout whose header has this sequence, oldest first (case F6)."""
    query = select(SourceFileRow).where(col(SourceFileRow.layout) == layout, col(SourceFileRow.sequence) == sequence)
    return [_file(row) for row in session.scalars(query.order_by(col(SourceFileRow.received_at)))]


def latest_sequence(session: Session, layout: str) -> int | None:
    """The highest header sequence of a layout among files that were read and not refused, or None."""
    return _highest(session, layout)


def latest_before(session: Session, layout: str, sequence: int) -> int | None:
    """The highest header sequence below this one among files that were read and not refused, or None (case F7)."""
    return _highest(session, layout, col(SourceFileRow.sequence) < sequence)


def _highest(session: Session, layout: str, *conditions: Any) -> int | None:
    refused = col(SourceFileRow.state) == FileState.REFUSED.value
    query = select(func.max(col(SourceFileRow.sequence))).where(col(SourceFileRow.layout) == layout, ~refused)
    highest: int | None = session.scalar(query.where(*conditions))
    return highest


def last_received(session: Session, layout: str) -> datetime | None:
    """When a file of this layout came last, under whatever name and however often its bytes came before.

    What people made of one did not come from the ERP.
    """
    query = (
        select(func.max(col(SourceFileNameRow.received_at)))
        .join(SourceFileRow, col(SourceFileRow.id) == col(SourceFileNameRow.file_id))
        .where(col(SourceFileRow.layout) == layout, col(SourceFileNameRow.arrived_by) != "amendment")
    )
    found: datetime | None = session.scalar(query)
    return found


def after(session: Session, layout: str, sequence: int, limit: int = 50) -> list[SourceFile]:
    """The files of a layout with the next higher sequences, in order."""
    query = (
        select(SourceFileRow)
        .where(col(SourceFileRow.layout) == layout, col(SourceFileRow.sequence) > sequence)
        .order_by(col(SourceFileRow.sequence))
        .limit(limit)
    )
    return [_file(row) for row in session.scalars(query)]


def reopen(session: Session, file_id: UUID, layout: str, entity: Entity) -> bool:
    """Take a refused file up again, read by this layout from now on; False where it is not refused."""
    done = session.execute(
        update(SourceFileRow)
        .where(col(SourceFileRow.id) == file_id, col(SourceFileRow.state) == FileState.REFUSED.value)
        .values(state=FileState.RECEIVED.value, layout=layout, entity=entity.value, error=None, read_at=None)
        .returning(col(SourceFileRow.id))
    )
    return done.first() is not None


def _file(row: SourceFileRow) -> SourceFile:
    return SourceFile.model_validate(row, from_attributes=True)


def _reject(row: FileRejectRow) -> Reject:
    return Reject.model_validate(row, from_attributes=True)


def _storable(reject: Reject) -> dict[str, Any]:
    """PostgreSQL keeps every character but NUL, which garbage in a file may well hold: it is shown by its picture."""
    fields = reject.model_dump(mode="json")
    return {name: value.replace("\0", "\u2400") if isinstance(value, str) else value for name, value in fields.items()}
