"""Places in files: from a file and a key to the lines that state it, while it is staged and long after (G-B4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, tuple_, union
from sqlmodel import Session, col

from store.tables.files import FileLineRow, SourceFileRow, StagedGroupRow
from store.tables.shipments import ShipmentRevisionRow


class FileKey(NamedTuple):
    """A record in a file; `item`: the number of one of its items, such as a shipment's line."""

    file_id: UUID
    key: str
    item: int | None = None


class FilePlace(BaseModel):
    """Lines of a file that state something, both included; None where it is not known any more which."""

    model_config = ConfigDict(frozen=True)

    file_id: str
    filename: str
    layout: str
    sequence: int | None
    line_from: int | None = None
    line_to: int | None = None


Lines = tuple[int, int]


def file_id_of(given: object) -> UUID | None:
    """The id of a file, where this is one."""
    with suppress(ValueError):
        return UUID(str(given)) if given else None
    return None


def places(session: Session, wanted: Iterable[FileKey]) -> dict[FileKey, FilePlace]:
    """Where these records stand; a file that is unknown is left out."""
    keys = list(dict.fromkeys(wanted))
    ids = {key.file_id for key in keys}
    files = {row.id: row for row in session.scalars(select(SourceFileRow).where(col(SourceFileRow.id).in_(ids)))}
    lines = {**_groups(session, keys), **_shipments(session, keys)}
    return {key: _place(files[key.file_id], lines.get(key)) for key in keys if key.file_id in files}


def _place(file: SourceFileRow, lines: Lines | None) -> FilePlace:
    line_from, line_to = lines or (None, None)
    return FilePlace(
        file_id=str(file.id),
        filename=file.filename,
        layout=file.layout,
        sequence=file.sequence,
        line_from=line_from,
        line_to=line_to,
    )


def _groups(session: Session, keys: list[FileKey]) -> dict[FileKey, Lines]:
    """By what was kept of the file's groups, or what is staged of it still."""
    pairs = {(key.file_id, key.key) for key in keys}
    if not pairs:
        return {}
    kept = [
        select(col(row.file_id), col(row.key), col(row.line_from), col(row.line_to)).where(
            tuple_(col(row.file_id), col(row.key)).in_(pairs)
        )
        for row in (FileLineRow, StagedGroupRow)
    ]
    found: defaultdict[tuple[UUID, str], list[Lines]] = defaultdict(list)
    for file_id, key, line_from, line_to in session.execute(union(*kept)):
        found[file_id, key].append((line_from, line_to))
    return {key: _spanned(found[key[:2]]) for key in keys if key[:2] in found}


def _spanned(lines: list[Lines]) -> Lines:
    return min(first for first, _ in lines), max(last for _, last in lines)


def _shipments(session: Session, keys: list[FileKey]) -> dict[FileKey, Lines]:
    """Revisions of shipments know where each of their lines stands."""
    pairs = {(key.file_id, key.key) for key in keys}
    row = ShipmentRevisionRow
    query = select(row).where(tuple_(col(row.source_file_id), col(row.shipment_number)).in_(pairs))
    stated = {(one.source_file_id, one.shipment_number): one for one in session.scalars(query)}
    found = {}
    for key in keys:
        revision = stated.get(key[:2])
        if revision is not None and (lines := _within(revision, key.item)):
            found[key] = lines
    return found


def _within(revision: ShipmentRevisionRow, item: int | None) -> Lines | None:
    if item is not None:
        line = item_lines(revision).get(item)
        if line is not None:
            return line, line
    if revision.line_from is None:
        return None
    return revision.line_from, revision.line_to or revision.line_from


def item_lines(revision: ShipmentRevisionRow) -> Mapping[int, int]:
    """By the number of a shipment's line, its line in the file; empty for what was stated before that was kept."""
    numbers = [line["line_no"] for line in revision.payload.get("lines", ())]
    places = revision.item_lines or []
    return dict(zip(numbers, places, strict=True)) if len(numbers) == len(places) else {}
