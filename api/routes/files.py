"""Source files: hand one in, see what came of it, what in it was refused and why, and put bad lines right."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from activities.amending import amend
from activities.file_lines import LINE_CHARACTERS, FileLine, lines_of
from activities.receiving import Received
from api.auth import Ingest, Operator, Viewer
from api.exports import FILE, in_csv
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, Whole, bytes_body, listing, problems
from api.uploads import refuse_larger, shown_name
from domain.amendments import Amendment, LineText
from domain.errors import Missing
from domain.files import Entity, FileState, Reject
from store import amendments, files, shipments
from store.files import FileName, SourceFile

router = APIRouter(prefix="/erp/files", tags=["files"])

LINES_AT_ONCE = 500
NAME_HELP = "Its name, only shown; in UTF-8, or as `UTF-8''` and the percent-encoded name."


class FileAccepted(BaseModel):
    """A file that is safe. `duplicate` is true when the same bytes came before: then nothing new happens."""

    file_id: UUID
    workflow_id: str
    status_url: str
    duplicate: bool
    layout: str


class FileView(BaseModel):
    """A source file: what came, what was read, what became of the shipments in it."""

    file_id: UUID
    sha256: str
    filename: str
    layout: str
    entity: Entity | None
    state: FileState
    arrived_by: str
    byte_count: int
    sequence: int | None
    created_at: datetime | None = Field(description="What its header says.")
    received_at: datetime
    read_at: datetime | None
    applied_at: datetime | None
    record_count: int | None
    group_count: int | None
    rejected_group_count: int | None
    reject_count: int | None
    totals: dict[str, str]
    error: str | None
    workflow_id: str


class FileDetail(FileView):
    """The same with the names under which it came, its shipments by state, and the files that people made of it.

    `amendment` says what it differs in from the file that it was made of itself.
    """

    names: list[FileName]
    shipments: dict[str, int]
    amendment: Amendment | None
    amended_as: list[UUID]


class NewLine(BaseModel):
    """What a line is to say, without its line end."""

    line: Whole = Field(ge=1, description="Its number, from 1.")
    text: str = Field(max_length=LINE_CHARACTERS)


class NewAmendment(BaseModel):
    """Lines of a file that are put right; those that say what they said already are left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lines": [{"line": 5, "text": "LIN|SO700002|0001|FLB-0191|40|0|"}],
                    "reason": "the warehouse says forty, by telephone",
                }
            ]
        }
    )

    lines: list[NewLine] = Field(min_length=1, max_length=LINES_AT_ONCE)
    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")


def _view(file: SourceFile) -> FileView:
    return FileView(
        file_id=file.id,
        workflow_id=f"erp-file/{file.sha256}",
        totals=dict(file.summary.totals) if file.summary else {},
        **file.model_dump(include=set(FileView.model_fields) & set(SourceFile.model_fields)),
    )


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(404, 408, 413)
    | {200: {"model": FileAccepted, "description": "The same bytes came before; nothing is done twice."}},
    openapi_extra=bytes_body("The file as it is."),
    summary="Hand in an ERP file",
)
async def receive_file(
    request: Request,
    response: Response,
    serving: Serving,
    key: Ingest,
    filename: Annotated[str, Header(alias="X-Filename", description=NAME_HELP)] = "unnamed",
    layout: Annotated[str | None, Query(description="The layout's name; else it is recognised.")] = None,
) -> FileAccepted:
    """The body is the file. It is committed before the answer; its workflow is started then."""
    refuse_larger(request, serving.receiver.max_bytes)
    visible_at = datetime.now(UTC)
    chunks = serving.uploads.chunks(request)
    receive = partial(serving.receiver.receive, chunks, shown_name(filename), layout, "http", visible_at)
    received = await serving.uploads.run(receive)
    return await _started(received, serving, response)


@router.post(
    "/{file_id}/amendments",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(404)
    | {200: {"model": FileAccepted, "description": "A file with these lines came before; nothing is done twice."}},
    summary="Put bad lines of a file right and read it again",
)
async def amend_file(
    file_id: UUID, amendment: NewAmendment, serving: Serving, response: Response, key: Operator
) -> FileAccepted:
    """The file that came stays as it is: a copy with these lines is read, and says what it differs in.

    What waited for the refused rows is settled as handled. Of a file that was applied only lines that were refused can
    be amended, and nothing of a stock export. A file is put right once; what is wrong with the copy still, there.
    """
    lines = [LineText(line=one.line, text=one.text) for one in amendment.lines]
    received = await serving.uploads.run(partial(amend, serving.receiver, file_id, lines, amendment.reason, key.name))
    return await _started(received, serving, response)


@router.get("", responses=problems() | FILE, summary="List files")
@in_csv("files")
def list_files(
    session: Reading,
    key: Viewer,
    layout: str | None = None,
    state: FileState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[FileView]:
    """Files, newest first."""
    return listing(files.page(session, layout=layout, state=state, limit=limit, cursor=cursor).of(_view))


@router.get("/{file_id}", responses=problems(404), summary="Read one file")
def read_file(file_id: UUID, session: Reading, key: Viewer) -> FileDetail:
    """One file and what became of it."""
    file = _get(session, file_id)
    return FileDetail(
        **_view(file).model_dump(),
        names=files.names(session, file_id),
        shipments=shipments.counts_by_state(session, file_id),
        amendment=amendments.of_file(session, file_id),
        amended_as=amendments.made_of(session, file_id),
    )


@router.get("/{file_id}/rejects", responses=problems(404) | FILE, summary="What was refused in a file, and why")
@in_csv("rejects")
def read_rejects(
    file_id: UUID, session: Reading, key: Viewer, limit: Limit = 100, cursor: Cursor = None
) -> Listing[Reject]:
    """Each finding with its line, columns, field, reason and remedy, in file order."""
    _get(session, file_id)
    return listing(files.rejects_page(session, file_id, limit=limit, cursor=cursor))


@router.get("/{file_id}/lines", responses=problems(404), summary="Lines of a file as they came")
def read_lines(
    file_id: UUID,
    session: Reading,
    serving: Serving,
    key: Viewer,
    first: Annotated[int, Query(ge=1, description="The number of the first line.")] = 1,
    limit: Limit = 100,
) -> Listing[FileLine]:
    """Lines as text of the file's code page, so that a finding can be seen where it stands."""
    return Listing(items=lines_of(serving.receiver, _get(session, file_id), first, limit))


def _get(session: Reading, file_id: UUID) -> SourceFile:
    file = files.get(session, file_id)
    if file is None:
        raise Missing(f"There is no file {file_id}.", reason="file")
    return file


async def _started(received: Received, serving: Serving, response: Response) -> FileAccepted:
    await serving.receiver.start(received)
    response.status_code = HTTPStatus.OK if received.duplicate else HTTPStatus.ACCEPTED
    status_url = f"/erp/files/{received.file_id}"
    response.headers["Location"] = status_url
    return FileAccepted(
        file_id=UUID(received.file_id),
        workflow_id=received.workflow_id,
        status_url=status_url,
        duplicate=received.duplicate,
        layout=received.layout,
    )
