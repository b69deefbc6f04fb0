"""Invoices as people and programs look at them: what was booked, line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import or_, select, tuple_
from sqlmodel import Session, col

from domain.invoices import InvoiceLine, InvoiceStatus
from domain.money import Money
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.invoices import InvoiceLineRow, InvoiceRow


class InvoiceView(BaseModel):
    """A canonical invoice. `adopted` is true where it was found in QuickBooks rather than written by this attempt.

    `edited`: it comes to something else in QuickBooks than was booked; `lines` are as they were meant.
    """

    model_config = ConfigDict(frozen=True)

    doc_number: str | None
    shipment_number: str
    generation: int
    order_number: str
    customer_number: str
    status: InvoiceStatus
    total: Money
    tax: Money
    balance: Money
    invoiced_on: date
    due_on: date | None
    quickbooks_id: str
    adopted: bool
    edited: bool
    booked_at: datetime
    lines: tuple[InvoiceLine, ...]


def get(session: Session, key: str) -> InvoiceView | None:
    """An invoice by its number, its shipment's number or its QuickBooks id; of several the newest generation."""
    matches = or_(
        col(InvoiceRow.doc_number) == key,
        col(InvoiceRow.shipment_number) == key,
        col(InvoiceRow.quickbooks_id) == key,
    )
    query = select(InvoiceRow).where(matches).order_by(col(InvoiceRow.generation).desc()).limit(1)
    row = session.scalars(query).first()
    return _views(session, [row])[0] if row else None


def page(
    session: Session,
    *,
    status: InvoiceStatus | None = None,
    customer_number: str | None = None,
    order_number: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[InvoiceView]:
    """Invoices, the latest booked first."""
    query = select(InvoiceRow)
    if status is not None:
        query = query.where(col(InvoiceRow.status) == status.value)
    if customer_number is not None:
        query = query.where(col(InvoiceRow.customer_number) == customer_number)
    if order_number is not None:
        query = query.where(col(InvoiceRow.order_number) == order_number)
    keys = [col(InvoiceRow.booked_at), col(InvoiceRow.shipment_number)]
    found = page_of(session, query, keys, limit=limit, cursor=cursor, descending=True)
    return Page(items=tuple(_views(session, found.items)), next_cursor=found.next_cursor)


def _views(session: Session, rows: Sequence[InvoiceRow]) -> list[InvoiceView]:
    keys = [(row.shipment_number, row.generation) for row in rows]
    query = select(InvoiceLineRow).where(
        tuple_(col(InvoiceLineRow.shipment_number), col(InvoiceLineRow.generation)).in_(keys)
    )
    lines: defaultdict[tuple[str, int], list[InvoiceLine]] = defaultdict(list)
    for line in session.scalars(query.order_by(col(InvoiceLineRow.line_no))):
        key = (line.shipment_number, line.generation)
        lines[key].append(InvoiceLine.model_validate(line, from_attributes=True))
    return [InvoiceView(**row.model_dump(), lines=tuple(lines[row.shipment_number, row.generation])) for row in rows]
