"""Source files: hand one in, see what came of it, and what in it was refused and why."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field

from activities.file_lines import FileLine, lines_of
from api.auth import Ingest, Viewer
from api.exports import FILE, in_csv
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, bytes_body, listing, problems
from api.uploads import refuse_larger, shown_name
from domain.errors import Missing
from domain.files import FileState, Reject
from store import files, shipments
from store.files import FileName, SourceFile

router = APIRouter(prefix="/erp/files", tags=["files"])

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
    """The same with the names under which it came and its shipments by state."""

    names: list[FileName]
    shipments: dict[str, int]


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
