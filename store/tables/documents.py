"""Tables of what was seen in QuickBooks: the versions of documents of ours, and masters that changed there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from domain.document_content import DocumentChange, DocumentKind
from store.tables.columns import FALSE, JSON, NOW, UTC_TIME, check, one_of


class DocumentVersionRow(SQLModel, table=True):
    """A document of ours as QuickBooks had it once; the first is what was booked, and they are never changed.

    But for a person's word: `decided` is what they chose about this very content, with their reason.
    """

    __tablename__ = "document_versions"
    __table_args__ = (
        one_of("kind", DocumentKind),
        one_of("change", DocumentChange),
        check("number_positive", "number >= 1"),
        check("decided_whole", "(decided IS NULL) = (decided_by IS NULL)"),
        Index(None, "shipment_number"),
    )

    kind: str = Field(primary_key=True)
    quickbooks_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    shipment_number: str = Field(foreign_key="shipments.number")
    generation: int
    change: str
    sync_token: str
    changed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    content: dict[str, Any] = Field(sa_type=JSON)
    digest: str
    balance: Decimal
    sent: bool = Field(default=False, sa_column_kwargs=FALSE)
    voided: bool = Field(default=False, sa_column_kwargs=FALSE)
    seen_by: str
    seen_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    decided: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    reason: str | None = None
