"""Staged groups: what a file states, in canonical words, in PostgreSQL, so that workflows carry only row ranges."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import psycopg
from pydantic_core import to_json
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.files import StagedGroup
from store.errors import translated
from store.tables.files import FileLineRow, StagedDepartureRow, StagedGroupRow

_COPY = "COPY staged_groups (file_id, seq, key, line_from, line_to, byte_from, byte_to, payload, item_lines) FROM STDIN"


def stage(session: Session, file_id: UUID, blocks: Iterable[list[StagedGroup]]) -> int:
    """Put a file's groups in place of those of an earlier attempt, by COPY; answers how many.

    All happens in the caller's transaction: either the whole file is staged or nothing is. Blocks are read one at a
    time, so that a file of any size is staged in constant memory.
    """
    clear(session, file_id)
    session.execute(text("SET LOCAL statement_timeout = 0"))  # COPY is one statement, as long as the file
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("staging needs a psycopg connection")
    count = 0
    with translated(), connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for block in blocks:
            for group in block:
                copy.write_row(_row(file_id, group))
            count += len(block)
    return count


def note_departures(session: Session, file_id: UUID, keys: Iterable[str]) -> None:
    """Keep the keys of the file before that do not stand in this one word for word; replaces an earlier attempt's."""
    session.execute(delete(StagedDepartureRow).where(col(StagedDepartureRow.file_id) == file_id))
    rows = [{"file_id": file_id, "key": key} for key in dict.fromkeys(keys)]
    if rows:
        session.execute(insert(StagedDepartureRow), rows)


def groups(session: Session, file_id: UUID, seq_from: int, seq_to: int) -> list[StagedGroup]:
    """The groups of a range, both ends included, in file order."""
    query = (
        select(StagedGroupRow)
        .where(col(StagedGroupRow.file_id) == file_id, col(StagedGroupRow.seq).between(seq_from, seq_to))
        .order_by(col(StagedGroupRow.seq))
    )
    return [StagedGroup.model_validate(row, from_attributes=True) for row in session.scalars(query)]


def count(session: Session, file_id: UUID) -> int:
    """How many groups of a file are staged."""
    query = select(func.count()).where(col(StagedGroupRow.file_id) == file_id)
    return session.scalar(query) or 0


def keep_lines(session: Session, file_id: UUID) -> None:
    """Keep where each staged group stood in its file, for good; running it again changes nothing."""
    places = select(
        col(StagedGroupRow.file_id), col(StagedGroupRow.key), col(StagedGroupRow.line_from), col(StagedGroupRow.line_to)
    ).where(col(StagedGroupRow.file_id) == file_id)
    columns = ["file_id", "key", "line_from", "line_to"]
    session.execute(insert_or(FileLineRow).from_select(columns, places).on_conflict_do_nothing())


def clear(session: Session, file_id: UUID) -> None:
    """Remove a file's staged groups, and what was noted about the file before it."""
    session.execute(delete(StagedDepartureRow).where(col(StagedDepartureRow.file_id) == file_id))
    session.execute(delete(StagedGroupRow).where(col(StagedGroupRow.file_id) == file_id))


def _row(file_id: UUID, group: StagedGroup) -> tuple[object, ...]:
    places = (group.line_from, group.line_to, group.byte_from, group.byte_to)
    items = None if group.item_lines is None else list(group.item_lines)
    return (file_id, group.seq, group.key, *places, to_json(group.payload).decode(), items)
