"""Credits in the store: their intents, committed before QuickBooks is asked, and what was booked or settled."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, select, tuple_
from sqlmodel import Session, col

from domain.credits import BookedCredit, Credit, CreditDraft, CreditKind, CreditLine
from domain.document_content import DocumentChange, DocumentKind
from domain.invoices import IntentState, VendorRefs
from store import document_versions, order_marks
from store.document_versions import Document, Sighting, version_number
from store.outcomes import OPEN, Outcomes
from store.tables.credits import CreditIntentRow, CreditLineRow, CreditRow

OUTCOMES = Outcomes(CreditIntentRow)


class CreditIntent(BaseModel):
    """An intent as the booking works with it: its frozen content and how far it is."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    state: IntentState
    draft: CreditDraft
    refs: VendorRefs
    attempts: int
    quickbooks_id: str | None
    refusal_code: str | None
    refusal_detail: str | None
    intended_at: datetime
    settled_at: datetime | None


def _intent_from(row: CreditIntentRow) -> CreditIntent:
    values = row.model_dump(include=set(CreditIntent.model_fields) - {"draft", "refs"})
    return CreditIntent.model_validate({**values, **row.payload})


def add(session: Session, draft: CreditDraft, refs: VendorRefs, at: datetime) -> CreditIntentRow:
    """Write down what QuickBooks will be asked for; the database allows one open intent a shipment."""
    payload = {"draft": draft.model_dump(mode="json"), "refs": refs.model_dump(mode="json")}
    row = CreditIntentRow(
        shipment_number=draft.shipment_number,
        generation=draft.generation,
        kind=draft.kind,
        doc_number=draft.doc_number,
        request_id=draft.request_id,
        payload=payload,
        payload_hash=hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest(),
        intended_at=at,
    )
    session.add(row)
    session.flush()
    return row


def get_many(session: Session, intent_ids: Sequence[str]) -> list[CreditIntent]:
    """These intents, in the order of their shipments."""
    query = (
        select(CreditIntentRow)
        .where(col(CreditIntentRow.id).in_([UUID(one) for one in intent_ids]))
        .order_by(col(CreditIntentRow.shipment_number), col(CreditIntentRow.generation))
    )
    return [_intent_from(row) for row in session.scalars(query)]


def intents_of(session: Session, numbers: Sequence[str]) -> dict[str, list[CreditIntent]]:
    """The intents of these shipments, in the order of their making."""
    query = (
        select(CreditIntentRow)
        .where(col(CreditIntentRow.shipment_number).in_(numbers))
        .order_by(col(CreditIntentRow.generation))
        .execution_options(populate_existing=True)
    )
    found: dict[str, list[CreditIntent]] = {number: [] for number in numbers}
    for row in session.scalars(query):
        found[row.shipment_number].append(_intent_from(row))
    return found


def next_generation(session: Session, number: str) -> int:
    """The generation of a shipment's next credit, whether QuickBooks is asked for it or not."""
    intended = select(func.max(col(CreditIntentRow.generation))).where(col(CreditIntentRow.shipment_number) == number)
    kept = select(func.max(col(CreditRow.generation))).where(col(CreditRow.shipment_number) == number)
    return max(session.scalar(intended) or 0, session.scalar(kept) or 0) + 1


def book(session: Session, draft: CreditDraft, booked: BookedCredit, at: datetime) -> None:
    """Write the credit that QuickBooks has, with the lines that were meant."""
    row = CreditRow(
        shipment_number=draft.shipment_number,
        generation=draft.generation,
        kind=draft.kind,
        doc_number=booked.doc_number,
        quickbooks_id=booked.external_id,
        sync_token=booked.sync_token,
        total=booked.total,
        tax=booked.tax,
        remaining=booked.remaining,
        credited_on=booked.credited_on or draft.credited_on,
        customer_number=draft.customer_number,
        order_number=draft.order_number,
        booked_at=at,
        quickbooks_updated_at=booked.updated_at,
    )
    _write(session, row, draft.lines)
    if booked.state is not None:
        document = Document(DocumentKind.CREDIT_MEMO, booked.external_id, draft.shipment_number, draft.generation)
        change, by = DocumentChange.BOOKED, document_versions.BOOKING
        seen = Sighting(change, booked.state, booked.sync_token, booked.updated_at, by, at)
        document_versions.add(session, document, seen, 1)


def settle(session: Session, credit: Credit) -> None:
    """Write what was settled without a document."""
    _write(session, CreditRow(**credit.model_dump(exclude={"lines"})), credit.lines)


def _write(session: Session, row: CreditRow, lines: Sequence[CreditLine]) -> None:
    session.add(row)
    session.flush()
    order_marks.mark(session, [row.order_number], "credited")
    if lines:
        key = {"shipment_number": row.shipment_number, "generation": row.generation}
        session.execute(insert(CreditLineRow), [{**key, **line.model_dump()} for line in lines])


