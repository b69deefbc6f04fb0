"""Shipments as people and programs look at them: the statement, where it stands, its invoice and how long it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from domain.money import Money
from domain.shipments import Shipment, ShipmentState
from store import invoices, shipments
from store.history import children_as_of, page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.invoices import InvoiceRow
from store.tables.shipments import ShipmentLineRow, ShipmentRow


class ShipmentInvoice(BaseModel):
    """The invoice that bills a shipment, in short."""

    model_config = ConfigDict(frozen=True)

    doc_number: str | None
    quickbooks_id: str
    status: str
    total: Money
    booked_at: datetime


class ShipmentView(Shipment):
    """A shipment and where it stands. `seconds_to_invoice` counts from its file being visible (the 90 s promise)."""

    revision: int
    state: ShipmentState
    hold_reason: str | None
    source_file_id: UUID | None
    source_line: int | None
    received_at: datetime
    intended_at: datetime | None
    booked_at: datetime | None
    published_at: datetime | None
    seconds_to_invoice: float | None
    invoices: tuple[ShipmentInvoice, ...]


def get(session: Session, number: str, as_of: datetime | None = None) -> ShipmentView | None:
    """One shipment, now or as it stood at a time, or None."""
    if as_of is not None:
        found = list(rows_as_of(session, ShipmentRow, as_of, [number]).values())
        return _past_views(session, found, as_of)[0] if found else None
    row = session.get(ShipmentRow, number)
    return _views(session, [row])[0] if row else None


def past_page(
    session: Session,
    at: datetime,
    alike: Mapping[str, str],
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ShipmentView]:
    """Shipments as they stood at a time, in the order of their numbers; `alike`: values that they had then."""
    found = page_as_of(session, ShipmentRow, at, limit=limit, cursor=cursor, alike=alike)
    return Page(items=tuple(_past_views(session, found.items, at)), next_cursor=found.next_cursor)


def page(
    session: Session,
    *,
    state: ShipmentState | None = None,
    order_number: str | None = None,
    file_id: UUID | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ShipmentView]:
    """Shipments, the latest received first."""
    query = select(ShipmentRow)
    if state is not None:
        query = query.where(col(ShipmentRow.state) == state.value)
    if order_number is not None:
        query = query.where(col(ShipmentRow.order_number) == order_number)
    if file_id is not None:
        query = query.where(col(ShipmentRow.source_file_id) == file_id)
    keys = [col(ShipmentRow.received_at), col(ShipmentRow.number)]
    found = page_of(session, query, keys, limit=limit, cursor=cursor, descending=True)
    return Page(items=tuple(_views(session, found.items)), next_cursor=found.next_cursor)


def _views(session: Session, rows: Sequence[ShipmentRow]) -> list[ShipmentView]:
    numbers = [row.number for row in rows]
    lines = shipments.lines_of(session, numbers)
    billed: dict[str, list[InvoiceRow]] = {number: [] for number in numbers}
    for invoice in invoices.of_shipments(session, numbers):
        billed[invoice.shipment_number].append(invoice)
    return [_view(row, shipments.shipment_from(row, lines[row.number]), billed[row.number]) for row in rows]


def _past_views(session: Session, rows: Sequence[ShipmentRow], at: datetime) -> list[ShipmentView]:
    numbers = [row.number for row in rows]
    lines: defaultdict[str, list[ShipmentLineRow]] = defaultdict(list)
    for line in children_as_of(session, ShipmentLineRow, at, numbers):
        lines[line.shipment_number].append(line)
    billed: defaultdict[str, list[InvoiceRow]] = defaultdict(list)
    for invoice in children_as_of(session, InvoiceRow, at, numbers):
        billed[invoice.shipment_number].append(invoice)
    return [_view(row, shipments.shipment_from(row, lines[row.number]), billed[row.number]) for row in rows]


def _view(row: ShipmentRow, shipment: Shipment, billed: Sequence[InvoiceRow]) -> ShipmentView:
    took = (row.booked_at - row.received_at).total_seconds() if row.booked_at else None
    return ShipmentView(
        **dict(shipment),
        **row.model_dump(
            include={"revision", "state", "hold_reason", "source_file_id", "source_line", "received_at"}
            | {"intended_at", "booked_at", "published_at"}
        ),
        seconds_to_invoice=round(took, 3) if took is not None else None,
        invoices=tuple(ShipmentInvoice.model_validate(one, from_attributes=True) for one in billed),
    )
