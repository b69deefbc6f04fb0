"""Tables of the order lifecycle: what was observed of an order, where it stands, its line ledger, and marks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import FALSE, JSON, NOW, UTC_TIME, ZERO


class OrderMarkRow(SQLModel, table=True):
    """An order that has to be looked at, because something that bears on it changed."""

    __tablename__ = "order_marks"
    __table_args__ = (Index(None, "marked_at"),)

    order_number: str = Field(primary_key=True)
    reason: str
    marked_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class OrderObservationRow(SQLModel, table=True):
    """One thing that a system said of an order; `seen_at` is when the gateway knew it, and starts its grace (O6, O7).

    `lasting` ones are facts of their own: a status that Salesforce showed, a person's word. The others follow from
    what the store holds, and are withdrawn when it says otherwise (a corrected shipment).
    """

    __tablename__ = "order_observations"

    order_number: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    note: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    lasting: bool = Field(default=False, sa_column_kwargs=FALSE)
    seen_at: datetime = Field(sa_type=UTC_TIME)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class OrderStateRow(SQLModel, table=True):
    """Where an order stands by the lifecycle of `policy_version`; derived, and kept so that it can be read and shown.

    `baseline` is what the ERP is taken to know of an order that it had before the gateway did (JSON of an order
    message). `look_at`: when a wait ends by itself. `born_here`: the gateway gave it its number.
    `released`: nothing more is kept for it in stock. `changed_at`: the last
    change of the state or a ledger; until `said_at` has come after it, Salesforce has not been told.
    """

    __tablename__ = "order_states"
    __table_args__ = (
        Index(None, "state"),
        Index("ix_order_states_unsaid", "changed_at", postgresql_where=text("said_at IS NULL OR said_at < changed_at")),
        Index("ix_order_states_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    order_number: str = Field(primary_key=True)
    state: str
    shows: str | None = None
    says: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    since_at: datetime = Field(sa_type=UTC_TIME)
    policy_version: str
    closed: bool = Field(default=False, sa_column_kwargs=FALSE)
    released: bool = Field(default=False, sa_column_kwargs=FALSE)
    born_here: bool = Field(default=False, sa_column_kwargs=FALSE)
    ordered_amount: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    open_amount: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    unbilled_amount: Decimal = Field(default=Decimal(0), sa_column_kwargs=ZERO)
    baseline: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    look_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    changed_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    said_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class OrderLineLedgerRow(SQLModel, table=True):
    """The ledger of an order line (feature G-D2, invariants R1 and R2); quantities in the order line's unit."""

    __tablename__ = "order_line_ledgers"

    order_number: str = Field(primary_key=True)
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sku: str = Field(index=True)
    uom: str
    ordered: Decimal
    shipped: Decimal
    backordered: Decimal
    cancelled: Decimal
    open: Decimal
    overshipped: Decimal
    allocated: Decimal
    billed: Decimal
    waived: Decimal
    returned: Decimal
    credited: Decimal
    unbilled: Decimal
    credit_due: Decimal
    promise_on: date | None = None