def of_shipments(session: Session, numbers: Sequence[str]) -> dict[str, list[Credit]]:
    """The credits of these shipments, oldest first."""
    query = select(CreditRow).where(col(CreditRow.shipment_number).in_(numbers))
    found: dict[str, list[Credit]] = {number: [] for number in numbers}
    for one in _credits(session, session.scalars(query.order_by(col(CreditRow.generation)))):
        found[one.shipment_number].append(one)
    return found


def of_orders(session: Session, order_numbers: Sequence[str]) -> list[Credit]:
    """The credits of these orders with their lines, in the order of order, shipment and generation."""
    query = (
        select(CreditRow)
        .where(col(CreditRow.order_number).in_(order_numbers))
        .order_by(col(CreditRow.order_number), col(CreditRow.shipment_number), col(CreditRow.generation))
    )
    return _credits(session, session.scalars(query))


def _credits(session: Session, rows: Iterable[CreditRow]) -> list[Credit]:
    found = list(rows)
    keys = [(row.shipment_number, row.generation) for row in found]
    query = select(CreditLineRow).where(
        tuple_(col(CreditLineRow.shipment_number), col(CreditLineRow.generation)).in_(keys)
    )
    lines: defaultdict[tuple[str, int], list[CreditLine]] = defaultdict(list)
    for line in session.scalars(query.order_by(col(CreditLineRow.line_no))) if keys else ():
        key = (line.shipment_number, line.generation)
        lines[key].append(CreditLine.model_validate(line, from_attributes=True))
    return [Credit(**row.model_dump(), lines=tuple(lines[row.shipment_number, row.generation])) for row in found]


def shipments_with(session: Session, quickbooks_ids: Sequence[str]) -> list[str]:
    """The shipments of these credit memos, each once."""
    query = select(col(CreditRow.shipment_number)).where(col(CreditRow.quickbooks_id).in_(quickbooks_ids))
    return sorted(set(session.scalars(query)))


def is_older(row: CreditRow, booked: BookedCredit) -> bool:
    """Whether a reading is of an earlier state than the row's: by the time of change, and within a second by token."""
    if row.quickbooks_updated_at is None or booked.updated_at is None:
        return False
    known = (row.quickbooks_updated_at, version_number(row.sync_token or ""))
    return (booked.updated_at, version_number(booked.sync_token)) < known


def memos_with(session: Session, quickbooks_ids: Sequence[str]) -> dict[str, CreditRow]:
    """The credit memos that are these in QuickBooks, by their ids there; locked, in one order."""
    query = (
        select(CreditRow)
        .where(col(CreditRow.kind) == CreditKind.CREDIT_MEMO.value, col(CreditRow.quickbooks_id).in_(quickbooks_ids))
        .order_by(col(CreditRow.shipment_number), col(CreditRow.generation))
    )
    return {str(row.quickbooks_id): row for row in session.scalars(query.with_for_update())}


def refresh(row: CreditRow, booked: BookedCredit, *, edited: bool) -> bool:
    """Bring what QuickBooks says of a credit memo into its row; answers whether anything moved.

    The lines stay as they were meant, and so does the total of one that was voided.
    """
    before = (row.total, row.tax, row.remaining, row.edited, row.removed, row.doc_number)
    row.edited, row.removed, row.remaining = edited, "voided" if booked.voided else None, booked.remaining
    if not booked.voided:
        row.total, row.tax, row.doc_number = booked.total, booked.tax, booked.doc_number or row.doc_number
    row.sync_token, row.quickbooks_updated_at = booked.sync_token, booked.updated_at
    return before != (row.total, row.tax, row.remaining, row.edited, row.removed, row.doc_number)


def remove(row: CreditRow, at: datetime) -> bool:
    """Note that a credit memo is not there any more; answers whether that is news."""
    if row.removed == DocumentChange.DELETED:
        return False
    row.removed, row.quickbooks_updated_at = DocumentChange.DELETED.value, max(at, row.quickbooks_updated_at or at)
    return True


def open_count(session: Session) -> int:
    """How many credit memos and voids have no outcome yet."""
    query = select(func.count()).select_from(CreditIntentRow).where(col(CreditIntentRow.state).in_(OPEN))
    return session.scalar(query) or 0


def voided(session: Session, quickbooks_ids: Sequence[str]) -> set[str]:
    """Which of these invoices the gateway itself made nothing, or may be about to."""
    done = select(col(CreditRow.quickbooks_id)).where(
        col(CreditRow.kind) == CreditKind.VOID, col(CreditRow.quickbooks_id).in_(quickbooks_ids)
    )
    named = col(CreditIntentRow.payload)["draft"]["invoice_id"].as_string()
    asked = select(named).where(
        col(CreditIntentRow.kind) == CreditKind.VOID, col(CreditIntentRow.state).in_(OPEN), named.in_(quickbooks_ids)
    )
    return {one for query in (done, asked) for one in session.scalars(query) if one}
