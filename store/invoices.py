"""Canonical invoices: what QuickBooks booked, kept beside what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from domain.invoices import BookedInvoice, InvoiceDraft
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
        quickbooks_updated_at=booked.updated_at,
    )
    session.add(row)
    session.flush()
    key = {"shipment_number": draft.shipment_number, "generation": draft.generation}
    session.execute(insert(InvoiceLineRow), [{**key, **line.model_dump()} for line in draft.lines])
    order_marks.mark(session, [draft.order_number], "invoiced")
    return row


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
