"""Files of the ERP: the list, and one as it came, with what was refused marked where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Form, Request
from fastapi.responses import Response

from activities.file_lines import LINE_CHARACTERS, FileLine
from api.dashboard.pages import back_to, formed, given, key_of, long_enough, page_router, said
from api.dashboard.records import Paged
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking, Operating
from api.routes import files
from api.services import Reading, Serving
from domain.amendments import may_be_amended
from domain.errors import Malformed, Missing
from domain.files import FileState, Reject, Severity

router = page_router()

AROUND = 2  # lines shown before and after a bad one
FINDINGS = 50
FIRST_LINES = 30
AS_FAR = 300_000  # lines into a file that a page reads: further ones are told without their text


class FileFilter(Paged):
    """Which files."""

    layout: str | None = None
    state: FileState | None = None


class ShownLine(NamedTuple):
    """A line with its text in three parts, of which the middle is what was refused, and what is said of it."""

    line: int
    parts: tuple[str, str, str]
    tone: str
    findings: Sequence[Reject]
    after_gap: bool


@router.get("/ui/files")
def show_files(
    request: Request, session: Reading, person: Looking, wanted: Annotated[FileFilter, Depends(given(FileFilter))]
) -> Response:
    """Files, the newest first."""
    found = files.list_files(session, key_of(person), **wanted.model_dump())
    return page(
        request,
        "files.html",
        person,
        found=found,
        wanted=wanted,
        states=list(FileState),
        current=dict(request.query_params),
    )


@router.get("/ui/files/{file_id}")
def show_file(
    file_id: UUID,
    request: Request,
    session: Reading,
    serving: Serving,
    person: Looking,
    wanted: Annotated[Paged, Depends(given(Paged))],
) -> Response:
    """One file: what was read of it, and its bad rows where they stand, with the rule that each broke."""
    key = key_of(person)
    one = files.read_file(file_id, session, key)
    rejects = files.read_rejects(file_id, session, key, limit=FINDINGS, cursor=wanted.cursor)
    try:
        lines = _lines(file_id, session, serving, person, rejects.items)
    except Missing:
        lines = []  # its bytes are gone: what was refused is told without them
    return page(
        request,
        "file.html",
        person,
        one=one,
        rejects=rejects,
        lines=lines,
        amendable=_amendable(one, lines),
        current=dict(request.query_params),
        said=said(request),
    )


@router.post("/ui/files/{file_id}/amend")
async def take_amendment(
    file_id: UUID,
    response: Response,
    serving: Serving,
    person: Operating,
    line: Annotated[list[int], Form(max_length=files.LINES_AT_ONCE)],
    text: Annotated[list[str], Form(max_length=files.LINES_AT_ONCE)],
    reason: Annotated[str, Form(max_length=500)],
) -> Response:
    """Put lines right; leads to the copy that is read."""
    if len(line) != len(text):
        raise Malformed("Each line has one text.", reason="lines")
    lines = [{"line": one, "text": its} for one, its in zip(line, text, strict=True)]
    wanted = formed(files.NewAmendment, lines=lines, reason=long_enough(reason))
    accepted = await files.amend_file(file_id, wanted, serving, response, key_of(person))
    return back_to(f"/ui/files/{accepted.file_id}", "amended")


def _amendable(one: files.FileDetail, lines: Iterable[ShownLine]) -> list[ShownLine]:
    """The lines that can be put right here: of a file that was applied only bad ones, and none that a field cuts."""
    if one.amended_as or not may_be_amended(one.state, one.entity, one.rejected_group_count):
        return []
    shown = [row for row in lines if row.tone == "wrong" or one.state is FileState.REFUSED]
    return [row for row in shown if _fits_a_field("".join(row.parts))]


def _fits_a_field(text: str) -> bool:
    return len(text) < LINE_CHARACTERS and all(each.isprintable() or each == "\t" for each in text)


def _lines(
    file_id: UUID, session: Reading, serving: Serving, person: Looking, rejects: Iterable[Reject]
) -> list[ShownLine]:
    """The bad lines and a few around each; of a file without findings its beginning."""
    by_line: dict[int, list[Reject]] = {}
    for one in rejects:
        if one.line is not None and one.line <= AS_FAR:
            by_line.setdefault(one.line, []).append(one)
    if not by_line:
        begun = files.read_lines(file_id, session, serving, key_of(person), first=1, limit=FIRST_LINES)
        return _shown(begun.items, {})
    first = max(1, min(by_line) - AROUND)
    count = max(by_line) + AROUND - first + 1
    read = files.read_lines(file_id, session, serving, key_of(person), first=first, limit=count)
    near = {line + step for line in by_line for step in range(-AROUND, AROUND + 1)}
    return _shown([one for one in read.items if one.line in near], by_line)


def _shown(lines: Iterable[FileLine], by_line: dict[int, list[Reject]]) -> list[ShownLine]:
    shown, before = [], None
    for one in lines:
        findings = by_line.get(one.line, [])
        gap = before is not None and one.line != before + 1
        shown.append(ShownLine(one.line, _parts(one.text, findings), _tone(findings), findings, gap))
        before = one.line
    return shown


def _tone(findings: Sequence[Reject]) -> str:
    if not findings:
        return ""
    return "doubtful" if all(one.severity is Severity.WARNING for one in findings) else "wrong"


def _parts(text: str, findings: Sequence[Reject]) -> tuple[str, str, str]:
    """The text before, in and after the columns of the first finding that names some."""
    placed = next((one for one in findings if one.column_from is not None and one.column_to is not None), None)
    if placed is None or placed.column_from is None or placed.column_to is None:
        return text, "", ""
    begin, end = placed.column_from - 1, placed.column_to
    return text[:begin], text[begin:end], text[end:]
