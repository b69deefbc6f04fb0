"""Amending files: lines that a person put right make a copy of the file, which is then read like any other.

The file that came stays as it is, to the byte. The copy says what it differs in, who made it, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session

from activities.file_lines import LINE_CHARACTERS, encoding_of, raw_lines
from activities.receiving import UNIDENTIFIED, Received, Receiver, take
from domain.amendments import AMENDABLE, Amendment, LineChange, LineText, may_be_amended
from domain.errors import Malformed, Missing
from domain.exceptions import Choice, Resolution
from domain.files import FileState
from store import amendments, exceptions, files
from store.causes import Cause, CauseSource
from store.files import FileArrival, SourceFile
from store.session import reading, transaction

UNTOLD = "\ufffd"  # what stands for a byte that its code page does not know


def amend(receiver: Receiver, file_id: UUID, lines: Sequence[LineText], reason: str, by: str) -> Received:
    """Land a copy of a file with these lines, settle what waited for them, and answer the copy; not started yet.

    Lines that say what they said are left out. The same lines again are recognised by the content of the copy. Raises
    Missing for an unknown file or bytes that are gone, and Malformed for what cannot be amended.
    """
    with reading(receiver.engine) as session:
        file = _amendable(files.get(session, file_id), file_id)
        refused = files.refused_lines(session, file_id) if file.state is FileState.APPLIED else None
    changes = _changes(receiver, file, lines)
    _refuse_others(changes, refused)
    arrival = _arrival(receiver, file, changes)
    cause = Cause(source=CauseSource.USER, actor=by, reference={"file_id": str(file_id), "reason": reason})
    with transaction(receiver.engine, cause) as session:
        _amendable(files.lock(session, file_id), file_id)
        received = take(session, arrival)
        _refuse_rivals(session, file_id, received)
        copy = Amendment(
            file_id=UUID(received.file_id),
            amends=file_id,
            lines=tuple(changes.values()),
            reason=reason,
            amended_by=by,
            amended_at=datetime.now(UTC),
        )
        if not received.duplicate:
            amendments.record(session, copy)
        _settle(session, copy)
    return received


def _amendable(file: SourceFile | None, file_id: UUID) -> SourceFile:
    if file is None:
        raise Missing(f"There is no file {file_id}.", reason="file")
    if not may_be_amended(file.state, file.entity, file.rejected_group_count):
        raise Malformed(_why_not(file), reason="not_amendable")
    return file


def _why_not(file: SourceFile) -> str:
    if file.state is not FileState.APPLIED:
        return f"File {file.filename} is {file.state}: wait until it is done with."
    if not file.rejected_group_count:
        return f"Every record of file {file.filename} was taken: there is nothing to amend."
    return f"Stock moved on since {file.filename} was applied: mend the rows in the ERP, and export again."


def _changes(receiver: Receiver, file: SourceFile, lines: Sequence[LineText]) -> Mapping[int, LineChange]:
    """What changes, by line. Raises Malformed for lines that are not there, too long, or of another code page."""
    wanted, found, encoding = {one.line: one.text for one in lines}, {}, encoding_of(receiver, file)
    if len(wanted) < len(lines):
        raise Malformed("A line is named twice: say once what it is to be.", reason="line_twice")
    last = 0
    for last, raw in enumerate(raw_lines(receiver, file), start=1):
        if last in wanted:
            before = raw.decode(encoding, "replace").rstrip("\r\n")
            if wanted[last] != before:
                found[last] = _change(last, before, wanted[last], encoding)
            del wanted[last]
    if wanted:
        raise Malformed(f"File {file.filename} has {last} lines, and none {min(wanted)}.", reason="line_missing")
    if not found:
        raise Malformed("These lines say this already: nothing would change.", reason="line_unchanged")
    return dict(sorted(found.items()))


def _change(line: int, before: str, text: str, encoding: str) -> LineChange:
    if len(before) > LINE_CHARACTERS:
        raise Malformed(f"Line {line} is too long to be amended here: mend it in the ERP.", reason="line_long")
    if any(end in text for end in "\r\n\x00"):
        raise Malformed(f"Line {line} is to stay one line.", reason="line_end")
    if UNTOLD in text:
        detail = f"Line {line} has bytes that the code page {encoding} does not know: write what they are to be."
        raise Malformed(detail, reason="line_encoding")
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start : error.end]
        detail = f"Line {line}, column {error.start + 1}: the file's code page {encoding} has no {bad!r}."
        raise Malformed(detail, reason="line_encoding") from None
    return LineChange(line=line, before=before, text=text)


def _refuse_others(changes: Mapping[int, LineChange], refused: set[int] | None) -> None:
    """What was taken of a file, and what says when and which it is, is not changed behind the ERP's back.

    None: nothing of it was taken.
    """
    others = [] if refused is None else [line for line in changes if line not in refused]
    if others:
        detail = (
            f"Line {others[0]} was not refused. What was taken of a file is corrected in the ERP, which exports it."
        )
        raise Malformed(detail, reason="line_taken")


def _arrival(receiver: Receiver, file: SourceFile, changes: Mapping[int, LineChange]) -> FileArrival:
    landed = receiver.land(_copy(receiver, file, changes))
    layout = receiver.layout_of(landed, file.filename, None if file.layout == UNIDENTIFIED else file.layout)
    return FileArrival(
        sha256=landed.sha256,
        filename=file.filename,
        layout=layout.name,
        entity=layout.layout.entity,
        byte_count=landed.size,
        arrived_by="amendment",
        visible_at=datetime.now(UTC),
    )


def _copy(receiver: Receiver, file: SourceFile, changes: Mapping[int, LineChange]) -> Iterator[bytes]:
    encoding = encoding_of(receiver, file)
    for number, raw in enumerate(raw_lines(receiver, file), start=1):
        change = changes.get(number)
        yield raw if change is None else change.text.encode(encoding) + raw[len(raw.rstrip(b"\r\n")) :]


def _refuse_rivals(session: Session, file_id: UUID, received: Received) -> None:
    """A file is put right once, and not back: of two copies each would undo what the other one says."""
    found = UUID(received.file_id)
    others = [one for one in amendments.made_of(session, file_id) if one != found]
    if others:
        raise Malformed(f"This file was put right as {others[0]} already: amend that one.", reason="amended_already")
    if found == file_id or found in amendments.before(session, file_id):
        raise Malformed("With these lines it would be the file that it was made of.", reason="amended_back")
    same = files.get(session, found)
    if received.duplicate and same is not None and same.state is FileState.REFUSED:
        raise Malformed(
            f"A file with these lines came as {found} and was refused: amend that one.", reason="file_refused"
        )


def _settle(session: Session, copy: Amendment) -> None:
    """The refused rows are handled by the copy; what is wrong with it still is work of its own."""
    for item in exceptions.open_of_record(session, ("file", str(copy.amends))):
        if item.cause in AMENDABLE:
            exceptions.resolve(
                session,
                Resolution(
                    exception_id=item.id,
                    choice=Choice.HANDLED,
                    reason=f"amended as file {copy.file_id}: {copy.reason}",
                    decided_by=copy.amended_by,
                    decided_at=copy.amended_at,
                ),
            )
