"""Canonical invoices: what QuickBooks booked, kept beside what was meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from domain.correction_ledger import InvoiceFacts
from domain.document_content import DocumentChange, DocumentKind
from domain.invoices import (
    REMOVED,
    BookedInvoice,
    InvoiceDraft,
    InvoiceLine,
    InvoiceStatus,
    carries_marker,
    marker_for,
)
from store import document_versions, order_marks
from store.document_versions import Document, Sighting, version_number
from store.tables.invoices import InvoiceLineRow, InvoiceRow

UNTOUCHED = frozenset({InvoiceStatus.DRAFTED, InvoiceStatus.RELEASED})  # states that say nothing of money that came


def book(session: Session, draft: InvoiceDraft, booked: BookedInvoice, at: datetime, *, adopted: bool) -> InvoiceRow:
    """Write the invoice that bills a shipment, with the lines that were meant."""
    row = InvoiceRow(
        shipment_number=draft.shipment_number,
        generation=draft.generation,
        doc_number=booked.doc_number,
        quickbooks_id=booked.external_id,
        sync_token=booked.sync_token,
        adopted=adopted,
        total=booked.total,
        balance=booked.balance,
        tax=booked.tax,
        invoiced_on=booked.invoiced_on or draft.invoiced_on,
        due_on=draft.due_on,
        customer_number=draft.customer_number,
        order_number=draft.order_number,
        booked_at=at,
        status=booked.status,
        sent=booked.sent,
        applied=booked.applied,
        marked=carries_marker(booked.note, marker_for(draft.shipment_number, draft.generation)),
        quickbooks_updated_at=booked.updated_at,
    )
    session.add(row)
    session.flush()
    key = {"shipment_number": draft.shipment_number, "generation": draft.generation}
    session.execute(insert(InvoiceLineRow), [{**key, **line.model_dump()} for line in draft.lines])
    _keep_as_booked(session, row, booked, at)
    order_marks.mark(session, [draft.order_number], "invoiced")
    return row


def _keep_as_booked(session: Session, row: InvoiceRow, booked: BookedInvoice, at: datetime) -> None:
    """The first version: what later ones are compared with."""
    if booked.state is None:
        return
    document = Document(DocumentKind.INVOICE, row.quickbooks_id, row.shipment_number, row.generation)
    change = DocumentChange.BOOKED
    seen = Sighting(change, booked.state, booked.sync_token, booked.updated_at, document_versions.BOOKING, at)
    document_versions.add(session, document, seen, 1)


def is_older(row: InvoiceRow, booked: BookedInvoice) -> bool:
    """Whether a reading is of an earlier state than the row's: by the time of change, and within a second by token."""
    if row.quickbooks_updated_at is None or booked.updated_at is None:
        return False
    known = (row.quickbooks_updated_at, version_number(row.sync_token))
    return (booked.updated_at, version_number(booked.sync_token)) < known


def refresh(row: InvoiceRow, booked: BookedInvoice, *, edited: bool | None = None) -> bool:
    """Bring what QuickBooks says of an invoice into its row, unless the row is newer; answers whether anything moved.

    The lines stay as they were meant, and so does the total of one that was voided: what was billed is to be seen.
    `edited`: it comes to something else than was booked; None leaves that as it was.
    """
    if is_older(row, booked):
        return False
    before = _shown(row)
    row.edited = row.edited if edited is None else edited
    row.balance, row.status = booked.balance, booked.status.value
    if row.edited and booked.status in UNTOUCHED:
        row.status = InvoiceStatus.EDITED.value
    if not booked.voided:
        row.total, row.tax = booked.total, booked.tax
    if booked.content is not None and not booked.voided:
        row.doc_number = booked.doc_number or row.doc_number
        row.invoiced_on = booked.invoiced_on or row.invoiced_on
        row.due_on = booked.content.due_on or row.due_on
    row.sent, row.applied = booked.sent, booked.applied
    row.marked = carries_marker(booked.note, marker_for(row.shipment_number, row.generation))
    row.sync_token, row.quickbooks_updated_at = booked.sync_token, booked.updated_at
    return before != _shown(row)


def _shown(row: InvoiceRow) -> tuple[object, ...]:
    names = ("status", "balance", "total", "tax", "sent", "applied", "edited", "doc_number", "invoiced_on", "due_on")
    return tuple(getattr(row, name) for name in names)


def remove(row: InvoiceRow, at: datetime) -> bool:
    """Note that an invoice is not there any more; answers whether that is news. Readings from before it are older."""
    if row.status == InvoiceStatus.DELETED:
        return False
    row.status = InvoiceStatus.DELETED.value
    row.quickbooks_updated_at = max(at, row.quickbooks_updated_at or at)
    return True


