"""Tables of what the ERP is told of orders and says of returns: messages, the files that carry them, receipts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.order_messages import OrderAction, OrderFileState
from domain.returns import ReturnCondition
from store.tables.columns import BIG, EMPTY_LIST, JSON, UTC_TIME, ZERO, check, one_of, word

_GIVEN = {"autoincrement": False}


class OrderFileRow(SQLModel, table=True):
    """A file of messages to the ERP, from the moment its bytes are frozen; sequences have no gap.

    At most one is `intended`: the next is not made before it is on disk. All but `state` and `written_at` is frozen.
    """

    __tablename__ = "order_files"
    __table_args__ = (
        UniqueConstraint("name"),
        one_of("state", OrderFileState),
        check("written_when", "(state = 'written') = (written_at IS NOT NULL)"),
        Index("ix_order_files_intended", "state", unique=True, postgresql_where=text("state = 'intended'")),
    )

    sequence: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs=_GIVEN)
    name: str
    layout: str
    layout_digest: str
    sha256: str
    byte_count: int = Field(sa_type=BIG)
    state: str = Field(default=OrderFileState.INTENDED.value, sa_column_kwargs=word(OrderFileState.INTENDED))
    replacements: list[Any] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY_LIST)
    created_at: datetime = Field(sa_type=UTC_TIME)
    written_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class OrderFileContentRow(SQLModel, table=True):
    """The bytes of a file of messages. Append-only."""

    __tablename__ = "order_file_contents"

    sequence: int = Field(primary_key=True, foreign_key="order_files.sequence", sa_type=BIG, sa_column_kwargs=_GIVEN)
    content: bytes


class OrderMessageRow(SQLModel, table=True):
    """A message to the ERP, kept for good; `revision` counts those of one order, `id` all of them.

    `file_sequence` is the file that carries it. `refused`: why it cannot be written as it is. `withdrawn_at`: since
    when it is not to be written any more; no file carries such a one.
    `body` is the JSON of `domain.order_messages.OrderMessage`. What it says is frozen.
    """

    __tablename__ = "order_messages"
    __table_args__ = (
        UniqueConstraint("id"),
        one_of("action", OrderAction),
        check("revision_positive", "revision >= 1"),
        check("withdrawn_in_no_file", "withdrawn_at IS NULL OR file_sequence IS NULL"),
        Index("ix_order_messages_unsent", "id", postgresql_where=text("file_sequence IS NULL")),
    )

    order_number: str = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs=_GIVEN)
    id: int | None = Field(default=None, sa_type=BIG, sa_column_args=(Identity(always=True),), nullable=False)
    action: str
    content_hash: str
    body: dict[str, Any] = Field(sa_type=JSON)
    added_at: datetime = Field(sa_type=UTC_TIME)
    file_sequence: int | None = Field(default=None, foreign_key="order_files.sequence", sa_type=BIG, index=True)
    refused: str | None = None
    withdrawn_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class ReturnRow(SQLModel, table=True):
    """A line of a return that the warehouse received, as it was stated last (case O12).

    `stated_at`, `sequence` and `arrived_at` are those of its file: an older statement never replaces a newer one. The
    order and the shipment are not foreign keys: a return may name unknown ones and is kept.
    """

    __tablename__ = "returns"
    __table_args__ = (
        one_of("condition", ReturnCondition),
        check("quantity_not_negative", "quantity >= 0"),
        Index(None, "shipment_number"),
    )

    rma: str = Field(primary_key=True)
    shipment_number: str = Field(primary_key=True)
    line_no: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs=_GIVEN)
    order_number: str = Field(index=True)
    sku: str
    quantity: Decimal
    uom: str
    condition: str
    received_on: date
    stated_at: datetime = Field(sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    arrived_at: datetime = Field(sa_type=UTC_TIME)
    source_file_id: UUID = Field(foreign_key="source_files.id")
    source_line: int = Field(sa_type=BIG)
