"""Invoices as people and programs look at them: what was booked, line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import or_, select, tuple_
from sqlmodel import Session, col

from domain.invoices import InvoiceLine, InvoiceStatus
from domain.money import Money
from store.history import children_as_of, page_as_of, rows_as_of
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


def get(session: Session, key: str, as_of: datetime | None = None) -> InvoiceView | None:
    """An invoice by its number, its shipment's number or its QuickBooks id; of several the newest generation.

    As it stood at a time: one that was there then.
    """
    matches = or_(
        col(InvoiceRow.doc_number) == key,
        col(InvoiceRow.shipment_number) == key,
        col(InvoiceRow.quickbooks_id) == key,
    )
    query = select(InvoiceRow).where(matches).order_by(col(InvoiceRow.generation).desc())
    if as_of is not None:
        keys = [f"{row.shipment_number}|{row.generation}" for row in session.scalars(query)]
        there = rows_as_of(session, InvoiceRow, as_of, keys)
        newest = next((there[one] for one in keys if one in there), None)
        return _past_views(session, [newest], as_of)[0] if newest else None
    row = session.scalars(query.limit(1)).first()
    return _views(session, [row])[0] if row else None


def past_page(
    session: Session,
    at: datetime,
    alike: Mapping[str, str],
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[InvoiceView]:
    """Invoices as they stood at a time, by shipment and generation; `alike`: values that they had then."""
    found = page_as_of(session, InvoiceRow, at, limit=limit, cursor=cursor, alike=alike)
    return Page(items=tuple(_past_views(session, found.items, at)), next_cursor=found.next_cursor)


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
    return _with_lines(rows, session.scalars(query.order_by(col(InvoiceLineRow.line_no))))


def _past_views(session: Session, rows: Sequence[InvoiceRow], at: datetime) -> list[InvoiceView]:
    lines = children_as_of(session, InvoiceLineRow, at, [row.shipment_number for row in rows])
    return _with_lines(rows, sorted(lines, key=lambda line: line.line_no))


def _with_lines(rows: Sequence[InvoiceRow], found: Iterable[InvoiceLineRow]) -> list[InvoiceView]:
    lines: defaultdict[tuple[str, int], list[InvoiceLine]] = defaultdict(list)
    for line in found:
        key = (line.shipment_number, line.generation)
        lines[key].append(InvoiceLine.model_validate(line, from_attributes=True))
    return [InvoiceView(**row.model_dump(), lines=tuple(lines[row.shipment_number, row.generation])) for row in rows]
