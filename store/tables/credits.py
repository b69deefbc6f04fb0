"""Tables of what is given back: write-ahead intents, credits with their lines, returns, and customers' balances."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.credits import CreditKind, CreditReason
from domain.invoices import IntentState
from store.tables.columns import FALSE, JSON, NEW_UUID, NOW, UTC_TIME, ZERO, check, one_of, word

OPEN_CREDIT = "state IN ('intended', 'uncertain')"


class CreditIntentRow(SQLModel, table=True):
    """A credit memo, or the voiding of an invoice, that QuickBooks is about to be asked for; committed before it is.

    The business key, identities, `payload` and its hash never change after the insert, and rows are never deleted:
    triggers refuse it. At most one of a shipment is open: the next is decided upon what came of it.
    """

    __tablename__ = "credit_intents"
    __table_args__ = (
        UniqueConstraint("shipment_number", "generation"),
        UniqueConstraint("request_id"),
        one_of("kind", [CreditKind.CREDIT_MEMO, CreditKind.VOID]),
        one_of("state", IntentState),
        check("generation_positive", "generation >= 1"),
        check("settled", "(state IN ('booked', 'refused', 'withdrawn')) = (settled_at IS NOT NULL)"),
        check("booked_has_id", "state <> 'booked' OR quickbooks_id IS NOT NULL"),
        Index("uq_credit_intents_open", "shipment_number", unique=True, postgresql_where=text(OPEN_CREDIT)),
        Index("ix_credit_intents_open_since", "intended_at", postgresql_where=text(OPEN_CREDIT)),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    shipment_number: str = Field(foreign_key="shipments.number")
    generation: int
    kind: str
    state: str = Field(default=IntentState.INTENDED.value, sa_column_kwargs=word(IntentState.INTENDED))
    doc_number: str
    request_id: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    payload_hash: str
    attempts: int = Field(default=0, sa_column_kwargs=ZERO)
    intended_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    sent_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    settled_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    quickbooks_id: str | None = None
    refusal_code: str | None = None
    refusal_detail: str | None = None


class CreditRow(SQLModel, table=True):
    """A canonical credit. A settled one has no document in QuickBooks: a person said that there is nothing to write.

    Of a void, `quickbooks_id` and `total` are those of the invoice that is nothing now. `edited` and `removed` say what
    somebody did to a credit memo in QuickBooks.
    """

    __tablename__ = "credits"
    __table_args__ = (
        one_of("kind", CreditKind),
        check("generation_positive", "generation >= 1"),
        check("booked_or_settled", "(kind = 'settled') = (quickbooks_id IS NULL)"),
        Index(None, "order_number"),
        Index(None, "customer_number"),
        Index(None, "quickbooks_id"),
        one_of("removed", ["voided", "deleted"]),
    )

    shipment_number: str = Field(primary_key=True, foreign_key="shipments.number")
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    doc_number: str | None = None
    quickbooks_id: str | None = None
    sync_token: str | None = None
    total: Decimal
    tax: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    remaining: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    credited_on: date
    customer_number: str
    order_number: str
    booked_at: datetime = Field(sa_type=UTC_TIME)
    decided_by: str | None = None
    edited: bool = Field(default=False, sa_column_kwargs=FALSE)
    removed: str | None = None
    quickbooks_updated_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class CreditLineRow(SQLModel, table=True):
    """One credited line; `shipment_line_no` ties it to the goods, None for freight and for the restocking fee."""

    __tablename__ = "credit_lines"
    __table_args__ = (
        one_of("reason", CreditReason),
        ForeignKeyConstraint(
            ["shipment_number", "generation"], ["credits.shipment_number", "credits.generation"], ondelete="CASCADE"
        ),
    )

    shipment_number: str = Field(primary_key=True)
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    reason: str
    sku: str
    description: str
    quantity: Decimal
    uom: str
    unit_price: Decimal
    amount: Decimal
    taxable: bool
    shipment_line_no: int | None = None
    rma: str | None = None


class CustomerBalanceRow(SQLModel, table=True):
    """What a customer owes by QuickBooks' own word, and when it last said so."""

    __tablename__ = "customer_balances"

    customer_number: str = Field(primary_key=True)
    balance: Decimal
    as_of_at: datetime = Field(sa_type=UTC_TIME)
