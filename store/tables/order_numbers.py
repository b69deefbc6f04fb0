"""Tables of accepting orders: the numbers that were given, and new orders that wait for something."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, NOW, UTC_TIME


class OrderNumberRow(SQLModel, table=True):
    """The number that an order born in Salesforce got: committed before it is written there, never given twice.

    `written_at` None: whether Salesforce shows it is not known yet. `last_line_no`: the highest number of a line.
    """

    __tablename__ = "order_numbers"
    __table_args__ = (
        UniqueConstraint("number"),
        UniqueConstraint("sequence"),
        Index("ix_order_numbers_unwritten", "given_at", postgresql_where=text("written_at IS NULL")),
    )

    external_id: str = Field(primary_key=True)
    number: str
    sequence: int = Field(sa_type=BIG)
    last_line_no: int = 0
    given_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    written_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class NewOrderRow(SQLModel, table=True):
    """An order of Salesforce that is active and has no number yet; `lacks` says what it waits for."""

    __tablename__ = "new_orders"

    external_id: str = Field(primary_key=True)
    lacks: str | None = None
    noted_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
