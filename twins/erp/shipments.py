"""What the warehouse ships: orders become shipments, full, backordered, short, split over two warehouses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from random import Random

from twins.erp.world import Order, OrderLine, Warehouse

CARRIERS = ("UPSN", "FDXG", "SAIA", "ODFL")
FREIGHTS = tuple(Decimal(text) for text in ("0", "0", "0", "12.5", "18.95", "44.2", "168.75"))
SHIPPED_WITHIN_SECONDS = 3 * 3600
FIRST_SHIPMENT = 5_504_177
SHIPMENT_STEP = 7


class Way(StrEnum):
    """How an order leaves the house."""

    FULL = "full"
    BACKORDERED = "backordered"
    SHORT = "short"
    SPLIT = "split"


# Of every thirteen orders, the places of the special ones: a file of that size shows each of them.
SPECIAL = {2: Way.BACKORDERED, 5: Way.SHORT, 7: Way.SPLIT}
ROUND = 13


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """One confirmed line; quantities and price are per `uom`; `reason` is `BO`, `SS` or nothing."""

    line: int
    sku: str
    quantity_ordered: Decimal
    quantity_shipped: Decimal
    uom: str
    unit_price: Decimal
    lot: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """A confirmed shipment; `shipped_at` is aware, UTC; `trouble` is what is wrong, `earlier` the file it repeats."""

    shipment_no: str
    order_no: str
    customer_erp_no: str
    po_no: str
    warehouse: str
    shipped_at: datetime
    carrier: str
    tracking: str
    freight: Decimal
    lines: tuple[ShippedLine, ...]
    trouble: str = ""
    earlier: str = ""


class Warehousing:
    """Ships orders in their turn for one file; the random numbers and the shipment numbers go on from call to call."""

    def __init__(self, warehouses: Sequence[Warehouse], rng: Random, created_at: datetime, first_number: int) -> None:
        self.next_number = first_number
        self._codes = [warehouse.code for warehouse in warehouses]
        self._rng = rng
        self._created_at = created_at
        self._due: deque[Way] = deque()
        self._left_out = False

    def ship_in_full(self, order: Order) -> Shipment:
        """The whole order in one shipment."""
        return self._shipment(order, order.warehouse, [self._line(line, line.quantity) for line in order.lines])

    def ship(self, orders: Iterator[Order], count: int) -> list[Shipment]:
        """Up to `count` shipments, fewer when the orders run out; takes from `orders` only what it ships."""
        made: list[Shipment] = []
        position = 0
        while len(made) < count and (order := next(orders, None)):
            if position % ROUND in SPECIAL:
                self._due.append(SPECIAL[position % ROUND])
            made += self._in_its_way(order, room=count - len(made))
            position += 1
        return made

    def _in_its_way(self, order: Order, room: int) -> list[Shipment]:
        way = self._due[0] if self._due else Way.FULL
        if way is Way.FULL or not self._can(way, order, room):
            return [self.ship_in_full(order)]
        self._due.popleft()
        if way is Way.SPLIT:
            return self._split(order)
        return [self._partial(order, "BO" if way is Way.BACKORDERED else "SS")]

    def _can(self, way: Way, order: Order, room: int) -> bool:
        if way is Way.SPLIT and (room < 2 or len(self._codes) < 2):
            return False
        return order.lines[0].quantity >= 2

    def _partial(self, order: Order, reason: str) -> Shipment:
        first, *others = order.lines
        # A shipment with nothing in it would leave no house; the first of a file that can leaves its line out whole.
        nothing = len(others) > 0 and (not self._left_out or self._rng.random() < 0.3)
        self._left_out = self._left_out or nothing
        shipped = Decimal(0) if nothing else _half(first)
        lines = [self._line(first, shipped, reason)] + [self._line(line, line.quantity) for line in others]
        return self._shipment(order, order.warehouse, lines)

    def _split(self, order: Order) -> list[Shipment]:
        first, *others = order.lines
        here = _half(first)
        elsewhere = self._rng.choice([code for code in self._codes if code != order.warehouse])
        lines = [self._line(first, here)] + [self._line(line, line.quantity) for line in others]
        rest = [self._line(first, first.quantity - here)]
        return [self._shipment(order, order.warehouse, lines), self._shipment(order, elsewhere, rest)]

    def _line(self, line: OrderLine, shipped: Decimal, reason: str = "") -> ShippedLine:
        lot = f"L{self._rng.randrange(10_000, 100_000)}" if self._rng.random() < 0.25 else ""
        return ShippedLine(line.line, line.sku, line.quantity, shipped, line.uom, line.unit_price, lot, reason)

    def _shipment(self, order: Order, warehouse: str, lines: list[ShippedLine]) -> Shipment:
        number = self.next_number
        self.next_number += SHIPMENT_STEP
        ago = timedelta(seconds=self._rng.randrange(60, SHIPPED_WITHIN_SECONDS))
        return Shipment(
            shipment_no=f"SH{number}",
            order_no=order.order_no,
            customer_erp_no=order.customer_erp_no,
            po_no=order.po_no,
            warehouse=warehouse,
            shipped_at=(self._created_at - ago).astimezone(UTC),
            carrier=self._rng.choice(CARRIERS),
            tracking=f"1Z{self._rng.randrange(10**15, 10**16)}",
            freight=self._rng.choice(FREIGHTS),
            lines=tuple(lines),
        )


def _half(line: OrderLine) -> Decimal:
    step = Decimal("0.25") if line.uom == "FT" else Decimal(1)
    return (line.quantity / 2 / step).quantize(Decimal(1), rounding=ROUND_DOWN) * step
