"""Shipments as people and programs look at them: the statement, where it stands, its invoice and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import Session, col

from domain.money import Money
from domain.shipments import Shipment, ShipmentState
from store import invoices, shipments
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.invoices import InvoiceRow
from store.tables.shipments import ShipmentRow


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


def get(session: Session, number: str) -> ShipmentView | None:
    """One shipment, or None."""
    row = session.get(ShipmentRow, number)
    return _views(session, [row])[0] if row else None


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
