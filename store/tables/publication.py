"""The table of what was said in Salesforce, so that nothing is said twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, UTC_TIME


class StatementRow(SQLModel, table=True):
    """The last statement that Salesforce answered about a record: an order, a line, an invoice, an event, an account.

    `content_hash` is empty while that is in doubt.
    """

    __tablename__ = "statements"
    __table_args__ = (Index(None, "order_number"),)

    subject: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    order_number: str
    content_hash: str
    said_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
