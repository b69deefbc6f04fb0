"""Amended files in the store: what each differs in from the one that it was made of."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from domain.amendments import Amendment
from store import files
from store.files import SourceFile
from store.tables.amendments import FileAmendmentRow


def record(session: Session, amendment: Amendment) -> None:
    """Keep how a file differs from the one that it was made of; nothing changes it afterwards."""
    session.add(FileAmendmentRow(**amendment.model_dump(exclude={"lines"}), lines=_lines(amendment)))
    session.flush()


def of_file(session: Session, file_id: UUID) -> Amendment | None:
    """How a file differs from the one that it was made of; None for one that came as it is."""
    row = session.get(FileAmendmentRow, file_id)
    return None if row is None else Amendment.model_validate(row, from_attributes=True)


def made_of(session: Session, file_id: UUID) -> list[UUID]:
    """The files that people made of this one, oldest first."""
    row = FileAmendmentRow
    query = select(col(row.file_id)).where(col(row.amends) == file_id).order_by(col(row.amended_at), col(row.file_id))
    return list(session.scalars(query))


def before(session: Session, file_id: UUID) -> list[UUID]:
    """The files that this one was made of, over all its amendments: the one that came is the last."""
    found: list[UUID] = []
    amended = of_file(session, file_id)
    while amended is not None and amended.amends not in found:
        found.append(amended.amends)
        amended = of_file(session, amended.amends)
    return found


def as_it_came(session: Session, file: SourceFile) -> SourceFile:
    """The file itself, or the one that it was made of: what a copy states was stated when that one came."""
    for first in before(session, file.id)[-1:]:
        return files.get(session, first) or file
    return file


def _lines(amendment: Amendment) -> list[dict[str, object]]:
    return [{**one.model_dump(), "before": one.before.replace("\0", "\u2400")} for one in amendment.lines]
