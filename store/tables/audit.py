"""Tables of the audit trail: what people decided, each entry chained to the one before (feature G-B6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, func
from sqlmodel import Field, SQLModel

from store.tables.columns import BIG, JSON, UTC_TIME


class AuditEntryRow(SQLModel, table=True):
    """One act of a person, or an anchor of the change log. Append-only; written by triggers where the act is."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "record_type", "record_key"), Index(None, "at"), Index(None, "transaction_id"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(always=True),))
    at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs={"server_default": func.clock_timestamp()})
    transaction_id: int = Field(sa_type=BIG)
    action: str
    actor: str
    source: str
    record_type: str
    record_key: str
    details: dict[str, Any] = Field(sa_type=JSON)
    cause: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class AuditLinkRow(SQLModel, table=True):
    """The place of an entry in the chain: positions have no gap, and `hash` covers the entry and the hash before it."""

    __tablename__ = "audit_chain"

    position: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    entry_id: int = Field(sa_type=BIG, foreign_key="audit_entries.id", unique=True)
    previous_hash: str
    hash: str