def shipments_with(session: Session, quickbooks_ids: Sequence[str]) -> list[str]:
    """The shipments of these invoices, each once."""
    query = select(col(InvoiceRow.shipment_number)).where(col(InvoiceRow.quickbooks_id).in_(quickbooks_ids))
    return sorted(set(session.scalars(query)))


def numbered(session: Session, doc_numbers: Sequence[str]) -> list[InvoiceRow]:
    """The standing invoices with these numbers."""
    query = select(InvoiceRow).where(col(InvoiceRow.doc_number).in_(doc_numbers))
    return list(session.scalars(query.where(col(InvoiceRow.status).not_in(REMOVED))))


def with_quickbooks_ids(session: Session, quickbooks_ids: Sequence[str]) -> dict[str, InvoiceRow]:
    """The canonical invoices that are these in QuickBooks, by their ids there; locked, in one order."""
    query = (
        select(InvoiceRow)
        .where(col(InvoiceRow.quickbooks_id).in_(quickbooks_ids))
        .order_by(col(InvoiceRow.shipment_number), col(InvoiceRow.generation))
    )
    return {row.quickbooks_id: row for row in session.scalars(query.with_for_update())}


def first_booked_at(session: Session) -> datetime | None:
    """When the first invoice was booked: nothing before it is of interest."""
    return session.scalar(select(func.min(col(InvoiceRow.booked_at))))


def standing_after(session: Session, after: str, booked_before: datetime, limit: int) -> list[str]:
    """The QuickBooks ids of invoices that stand by our books, from one on in the order of their ids (`""`: the first).

    What was booked after `booked_before` is left out.
    """
    query = (
        select(col(InvoiceRow.quickbooks_id))
        .where(col(InvoiceRow.quickbooks_id) > after, col(InvoiceRow.booked_at) < booked_before)
        .where(col(InvoiceRow.status).not_in(REMOVED))
        .order_by(col(InvoiceRow.quickbooks_id))
        .limit(limit)
    )
    return list(session.scalars(query))


def facts_of(session: Session, numbers: Sequence[str]) -> dict[str, tuple[InvoiceFacts, ...]]:
    """The invoices of these shipments as a correction looks at them, oldest first."""
    rows = of_shipments(session, numbers)
    lines = select(InvoiceLineRow).where(col(InvoiceLineRow.shipment_number).in_(numbers))
    by_key: defaultdict[tuple[str, int], list[InvoiceLine]] = defaultdict(list)
    for line in session.scalars(lines.order_by(col(InvoiceLineRow.line_no))):
        one = InvoiceLine.model_validate(line, from_attributes=True)
        by_key[line.shipment_number, line.generation].append(one)
    found: dict[str, tuple[InvoiceFacts, ...]] = dict.fromkeys(numbers, ())
    for row in rows:
        facts = InvoiceFacts(
            **row.model_dump(include=set(InvoiceFacts.model_fields) - {"doc_number", "lines"}),
            doc_number=row.doc_number or row.quickbooks_id,
            lines=tuple(by_key[row.shipment_number, row.generation]),
        )
        found[row.shipment_number] += (facts,)
    return found


def with_quickbooks_id(session: Session, quickbooks_id: str) -> InvoiceRow | None:
    """The canonical invoice that is this one in QuickBooks, or None."""
    return session.scalars(select(InvoiceRow).where(col(InvoiceRow.quickbooks_id) == quickbooks_id)).first()


def of_shipments(session: Session, numbers: Sequence[str]) -> list[InvoiceRow]:
    """The invoices of these shipments, in order."""
    query = (
        select(InvoiceRow)
        .where(col(InvoiceRow.shipment_number).in_(numbers))
        .order_by(col(InvoiceRow.shipment_number), col(InvoiceRow.generation))
    )
    return list(session.scalars(query))


def of_orders(session: Session, order_numbers: Sequence[str]) -> list[InvoiceRow]:
    """The invoices of these orders, in order."""
    query = (
        select(InvoiceRow)
        .where(col(InvoiceRow.order_number).in_(order_numbers))
        .order_by(col(InvoiceRow.order_number), col(InvoiceRow.shipment_number), col(InvoiceRow.generation))
    )
    return list(session.scalars(query))


def lines_of(session: Session, shipment_number: str, generation: int) -> list[InvoiceLineRow]:
    """The lines of one invoice."""
    query = (
        select(InvoiceLineRow)
        .where(col(InvoiceLineRow.shipment_number) == shipment_number, col(InvoiceLineRow.generation) == generation)
        .order_by(col(InvoiceLineRow.line_no))
    )
    return list(session.scalars(query))


def count(session: Session) -> int:
    """How many invoices there are."""
    return session.scalar(select(func.count()).select_from(InvoiceRow)) or 0
