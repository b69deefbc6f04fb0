"""Versions of our documents in QuickBooks: what was seen, when and by which road, and what people said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select
from sqlmodel import Session, col

from domain.document_content import Content, DocumentChange, DocumentKind, DocumentState
from domain.exceptions import Choice, Resolution
from domain.money import Money
from store.tables.documents import DocumentVersionRow

BOOKING = "booking"


class DocumentVersion(BaseModel):
    """A document as QuickBooks had it once. `decided`: what a person chose about this content."""

    model_config = ConfigDict(frozen=True)

    kind: DocumentKind
    quickbooks_id: str
    number: int
    shipment_number: str
    generation: int
    change: DocumentChange
    sync_token: str
    changed_at: datetime | None
    content: Content
    digest: str
    balance: Money
    sent: bool
    voided: bool
    seen_by: str
    seen_at: datetime
    decided: Choice | None = None
    decided_by: str | None = None
    reason: str | None = None

    @property
    def state(self) -> DocumentState:
        """What decides whether a later one differs."""
        return DocumentState(content=self.content, balance=self.balance, sent=self.sent, voided=self.voided)


Versions = dict[str, list[DocumentVersion]]  # by the document's id in QuickBooks, oldest first


class Document(NamedTuple):
    """Whose version it is: the document in QuickBooks, and the shipment that it is for."""

    kind: DocumentKind
    quickbooks_id: str
    shipment_number: str
    generation: int


class Sighting(NamedTuple):
    """What was seen of a document, and by which road."""

    change: DocumentChange
    state: DocumentState
    sync_token: str
    changed_at: datetime | None
    seen_by: str
    seen_at: datetime


def of_documents(session: Session, kind: DocumentKind, quickbooks_ids: Sequence[str]) -> Versions:
    """The versions of these documents, oldest first."""
    query = (
        select(DocumentVersionRow)
        .where(col(DocumentVersionRow.kind) == kind.value)
        .where(col(DocumentVersionRow.quickbooks_id).in_(quickbooks_ids))
        .order_by(col(DocumentVersionRow.number))
    )
    return _by_id(session, query)


def of_shipment(session: Session, number: str) -> list[DocumentVersion]:
    """The versions of all documents of a shipment, by document, oldest first."""
    query = (
        select(DocumentVersionRow)
        .where(col(DocumentVersionRow.shipment_number) == number)
        .order_by(col(DocumentVersionRow.kind), col(DocumentVersionRow.quickbooks_id), col(DocumentVersionRow.number))
    )
    return [one for some in _by_id(session, query).values() for one in some]


def add(session: Session, document: Document, seen: Sighting, number: int) -> DocumentVersion:
    """Keep a version; the caller holds the document's own row, so that numbers follow each other."""
    state = seen.state
    row = DocumentVersionRow(
        **document._asdict(),
        number=number,
        change=seen.change.value,
        sync_token=seen.sync_token,
        changed_at=seen.changed_at,
        content=state.content.model_dump(mode="json"),
        digest=state.content.digest,
        balance=state.balance,
        sent=state.sent,
        voided=state.voided,
        seen_by=seen.seen_by,
        seen_at=seen.seen_at,
    )
    row.kind = document.kind.value
    session.add(row)
    session.flush()
    return _version(row)


def decide(session: Session, number: str, digests: Sequence[str], resolution: Resolution) -> int:
    """Write down what a person chose about contents of a shipment's documents; answers how many versions have it now.

    What was decided about a content before stays as it was decided.
    """
    query = select(DocumentVersionRow).where(
        col(DocumentVersionRow.shipment_number) == number,
        col(DocumentVersionRow.digest).in_(digests),
        col(DocumentVersionRow.decided).is_(None),
    )
    rows = list(session.scalars(query.with_for_update()))
    for row in rows:
        row.decided, row.decided_by = resolution.choice.value, resolution.decided_by
        row.decided_at, row.reason = resolution.decided_at, resolution.reason
    session.flush()
    return len(rows)


def version_number(token: str) -> int:
    """A SyncToken as the number that it is: 10 comes after 9."""
    return int(token) if token.isdecimal() else 0


def _by_id(session: Session, query: Select[Any]) -> Versions:
    found: defaultdict[str, list[DocumentVersion]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.quickbooks_id].append(_version(row))
    return dict(found)


def _version(row: DocumentVersionRow) -> DocumentVersion:
    return DocumentVersion.model_validate(row, from_attributes=True)
