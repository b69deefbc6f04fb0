"""What of the picked goods goes into the shipments: all of it, less, more, or something else instead."""

from __future__ import annotations

from decimal import Decimal

from twins.erp.warehouse.house import House
from twins.erp.warehouse.orders import ZERO, HouseOrder, Line
from twins.erp.warehouse.papers import SentLine

TOO_LATE = "CANCEL TOO LATE"
LINE_WAYS = ("short", "part", "over", "substitute")  # one of them meets at most one line of a shipment round


def pack(house: House, order: HouseOrder) -> dict[str, list[SentLine]]:
    """By warehouse, the lines that ship of an order that was picked; what was picked and stays goes back to stock.

    The first shipment of an order names every line of it, those without goods too (case O5); later ones only theirs.
    """
    way = _way(house, order)
    marked = _line_for(way, order)
    packed: dict[str, list[SentLine]] = {}
    for line in order.lines:
        for warehouse in list(line.picked):
            quantity = line.picked.pop(warehouse)
            made = _pack_line(house, line, warehouse, quantity, way if line is marked else "")
            packed.setdefault(warehouse, []).append(made)
    if order.rounds == 1 and packed:
        _name_the_rest(house, order, packed)
    for lines in packed.values():
        lines.sort(key=lambda line: line.line)
    return {warehouse: lines for warehouse, lines in packed.items() if any(line.shipped for line in lines)}


def _way(house: House, order: HouseOrder) -> str:
    for way in LINE_WAYS:
        if order.take(way):
            return way
    for way in LINE_WAYS:
        if house.happens(way, order.order_no, order.rounds):
            return way
    return ""


def _line_for(way: str, order: HouseOrder) -> Line | None:
    """The first line that the way can meet, of those that are picked in one place and have nothing set aside besides.

    A line of one piece is not halved: a shipment in which nothing is left would leave no house.
    """
    picked = [line for line in order.lines if len(line.picked) == 1 and not line.allocated]
    if way in {"short", "part"}:
        return next((line for line in picked if line.whole(line.in_hand / 2)), None)
    if way == "over":
        return next((line for line in picked if line.in_hand == line.open), None)
    return picked[0] if way and picked else None


def _pack_line(house: House, line: Line, warehouse: str, quantity: Decimal, way: str) -> SentLine:
    parts = house.parts(line.sku, line.uom) or {}
    stays = warehouse if not house.is_drop_ship(warehouse) else ""
    if stays:
        for sku, units in parts.items():  # no longer set aside: what ships leaves, the rest is free again
            house.stock.set_aside(sku, warehouse, -quantity * units)
    shipped, sku = min(quantity, line.open), line.sku
    if way in {"short", "part"}:
        shipped = line.whole(shipped / 2)
    elif way == "over" and _there(house, parts, stays) >= shipped + line.step:
        shipped += line.step
    elif way == "substitute":
        sku = _substitute(house, line, stays, shipped) or line.sku
    line.shipped += shipped
    if way == "short":
        line.cancelled += line.open
    return SentLine(
        line=line.line,
        sku=sku,
        ordered=line.ordered,
        shipped=shipped,
        uom=line.uom,
        unit_price=line.unit_price,
        parts=parts if sku == line.sku else house.parts(sku, line.uom) or {},
        lot=_lot(house, line, warehouse),
        reason=_reason(line, way),
    )


def _reason(line: Line, way: str) -> str:
    """`SS` closes the line; `BO` says that more will come; goods that leave another warehouse now are no backorder."""
    if way == "short":
        return "SS"
    return "BO" if line.open > line.in_hand else ""


def _lot(house: House, line: Line, warehouse: str) -> str:
    rng = house.rng("lot", line.sku, line.line, warehouse, line.shipped)
    return f"L{rng.randrange(10_000, 100_000)}" if rng.random() < 0.25 else ""


def _there(house: House, parts: dict[str, Decimal], warehouse: str) -> Decimal:
    """How many units could leave; a vendor has no end."""
    if not warehouse:
        return Decimal("Infinity")
    return min((house.stock.available(sku, warehouse) / units for sku, units in parts.items()), default=ZERO)


def _substitute(house: House, line: Line, warehouse: str, quantity: Decimal) -> str | None:
    """Another item that is sold in the same way and of which enough is there."""
    items = house.catalogue.items
    own = items.get(line.sku)
    if own is None:
        return None
    alike = (
        item.sku
        for item in items.values()
        if item.sku != own.sku
        and (item.base_uom, item.sell_uom, item.units_per_sell_uom)
        == (own.base_uom, own.sell_uom, own.units_per_sell_uom)
    )
    return next((sku for sku in alike if _there(house, house.parts(sku, line.uom) or {}, warehouse) >= quantity), None)


def _name_the_rest(house: House, order: HouseOrder, packed: dict[str, list[SentLine]]) -> None:
    named = {line.line for lines in packed.values() for line in lines}
    first = packed.get(order.warehouse) or next(iter(packed.values()))
    for line in order.lines:
        if line.line not in named and line.backordered:
            parts = house.parts(line.sku, line.uom) or {}
            first.append(
                SentLine(line.line, line.sku, line.ordered, ZERO, line.uom, line.unit_price, parts, reason="BO")
            )
