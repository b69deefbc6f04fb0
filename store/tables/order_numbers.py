"""Tables of accepting orders: the numbers that were given, and new orders that wait for something."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, NOW, UTC_TIME, ZERO


class OrderNumberRow(SQLModel, table=True):
    """The number that an order born in Salesforce got: committed before it is written there, never given twice.

    `written_at` None: whether Salesforce shows it is not known yet. `last_line_no`: the highest number that one of its
    lines ever had.
    """

    __tablename__ = "order_numbers"
    __table_args__ = (UniqueConstraint("number"), UniqueConstraint("sequence"))

    external_id: str = Field(primary_key=True)
    number: str
    sequence: int = Field(sa_type=BIG)
    last_line_no: int = Field(default=0, sa_column_kwargs=ZERO)
    given_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    written_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class OrderLineNumberRow(SQLModel, table=True):
    """The number that a line got, by the line's own Id: whoever writes it, and however often, it is the same one."""

    __tablename__ = "order_line_numbers"
    __table_args__ = (UniqueConstraint("order_external_id", "line_no"),)

    external_id: str = Field(primary_key=True)
    order_external_id: str = Field(foreign_key="order_numbers.external_id")
    line_no: int


class NewOrderRow(SQLModel, table=True):
    """An order of Salesforce that is to be accepted. `lacks` says what it waits for, `look_at` when it is its turn."""

    __tablename__ = "new_orders"
    __table_args__ = (Index(None, "look_at", "external_id"),)

    external_id: str = Field(primary_key=True)
    lacks: str | None = None
    look_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
