"""Tables of stock: what was stated, what can be promised from it, what is kept for quotes, what Salesforce shows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.freshness import Confidence
from domain.stock_balances import RowState
from store.tables.columns import BIG, JSON, NEW_UUID, NOW, UTC_TIME, ZERO, check, one_of

EVENT_KINDS = ("snapshot", "confirmation")
TRUE = {"server_default": text("true")}


class StockLevelRow(SQLModel, table=True):
    """The last statement about one SKU in one warehouse, in base units; `counts` by bucket, `on_hand` their sum.

    `effective_at` is the instant of the export that changed it last. While it `follows` its warehouse's feed, every
    later export has stated the same again, so that an export of 200,000 rows writes those that changed.
    Neither the SKU nor the warehouse is a foreign key: a statement about an unknown one is kept.
    """

    __tablename__ = "stock_levels"
    __table_args__ = (
        one_of("state", RowState),
        Index("ix_stock_levels_held", "sku", postgresql_where=text("held IS NOT NULL")),
        Index("ix_stock_levels_left", "sku", postgresql_where=text("NOT follows")),
    )

    sku: str = Field(primary_key=True)
    warehouse: str = Field(primary_key=True, index=True)
    on_hand: Decimal
    counts: list[Any] = Field(sa_type=JSON)
    state: str
    effective_at: datetime = Field(sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    event_id: str
    source: str
    follows: bool = Field(default=True, sa_column_kwargs=TRUE)
    agreed: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    held: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class StockFeedRow(SQLModel, table=True):
    """The newest whole statement of a warehouse; `closing` is the newest that made absent rows mean something.

    `missed` is how many exports were late when the warehouse's numbers were decided last, `widened` the seconds of age
    by which their buffers were widened then.
    """

    __tablename__ = "stock_feeds"

    warehouse: str = Field(primary_key=True)
    layout: str
    effective_at: datetime = Field(sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    event_id: str
    source: str
    closing: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    missed: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    widened: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)


class StockEventRow(SQLModel, table=True):
    """A statement that was applied: a snapshot (its id is the file's) or a person's confirmation. Append-only.

    The movements between two snapshots are the confirmed shipments, which have tables of their own.
    """

    __tablename__ = "stock_events"
    __table_args__ = (one_of("kind", EVENT_KINDS), Index(None, "effective_at"))

    id: str = Field(primary_key=True)
    kind: str
    effective_at: datetime = Field(sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    source: str
    body: dict[str, Any] = Field(sa_type=JSON)
    applied_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class StockExportRow(SQLModel, table=True):
    """How long it took from an export being there to each of its changed rows being shown in Salesforce."""

    __tablename__ = "stock_exports"
    __table_args__ = (Index(None, "finished_at"),)

    event_id: str = Field(primary_key=True)
    source: str
    effective_at: datetime = Field(sa_type=UTC_TIME)
    visible_at: datetime = Field(sa_type=UTC_TIME)
    rows: int = Field(sa_type=BIG)
    p50_seconds: Decimal | None = None
    p99_seconds: Decimal | None = None
    finished_at: datetime = Field(sa_type=UTC_TIME)


class StockMarkRow(SQLModel, table=True):
    """An item whose promise has to be decided again, because something that it is made of changed."""

    __tablename__ = "stock_marks"

    sku: str = Field(primary_key=True)
    reason: str
    marked_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class StockPolicyRow(SQLModel, table=True):
    """The rules of a policy version that decided something, so that it can be decided again. Append-only."""

    __tablename__ = "stock_policies"

    version: str = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_type=JSON)
    first_used_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class AvailabilityRow(SQLModel, table=True):
    """What can be promised of an item in a warehouse (blank: over all), and the inputs that it was decided from.

    `on_hand` and `allocated` are over all buckets, as they are shown. `content_hash` names what is shown but for the
    instant and the words: rows that equal what Salesforce took need not be said again.
    """

    __tablename__ = "availabilities"
    __table_args__ = (one_of("confidence", Confidence),)

    sku: str = Field(primary_key=True)
    warehouse: str = Field(primary_key=True)
    value: Decimal
    published: Decimal | None = None
    confidence: str
    as_of_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    on_hand: Decimal
    allocated: Decimal
    basis: str
    held: str | None = None
    given: dict[str, Any] = Field(sa_type=JSON)
    policy_version: str
    content_hash: str
    decided_at: datetime = Field(sa_type=UTC_TIME)


class StockStatementRow(SQLModel, table=True):
    """What Salesforce took last of a row; no `content_hash`: no answer came, or it has to be said again.

    `as_of_at` and `sequence` never go back: they guard what is shown (case I8). `refused`: why it was not taken.
    """

    __tablename__ = "stock_statements"
    __table_args__ = (Index("ix_stock_statements_refused", "sku", postgresql_where=text("refused IS NOT NULL")),)

    sku: str = Field(primary_key=True)
    warehouse: str = Field(primary_key=True)
    content_hash: str | None = None
    available: Decimal | None = None
    as_of_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    sequence: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    refused: str | None = None
    said_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class StockShowingRow(SQLModel, table=True):
    """What Salesforce took of a row from `said_at` on, and the decision that it was (feature G-B5). Append-only."""

    __tablename__ = "stock_showings"

    sku: str = Field(primary_key=True)
    warehouse: str = Field(primary_key=True)
    said_at: datetime = Field(primary_key=True, sa_type=UTC_TIME)
    decided_at: datetime = Field(sa_type=UTC_TIME)
    available: Decimal | None = None
    confidence: str
    as_of_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class ReservationRequestRow(SQLModel, table=True):
    """What was asked and answered when goods were kept for a quote: asked again, it is answered again. Append-only."""

    __tablename__ = "reservation_requests"

    reference: str = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_type=JSON)
    answer: dict[str, Any] = Field(sa_type=JSON)
    created_by: str
    created_at: datetime = Field(sa_type=UTC_TIME)


class ReservationRow(SQLModel, table=True):
    """Goods kept for a line of a quote until `expires_at`, in base units; an `order_number` ends it (case I11).

    A line for a kit keeps each of its components.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        check("quantity_positive", "quantity > 0"),
        UniqueConstraint("reference", "line_no", "sku"),
        Index(None, "expires_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    reference: str
    line_no: int = Field(sa_type=BIG)
    sku: str = Field(index=True)
    warehouse: str | None = None
    quantity: Decimal
    created_at: datetime = Field(sa_type=UTC_TIME)
    expires_at: datetime = Field(sa_type=UTC_TIME)
    order_number: str | None = None
    created_by: str


class AcknowledgementRow(SQLModel, table=True):
    """What a file that was cut at `cut_at` says of an order line (line 0: of the whole order). Append-only."""

    __tablename__ = "order_acknowledgements"

    order_number: str = Field(primary_key=True)
    line_no: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    cut_at: datetime = Field(primary_key=True, sa_type=UTC_TIME)
    sequence: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    status: str
    sku: str | None = Field(default=None, index=True)
    allocated: Decimal | None = None
    backordered: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    promise_on: date | None = None
    reason: str | None = None
    source_file_id: UUID = Field(foreign_key="source_files.id")
    source: str
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
