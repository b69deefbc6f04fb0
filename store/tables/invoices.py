"""Tables of invoicing: the write-ahead intents (feature G-E2), the canonical invoices and their lines."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.invoices import IntentRole, IntentState, InvoiceStatus, LineKind
from store.tables.columns import FALSE, JSON, NEW_UUID, NOW, UTC_TIME, ZERO, begins, check, one_of, word

LIVE_INTENT = "role = 'shipment' AND state IN ('intended', 'uncertain', 'booked')"
OPEN_SUPPLEMENT = "role = 'supplement' AND state IN ('intended', 'uncertain')"


class InvoiceIntentRow(SQLModel, table=True):
    """What the gateway is about to ask QuickBooks for, committed before it asks.

    The business key, `doc_number`, `request_id`, `payload` (the frozen draft and vendor references) and its hash never
    change after the insert, and rows are never deleted: triggers refuse it. At most one intent of a shipment is live
    (intended, uncertain or booked): a fresh generation needs the earlier one refused or withdrawn first. A supplement
    is a further invoice of a shipment that has one, under a generation of its own; one of a shipment is open at a time.
    """

    __tablename__ = "invoice_intents"
    __table_args__ = (
        UniqueConstraint("shipment_number", "generation"),
        UniqueConstraint("request_id"),
        one_of("state", IntentState),
        check("generation_positive", "generation >= 1"),
        check("settled", "(state IN ('booked', 'refused', 'withdrawn')) = (settled_at IS NOT NULL)"),
        check("booked_has_id", "state <> 'booked' OR quickbooks_id IS NOT NULL"),
        check("batch_whole", "(batch_id IS NULL) = (batch_item IS NULL)"),
        one_of("role", IntentRole),
        Index("uq_invoice_intents_live", "shipment_number", unique=True, postgresql_where=text(LIVE_INTENT)),
        Index("uq_invoice_intents_supplement", "shipment_number", unique=True, postgresql_where=text(OPEN_SUPPLEMENT)),
        Index(
            "ix_invoice_intents_open",
            "intended_at",
            postgresql_where=text("state IN ('intended', 'uncertain')"),
        ),
        Index(None, "doc_number"),
        Index(None, "batch_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    shipment_number: str = Field(foreign_key="shipments.number")
    generation: int
    role: str = Field(default=IntentRole.SHIPMENT.value, sa_column_kwargs=word(IntentRole.SHIPMENT))
    state: str = Field(default=IntentState.INTENDED.value, sa_column_kwargs=word(IntentState.INTENDED))
    doc_number: str
    request_id: str
    batch_id: str | None = None
    batch_item: str | None = None
    payload: dict[str, Any] = Field(sa_type=JSON)
    payload_hash: str
    attempts: int = Field(default=0, sa_column_kwargs=ZERO)
    intended_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    sent_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    settled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    quickbooks_id: str | None = None
    refusal_code: str | None = None
    refusal_detail: str | None = None


class InvoiceRow(SQLModel, table=True):
    """A canonical invoice. `doc_number` is QuickBooks' own where a hand-made invoice was adopted (case E10).

    `sent`, `applied` (a payment or credit stands against it), `marked` (it carries our marker) and `edited` (it
    comes to something else than was booked) are as last read.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("quickbooks_id"),
        one_of("status", InvoiceStatus),
        check("generation_positive", "generation >= 1"),
        Index(None, "doc_number"),
        Index(None, "order_number"),
        Index(None, "customer_number"),
        Index(None, "booked_at", "shipment_number"),
        begins("invoices", "doc_number"),
    )

    shipment_number: str = Field(primary_key=True, foreign_key="shipments.number")
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    doc_number: str | None = None
    quickbooks_id: str
    sync_token: str
    status: str = Field(default=InvoiceStatus.DRAFTED.value, sa_column_kwargs=word(InvoiceStatus.DRAFTED))
    adopted: bool = Field(default=False, sa_column_kwargs=FALSE)
    total: Decimal
    balance: Decimal
    tax: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    invoiced_on: date
    due_on: date | None = None
    customer_number: str
    order_number: str
    booked_at: datetime = Field(sa_type=UTC_TIME)
    sent: bool = Field(default=False, sa_column_kwargs=FALSE)
    applied: bool = Field(default=False, sa_column_kwargs=FALSE)
    marked: bool = Field(default=False, sa_column_kwargs=FALSE)
    edited: bool = Field(default=False, sa_column_kwargs=FALSE)
    quickbooks_updated_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class InvoiceLineRow(SQLModel, table=True):
    """One billed line; `shipment_line_no` ties it to the goods that left the building."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        one_of("kind", LineKind),
        ForeignKeyConstraint(
            ["shipment_number", "generation"], ["invoices.shipment_number", "invoices.generation"], ondelete="CASCADE"
        ),
    )

    shipment_number: str = Field(primary_key=True)
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(default=LineKind.GOODS.value, sa_column_kwargs=word(LineKind.GOODS))
    sku: str = Field(index=True)
    description: str
    quantity: Decimal
    uom: str
    unit_price: Decimal
    amount: Decimal
    taxable: bool
    shipment_line_no: int | None = None
