"""Open demand on items: order lines, what shipped of them, what the ERP said of them, and what is kept for quotes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, exists, func, literal, or_, select, true
from sqlmodel import Session, col

from domain.acknowledgements import AcknowledgementStatus
from domain.demand import LineAcknowledgement, OpenDemand, Reservation, ShippedPart
from domain.items import Item
from domain.kits import Kit, exploded
from store.tables.lifecycle import OrderStateRow
from store.tables.orders import OrderLineRow, OrderRow
from store.tables.shipments import ShipmentLineRow, ShipmentRow
from store.tables.stock import AcknowledgementRow, ReservationRow

LineKey = tuple[str, int]  # order and line


class Asked(NamedTuple):
    """All that is asked of some items, by SKU of the item or component."""

    demands: dict[str, list[OpenDemand]]
    said: dict[str, list[LineAcknowledgement]]  # by order
    reservations: dict[str, list[Reservation]]


class Window(NamedTuple):
    """Which orders count: those of this day and later, and finished ones only if something left after `since`."""

    orders_from: date | None
    since: datetime | None


def asked_of(
    session: Session, skus: Sequence[str], items: Mapping[str, Item], kits: Mapping[str, Kit], window: Window
) -> Asked:
    """Load what orders and quotes ask of these items, directly or as components of a kit.

    A line that had left as a whole before the stock was stated asks for nothing and is not loaded: an order stays
    active in Salesforce for ever.
    """
    wanted = set(skus)
    sold_as = sorted(wanted | {sku for sku, kit in kits.items() if wanted & set(kit.per_kit())})
    lines = _lines(session, sold_as, window)
    orders = sorted({line.order_number for line, _ in lines})
    said = acknowledgements(session, orders)
    shipped = _shipped(session, orders)
    demands: defaultdict[str, list[OpenDemand]] = defaultdict(list)
    for line, order in lines:
        stated = _demand(line, order, items.get(line.sku), shipped, said[line.order_number])
        for one in exploded(stated, kits):
            if one.sku in wanted:
                demands[one.sku].append(one)
    return Asked(demands, said, _reservations(session, skus))


def acknowledgements(session: Session, orders: Sequence[str]) -> defaultdict[str, list[LineAcknowledgement]]:
    """What the ERP has said of these orders, by order."""
    query = select(AcknowledgementRow).where(_among(AcknowledgementRow.order_number, orders))
    found: defaultdict[str, list[LineAcknowledgement]] = defaultdict(list)
    for row in session.scalars(query.order_by(col(AcknowledgementRow.cut_at), col(AcknowledgementRow.line_no))):
        found[row.order_number].append(
            LineAcknowledgement(
                order_number=row.order_number,
                line_no=row.line_no or None,
                status=AcknowledgementStatus(row.status),
                allocated=row.allocated,
                backordered=row.backordered,
                promise_on=row.promise_on,
                cut_at=row.cut_at,
                sequence=row.sequence,
                source=row.source,
            )
        )
    return found


def _lines(session: Session, skus: Sequence[str], window: Window) -> list[tuple[OrderLineRow, OrderRow]]:
    query = (
        select(OrderLineRow, OrderRow)
        .join(OrderRow, col(OrderRow.number) == col(OrderLineRow.order_number))
        .where(_among(OrderLineRow.sku, skus), col(OrderRow.active), ~col(OrderRow.deleted), ~_released())
        .order_by(col(OrderLineRow.order_number), col(OrderLineRow.line_no))
    )
    if window.orders_from is not None:
        query = query.where((col(OrderRow.ordered_on) >= window.orders_from) | col(OrderRow.ordered_on).is_(None))
    if window.since is not None:
        query = _unfinished(query, window.since)
    return [(line, order) for line, order in session.execute(query)]


def _released() -> ColumnElement[bool]:
    """Orders for which nothing is kept any more: cancelled ones, and those that are over (case O9)."""
    return (
        exists()
        .where(col(OrderStateRow.order_number) == col(OrderRow.number), col(OrderStateRow.released))
        .correlate(OrderRow)
    )


def _unfinished(query: Select[OrderLineRow, OrderRow], since: datetime) -> Select[OrderLineRow, OrderRow]:
    """Without lines of which everything had left by then; where units differ nothing is concluded."""
    left = (
        select(
            func.sum(col(ShipmentLineRow.quantity_shipped)).label("quantity"),
            func.max(col(ShipmentRow.shipped_at)).label("last_at"),
            func.bool_and(col(ShipmentLineRow.uom) == col(OrderLineRow.uom)).label("same_unit"),
        )
        .join(ShipmentRow, col(ShipmentRow.number) == col(ShipmentLineRow.shipment_number))
        .where(col(ShipmentRow.order_number) == col(OrderLineRow.order_number))
        .where(col(ShipmentLineRow.line_no) == col(OrderLineRow.line_no))
        .correlate(OrderLineRow)
        .lateral()
    )
    wanted = or_(
        left.c.quantity.is_(None),
        left.c.quantity < col(OrderLineRow.quantity),
        ~left.c.same_unit,
        left.c.last_at > since,
    )
    return query.outerjoin(left, true()).where(wanted)


def _among(column: Any, values: Sequence[str]) -> Any:
    """One of these, of which there may be thousands: an array is one parameter."""
    return col(column) == any_(literal(list(values), ARRAY(String())))


def _shipped(session: Session, orders: Sequence[str]) -> dict[LineKey, list[tuple[ShipmentRow, ShipmentLineRow]]]:
    query = (
        select(ShipmentRow, ShipmentLineRow)
        .join(ShipmentLineRow, col(ShipmentLineRow.shipment_number) == col(ShipmentRow.number))
        .where(_among(ShipmentRow.order_number, orders))
    )
    found: defaultdict[LineKey, list[tuple[ShipmentRow, ShipmentLineRow]]] = defaultdict(list)
    for shipment, line in session.execute(query):
        found[shipment.order_number, line.line_no].append((shipment, line))
    return found


def _demand(
    line: OrderLineRow,
    order: OrderRow,
    item: Item | None,
    shipped: Mapping[LineKey, list[tuple[ShipmentRow, ShipmentLineRow]]],
    said: Iterable[LineAcknowledgement],
) -> OpenDemand:
    parts = shipped.get((line.order_number, line.line_no), [])
    promises = [one.promise_on for one in said if one.line_no == line.line_no and one.promise_on]
    return OpenDemand(
        order_number=line.order_number,
        line_no=line.line_no,
        sku=line.sku,
        warehouse=None,
        quantity=line.quantity,
        uom=line.uom,
        factor=item.convert(line.uom, item.base_uom) if item else None,
        accepted_at=_accepted_at(order),
        version_at=order.version_at,
        shipped=tuple(_part(one, shipment.shipped_at, line.uom, item) for shipment, one in parts),
        promise_on=promises[-1] if promises else None,
        unit_price=line.unit_price,
    )


def _part(one: ShipmentLineRow, shipped_at: datetime, uom: str, item: Item | None) -> ShippedPart:
    """What left, in the order's unit; rounded down where it has no exact form there: a promise is never too high."""
    factor = (item.convert(one.uom, uom) if item else None) or Fraction(1)
    scaled = Fraction(one.quantity_shipped) * factor * 10**4
    quantity = type(one.quantity_shipped)(scaled.numerator // scaled.denominator).scaleb(-4)
    return ShippedPart(shipment_number=one.shipment_number, quantity=quantity, shipped_at=shipped_at)


def _accepted_at(order: OrderRow) -> datetime:
    """When the gateway knew of it: what Salesforce did before that was promised without us."""
    return min(order.version_at, order.first_seen_at or order.version_at)


def _reservations(session: Session, skus: Sequence[str]) -> dict[str, list[Reservation]]:
    query = select(ReservationRow).where(col(ReservationRow.sku).in_(skus), col(ReservationRow.order_number).is_(None))
    found: defaultdict[str, list[Reservation]] = defaultdict(list)
    for row in session.scalars(query.order_by(col(ReservationRow.created_at), col(ReservationRow.id))):
        found[row.sku].append(reservation(row))
    return found


def reservation(row: ReservationRow) -> Reservation:
    """A row as the domain's reservation; its name is the quote and its line."""
    return Reservation(
        id=f"{row.reference}/{row.line_no}/{row.sku}",
        sku=row.sku,
        warehouse=row.warehouse,
        quantity=row.quantity,
        created_at=row.created_at,
        expires_at=row.expires_at,
        order_number=row.order_number,
    )
