"""Goods that came back, by the shipment that they left with: what billing and crediting take off (case O12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from domain.returned import Condition, ReturnedGoods
from store import cursors
from store.tables.orders_out import ReturnRow

# Shipments of which goods came back; nobody has looked since at what follows for their invoices.
SHIPMENTS_TO_LOOK = "shipments to look at"


def note(session: Session, shipments: Iterable[str]) -> None:
    """Note shipments as to be looked at, because something came back of them."""
    listed = sorted(set(shipments))
    if listed:
        cursors.note(session, SHIPMENTS_TO_LOOK, listed)


def of_shipments(session: Session, numbers: Sequence[str]) -> dict[str, tuple[ReturnedGoods, ...]]:
    """What came back of these shipments, in one order whenever it is asked; a line that was taken back is none."""
    query = (
        select(ReturnRow)
        .where(col(ReturnRow.shipment_number).in_(numbers), col(ReturnRow.quantity) > 0)
        .order_by(col(ReturnRow.received_on), col(ReturnRow.rma), col(ReturnRow.line_no))
    )
    found: dict[str, list[ReturnedGoods]] = {number: [] for number in numbers}
    for row in session.scalars(query):
        fields = row.model_dump(include=set(ReturnedGoods.model_fields) - {"condition"})
        found[row.shipment_number].append(ReturnedGoods(**fields, condition=Condition[row.condition.upper()]))
    return {number: tuple(goods) for number, goods in found.items()}
