"""How far the lines of orders are: ordered, shipped, backordered and invoiced, each in the order line's unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlmodel import Session, col

from domain.invoices import REMOVED
from domain.items import Item
from domain.money import rounded_decimal
from domain.shipments import LineReason
from domain.statements import LineProgress, closes_line
from store import items
from store.tables.invoices import InvoiceLineRow, InvoiceRow
from store.tables.orders import OrderLineRow
from store.tables.shipments import ShipmentLineRow, ShipmentRow

PLACES = 4  # of the fields of an order line in Salesforce
Key = tuple[str, int]  # an order's number and the number of its line
Shipped = list[ShipmentLineRow]  # what shipments state of one order line, the newest statement last


def of_orders(session: Session, order_numbers: Sequence[str]) -> dict[str, list[LineProgress]]:
    """The lines of these orders in order; a line that a shipment closed short counts as closed (cases O1, O2, O5)."""
    invoiced = _invoiced(session, order_numbers)
    shipped = _shipped(session, order_numbers)
    query = select(OrderLineRow).where(col(OrderLineRow.order_number).in_(order_numbers))
    lines = list(session.scalars(query.order_by(col(OrderLineRow.order_number), col(OrderLineRow.line_no))))
    units = items.get_many(session, [line.sku for stated in shipped.values() for line in stated])
    found: dict[str, list[LineProgress]] = {number: [] for number in order_numbers}
    for line in lines:
        key = (line.order_number, line.line_no)
        found[line.order_number].append(_progress(line, shipped[key], invoiced[key], units))
    return found


def _progress(line: OrderLineRow, stated: Shipped, invoiced: Decimal, units: Mapping[str, Item]) -> LineProgress:
    shipped = _total(line, stated, units)
    newest = LineReason(stated[-1].reason) if stated and stated[-1].reason else None
    rest = None if shipped is None else max(line.quantity - shipped, Decimal(0))
    return LineProgress(
        line_no=line.line_no,
        external_id=line.external_id,
        ordered=line.quantity,
        unit_price=line.unit_price,
        shipped=shipped,
        backordered=rest if newest is LineReason.BACKORDERED else Decimal(0),
        invoiced=invoiced,
        closed=any(closes_line(LineReason(row.reason)) for row in stated if row.reason),
    )


def _total(line: OrderLineRow, stated: Shipped, units: Mapping[str, Item]) -> Decimal | None:
    """What was shipped of a line in its own unit; None where a unit does not convert (case E3)."""
    total = Fraction(0)
    for row in stated:
        factor = _factor(units.get(row.sku), row.uom, line.uom)
        if factor is None:
            return None
        total += Fraction(row.quantity_shipped) * factor
    return rounded_decimal(total, PLACES)


def _factor(item: Item | None, uom_from: str, uom_to: str) -> Fraction | None:
    if item is not None:
        return item.convert(uom_from, uom_to)
    return Fraction(1) if uom_from == uom_to else None


def _shipped(session: Session, order_numbers: Sequence[str]) -> defaultdict[Key, Shipped]:
    query = (
        select(col(ShipmentRow.order_number), ShipmentLineRow)
        .join(ShipmentLineRow, col(ShipmentLineRow.shipment_number) == col(ShipmentRow.number))
        .where(col(ShipmentRow.order_number).in_(order_numbers))
        .order_by(col(ShipmentRow.shipped_at), col(ShipmentRow.number))
    )
    found: defaultdict[Key, Shipped] = defaultdict(list)
    for order_number, line in session.execute(query):
        found[order_number, line.line_no].append(line)
    return found


def _invoiced(session: Session, order_numbers: Sequence[str]) -> defaultdict[Key, Decimal]:
    query = (
        select(col(InvoiceRow.order_number), col(InvoiceLineRow.shipment_line_no), col(InvoiceLineRow.quantity))
        .join(
            InvoiceLineRow,
            (col(InvoiceLineRow.shipment_number) == col(InvoiceRow.shipment_number))
            & (col(InvoiceLineRow.generation) == col(InvoiceRow.generation)),
        )
        .where(col(InvoiceRow.order_number).in_(order_numbers), col(InvoiceLineRow.shipment_line_no).is_not(None))
        .where(col(InvoiceRow.status).not_in(REMOVED))
    )
    totals: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for order_number, line_no, quantity in session.execute(query):
        totals[order_number, line_no] += quantity
    return totals
