"""Tables of shipments: their current statement, its lines, and every revision that was ever stated (case F8)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Index
from sqlmodel import Field, SQLModel

from domain.shipments import LineReason, ShipmentState
from store.tables.columns import BIG, JSON, NOW, ONE, UTC_TIME, ZERO, begins, check, one_of, word


class ShipmentRow(SQLModel, table=True):
    """A confirmed shipment and where it stands; the times are its latency ledger (feature G-E1).

    Customer, order and warehouse are not foreign keys: a shipment that names an unknown one is kept and held (M2, O6).
    `revision` is the number of the statement that these columns hold; `source_line` its first line in the file.
    """

    __tablename__ = "shipments"
    __table_args__ = (
        one_of("state", ShipmentState),
        check("revision_positive", "revision >= 1"),
        Index(None, "order_number"),
        Index(None, "customer_number"),
        Index(None, "source_file_id"),
        Index(None, "state", "received_at"),
        Index(None, "received_at", "number"),
        Index(None, "shipped_at"),
        begins("shipments", "number"),
        begins("shipments", "purchase_order"),
    )

    number: str = Field(primary_key=True)
    revision: int = Field(default=1, sa_column_kwargs=ONE)
    state: str = Field(default=ShipmentState.RECEIVED.value, sa_column_kwargs=word(ShipmentState.RECEIVED))
    hold_reason: str | None = None
    order_number: str
    customer_number: str
    warehouse: str
    shipped_at: datetime = Field(sa_type=UTC_TIME)
    carrier: str | None = None
    tracking: str | None = None
    freight: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    purchase_order: str | None = None
    content_hash: str
    source_file_id: UUID | None = Field(default=None, foreign_key="source_files.id")
    source_line: int | None = Field(default=None, sa_type=BIG)
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    intended_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    booked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    published_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class ShipmentLineRow(SQLModel, table=True):
    """One confirmed line; quantities and `unit_price` are per `uom`."""

    __tablename__ = "shipment_lines"
    __table_args__ = (one_of("reason", LineReason),)

    shipment_number: str = Field(primary_key=True, foreign_key="shipments.number", ondelete="CASCADE")
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sku: str = Field(index=True)
    quantity_ordered: Decimal
    quantity_shipped: Decimal
    uom: str
    unit_price: Decimal
    lot: str | None = None
    reason: str | None = None


class ShipmentRevisionRow(SQLModel, table=True):
    """A statement of a shipment as it was read, kept for ever; saying the newest one again adds none.

    `stated_at` is when the ERP said it (its file's own time): an older one that comes late is kept and does nothing.
    `payload` is the JSON of `domain.shipments.Shipment`, `item_lines` where in the file each of its lines stands.
    Rows are never changed or deleted: a trigger refuses it.
    """

    __tablename__ = "shipment_revisions"
    __table_args__ = (
        check("revision_positive", "revision >= 1"),
        Index(None, "source_file_id"),
    )

    shipment_number: str = Field(primary_key=True, foreign_key="shipments.number")
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content_hash: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    source_file_id: UUID | None = Field(default=None, foreign_key="source_files.id")
    line_from: int | None = Field(default=None, sa_type=BIG)
    line_to: int | None = Field(default=None, sa_type=BIG)
    item_lines: list[int] | None = Field(default=None, sa_type=ARRAY(BIG))
    stated_at: datetime = Field(sa_type=UTC_TIME)
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
