"""Order files: what was written for the ERP, which orders it tells of, and what in them was replaced."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.auth import Viewer
from api.exports import FILE, in_csv
from api.services import Reading
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from domain.files import Replacement
from domain.order_messages import OrderAction, OrderFileState
from store import order_files, order_messages
from store.order_files import OrderFile
from store.paging import Page

router = APIRouter(prefix="/erp/order-files", tags=["order files"])

Sequence = Annotated[int, Path(ge=0, le=10**12, description="The number of the file.")]


class OrderFileView(BaseModel):
    """A file for the ERP. Its number is taken and its bytes are frozen when it is `intended`."""

    sequence: int
    name: str
    state: OrderFileState
    layout: str
    sha256: str
    byte_count: int
    message_count: int = Field(description="How many messages it carries: an order may have several.")
    replacement_count: int = Field(description="Texts that it has otherwise than they were given.")
    created_at: datetime
    written_at: datetime | None = Field(description="When it lay whole in the ERP's folder.")


class OrderFileMessage(BaseModel):
    """One message of a file; `revision` counts the messages of its order."""

    order_number: str
    revision: int
    action: OrderAction
    added_at: datetime


class OrderFileDetail(OrderFileView):
    """The same with its messages, in the order of the file, and each replaced text."""

    messages: list[OrderFileMessage]
    replacements: list[Replacement]


def _view(file: OrderFile, message_count: int) -> OrderFileView:
    return OrderFileView(
        message_count=message_count,
        replacement_count=len(file.replacements),
        **file.model_dump(include=set(OrderFileView.model_fields)),
    )


@router.get("", responses=problems() | FILE, summary="List order files")
@in_csv("order-files")
def list_order_files(session: Reading, key: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Listing[OrderFileView]:
    """Files for the ERP, newest first."""
    page: Page[OrderFile] = order_files.page(session, limit=limit, cursor=cursor)
    counts = order_messages.counts(session, [file.sequence for file in page.items])
    return listing(page.of(lambda file: _view(file, counts.get(file.sequence, 0))))


@router.get("/{sequence}", responses=problems(404), summary="Read one order file")
def read_order_file(sequence: Sequence, session: Reading, key: Viewer) -> OrderFileDetail:
    """One file with the orders that it tells of and the texts that were replaced in it."""
    file = order_files.get(session, sequence)
    if file is None:
        raise Missing(f"There is no order file {sequence}.", reason="order_file")
    messages = [
        OrderFileMessage(
            order_number=one.order_number, revision=one.revision, action=one.message.action, added_at=one.added_at
        )
        for one in order_messages.of_file(session, sequence)
    ]
    shown = _view(file, len(messages)).model_dump()
    return OrderFileDetail(**shown, messages=messages, replacements=list(file.replacements))
