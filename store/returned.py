"""Goods that came back, by the shipment that they left with."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from domain.returned import ReturnedGoods
from store import cursors
from store.tables.credits import ReturnedGoodsRow
from store.upserts import upsert

# Shipments of which goods came back; nobody has looked since at what follows for their invoices.
SHIPMENTS_TO_LOOK = "shipments to look at"


def record(session: Session, given: Sequence[ReturnedGoods]) -> None:
    """Write down what came back, and note the shipments as to be looked at. Saying it again changes nothing.

    The newest statement of a return's line counts: a file that is corrected states it otherwise.
    """
    if not given:
        return
    upsert(session, ReturnedGoodsRow, [one.model_dump() for one in given])
    cursors.note(session, SHIPMENTS_TO_LOOK, sorted({one.shipment_number for one in given}))


def of_shipments(session: Session, numbers: Sequence[str]) -> dict[str, tuple[ReturnedGoods, ...]]:
    """What came back of these shipments, in one order whenever it is asked."""
    query = (
        select(ReturnedGoodsRow)
        .where(col(ReturnedGoodsRow.shipment_number).in_(numbers))
        .order_by(
            col(ReturnedGoodsRow.received_on),
            col(ReturnedGoodsRow.rma),
            col(ReturnedGoodsRow.line_no),
            col(ReturnedGoodsRow.condition),
        )
    )
    found: dict[str, list[ReturnedGoods]] = {number: [] for number in numbers}
    for row in session.scalars(query):
        found[row.shipment_number].append(ReturnedGoods.model_validate(row, from_attributes=True))
    return {number: tuple(goods) for number, goods in found.items()}
