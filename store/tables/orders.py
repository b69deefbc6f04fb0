"""Tables of orders and their lines, as Salesforce states them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from store.tables.columns import FALSE, NOW, UTC_TIME, begins


class OrderRow(SQLModel, table=True):
    """An order; `version_at` is the Salesforce `SystemModstamp` and guards every write, `first_seen_at` when it came.

    The customer is not a foreign key: an order may come before its customer does.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "customer_number"),
        Index(None, "external_id"),
        Index(None, "purchase_order"),
        begins("orders", "number"),
        begins("orders", "purchase_order"),
    )

    number: str = Field(primary_key=True)
    external_id: str
    customer_number: str | None = None
    purchase_order: str | None = None
    ordered_on: date | None = None
    status: str
    active: bool
    deleted: bool = Field(default=False, sa_column_kwargs=FALSE)
    version_at: datetime = Field(sa_type=UTC_TIME)
    first_seen_at: datetime | None = Field(default=None, sa_type=UTC_TIME, sa_column_kwargs=NOW)


class OrderLineRow(SQLModel, table=True):
    """One ordered line; `unit_price` is per `uom`."""

    __tablename__ = "order_lines"

    order_number: str = Field(primary_key=True, foreign_key="orders.number", ondelete="CASCADE")
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sku: str = Field(index=True)
    quantity: Decimal
    uom: str
    unit_price: Decimal
    external_id: str | None = None
