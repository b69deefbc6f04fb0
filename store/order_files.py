"""Files of messages to the ERP: numbered without a gap, their bytes frozen before any of them is written."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update
from sqlmodel import Session, col

from domain.errors import Missing
from domain.files import Replacement
from domain.order_messages import OrderFileState
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.orders_out import OrderFileContentRow, OrderFileRow


class OrderFile(BaseModel):
    """A file and how far it is; `replacements` are texts that it has otherwise than they were given."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    name: str
    layout: str
    layout_digest: str
    sha256: str
    byte_count: int
    state: OrderFileState
    replacements: tuple[Replacement, ...]
    created_at: datetime
    written_at: datetime | None


def take_turn(session: Session) -> None:
    """Make files one after the other, until this transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("files of orders"))))


def intended(session: Session) -> OrderFile | None:
    """The file whose bytes are frozen and that is not known to be in the ERP's folder; there is never a second one."""
    query = select(OrderFileRow).where(col(OrderFileRow.state) == OrderFileState.INTENDED.value)
    row = session.scalars(query).first()
    return None if row is None else _file(row)


def next_sequence(session: Session, first: int) -> int:
    """One more than the last file's; `first` before there is any."""
    latest: int | None = session.scalar(select(func.max(col(OrderFileRow.sequence))))
    return first if latest is None else latest + 1


def freeze(  # noqa: PLR0913 - what a file is made of
    session: Session,
    *,
    sequence: int,
    name: str,
    layout: str,
    layout_digest: str,
    content: bytes,
    replacements: tuple[Replacement, ...],
    at: datetime,
) -> OrderFile:
    """Take a sequence for these bytes, for good.

    Raises Duplicate when another process took it, or while an earlier file is not on disk.
    """
    row = OrderFileRow(
        sequence=sequence,
        name=name,
        layout=layout,
        layout_digest=layout_digest,
        sha256=hashlib.sha256(content).hexdigest(),
        byte_count=len(content),
        replacements=[one.model_dump(mode="json") for one in replacements],
        created_at=at,
    )
    session.add(row)
    session.flush()
    session.add(OrderFileContentRow(sequence=sequence, content=content))
    session.flush()
    return _file(row)


def content(session: Session, sequence: int) -> bytes:
    """The frozen bytes. Raises Missing for a file that there is not."""
    row = session.get(OrderFileContentRow, sequence)
    if row is None:
        raise Missing(f"There is no order file {sequence}.", reason="order_file")
    return row.content


def mark_written(session: Session, sequence: int, at: datetime) -> bool:
    """Say that the file lies in the ERP's folder; False when that was said before."""
    done = session.execute(
        update(OrderFileRow)
        .where(col(OrderFileRow.sequence) == sequence, col(OrderFileRow.state) == OrderFileState.INTENDED.value)
        .values(state=OrderFileState.WRITTEN.value, written_at=at)
        .returning(col(OrderFileRow.sequence))
    )
    return done.first() is not None


def get(session: Session, sequence: int) -> OrderFile | None:
    """A file, or None."""
    row = session.get(OrderFileRow, sequence)
    return None if row is None else _file(row)


def page(session: Session, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[OrderFile]:
    """Files, newest first."""
    keys = [col(OrderFileRow.sequence)]
    return page_of(session, select(OrderFileRow), keys, limit=limit, cursor=cursor, descending=True).of(_file)


def _file(row: OrderFileRow) -> OrderFile:
    return OrderFile.model_validate(row, from_attributes=True)
