"""The change log: every change of a canonical row with its cause, written by triggers that no code path can forget."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, JSON, NOW, UTC_TIME, one_of

OPERATIONS = ("insert", "update", "delete")
# What the feed tells of: `store.feed` asks by these very words, so that the index serves it.
TOLD = "table_name IN ('source_files', 'shipments', 'invoices', 'credits', 'order_states', 'exceptions')"


class ChangeRow(SQLModel, table=True):
    """One change of one row.

    `row_key` is the primary key, its columns joined by a vertical bar. An insert has the whole row in `after`, a delete
    in `before`, an update only the columns that changed in both. Append-only: a trigger refuses all else.
    """

    __tablename__ = "change_log"
    __table_args__ = (
        one_of("operation", OPERATIONS),
        Index(None, "table_name", "row_key", "id"),
        Index("ix_change_log_at", "at", postgresql_using="brin"),
        Index("ix_change_log_transaction_id", "transaction_id", postgresql_using="brin"),
        Index("ix_change_log_told", "id", postgresql_where=text(TOLD)),
        Index("ix_change_log_uncaused", "id", postgresql_where=text("cause IS NULL")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(always=True),))
    at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    transaction_id: int = Field(sa_type=BIG)
    table_name: str
    row_key: str
    operation: str
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    cause: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    actor: str | None = None
