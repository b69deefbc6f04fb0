"""Canonical invoices: what QuickBooks booked, kept beside what was meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from domain.correction_ledger import InvoiceFacts
from domain.invoices import REMOVED, BookedInvoice, InvoiceDraft, InvoiceLine, carries_marker, marker_for
from store import order_marks
from store.tables.invoices import InvoiceLineRow, InvoiceRow


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
    order_marks.mark(session, [draft.order_number], "invoiced")
    return row


def refresh(row: InvoiceRow, booked: BookedInvoice) -> bool:
    """Bring what QuickBooks says of an invoice into its row, unless the row is newer; answers whether anything moved.

    The lines stay as they were meant, and so does the total of one that was voided: what was billed is to be seen.
    """
    if row.quickbooks_updated_at and booked.updated_at and booked.updated_at < row.quickbooks_updated_at:
        return False
    before = (row.status, row.balance, row.total, row.sent, row.applied)
    row.status, row.balance = booked.status.value, booked.balance
    row.total = row.total if booked.voided else booked.total
    row.tax = row.tax if booked.voided else booked.tax
    row.sent, row.applied = booked.sent, booked.applied
    row.marked = carries_marker(booked.note, marker_for(row.shipment_number, row.generation))
    row.sync_token, row.quickbooks_updated_at = booked.sync_token, booked.updated_at
    return before != (row.status, row.balance, row.total, row.sent, row.applied)


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
