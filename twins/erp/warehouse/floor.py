"""The warehouse floor: sets goods aside, picks them, ships them; what is not there is bought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from twins.erp.records import local
from twins.erp.shipments import CARRIERS, FREIGHTS
from twins.erp.warehouse.agenda import Kind
from twins.erp.warehouse.house import House
from twins.erp.warehouse.orders import ZERO, HouseOrder, Line, Status
from twins.erp.warehouse.packing import TOO_LATE, pack
from twins.erp.warehouse.papers import NotPossible, Sent, SentLine
from twins.erp.warehouse.stockroom import Supply


class Floor:
    """What happens to goods. Every call is part of the caller's transaction; nothing is picked that is not there."""

    def __init__(self, house: House) -> None:
        self._house = house

    def allocate(self, order: HouseOrder, at: datetime) -> None:
        """Set aside what is there for an accepted order, buy what is missing, and let the pickers know."""
        split = order.take("split") or (order.rounds == 0 and self._house.happens("split", order.order_no))
        for line in order.lines:
            if line.backordered:
                self._allocate_line(order, line, split=split)
            self._buy_missing(order, line, at)
        self._call_pickers(order, at)

    def allocate_waiting(self, at: datetime) -> None:
        """Goods have become free: the oldest waiting order comes first."""
        for order in self._house.papers.open_orders():
            if order.status in {Status.ACCEPTED, Status.PICKING} and any(line.backordered for line in order.lines):
                before = _standing(order)
                self.allocate(order, at)
                if _standing(order) != before:
                    self._house.papers.keep(order)

    def release(self, line: Line, quantity: Decimal | None = None) -> None:
        """Put back what was set aside and not picked: all of it, or so much, the last warehouse first."""
        left = sum(line.allocated.values(), ZERO) if quantity is None else quantity
        for warehouse in reversed(list(line.allocated)):
            back = min(left, line.allocated[warehouse])
            left -= back
            self._set_aside(line, warehouse, -back)
            _add(line.allocated, warehouse, -back)

    def release_surplus(self, order: HouseOrder) -> None:
        """What is set aside beyond what is open goes back."""
        for line in order.lines:
            surplus = line.set_aside - line.open
            if surplus > 0:
                self.release(line, min(surplus, sum(line.allocated.values(), ZERO)))

    def pick(self, order: HouseOrder, at: datetime) -> None:
        """The pickers take everything that is set aside for an accepted order; from now on it ships."""
        if order.status is not Status.ACCEPTED or not any(line.allocated for line in order.lines):
            return
        for line in order.lines:
            for warehouse, quantity in line.allocated.items():
                _add(line.picked, warehouse, quantity)
            line.allocated = {}
        order.status = Status.PICKING
        wait = timedelta(minutes=self._house.settings["ship_minutes"])
        ready_at = self._house.later(at, wait, order.order_no, "ship", order.rounds)
        self._house.agenda.add(ready_at, Kind.SHIP, order.order_no)

    def ship(self, order: HouseOrder, at: datetime) -> list[Sent]:
        """What was picked leaves, one shipment a warehouse; then the rest is looked at again."""
        if order.status is not Status.PICKING:
            return []
        order.status = Status.ACCEPTED
        order.rounds += 1
        packed = pack(self._house, order)
        sent = [self._send(order, warehouse, lines, at) for warehouse, lines in packed.items() if lines]
        if order.cancel_asked:
            self._cancel_rest(order)
        self._house.papers.keep(order)
        self.allocate_waiting(at)
        order = self._house.papers.known_order(order.order_no)
        self._call_pickers(order, at)
        return sent

    def replenish(self, sku: str, warehouse: str, quantity: Decimal, due_at: datetime) -> str:
        """Buy goods; they arrive at that instant. The number of the purchase."""
        if self._house.is_drop_ship(warehouse):
            raise NotPossible(f"{warehouse} holds no stock")
        number = f"PU{self._house.next_number('next purchase', 1):06d}"
        self._house.stock.buy(Supply(number, sku, warehouse, quantity, due_at))
        self._house.agenda.add(due_at, Kind.ARRIVE, number)
        return number

    def arrive(self, number: str, at: datetime) -> None:
        """Goods have come in: orders that wait for them get theirs."""
        if self._house.stock.arrive(number, at):
            self.allocate_waiting(at)

    def _allocate_line(self, order: HouseOrder, line: Line, *, split: bool) -> None:
        if self._house.is_drop_ship(order.warehouse):
            _add(line.allocated, order.warehouse, line.backordered)
            return
        others = [code for code in self._house.warehouses() if code != order.warehouse] if split else []
        # A split order takes the first half from its own warehouse even where that has all of it.
        here = line.whole(line.backordered / 2) if split and line.backordered > line.step else line.backordered
        self._take(line, order.warehouse, here)
        for warehouse in [*others, order.warehouse]:
            self._take(line, warehouse, line.backordered)

    def _take(self, line: Line, warehouse: str, wanted: Decimal) -> None:
        parts = self._parts(line)
        there = min((self._house.stock.available(sku, warehouse) / units for sku, units in parts.items()), default=ZERO)
        quantity = line.whole(min(wanted, there))
        if quantity:
            self._set_aside(line, warehouse, quantity)
            _add(line.allocated, warehouse, quantity)

    def _set_aside(self, line: Line, warehouse: str, quantity: Decimal) -> None:
        if not self._house.is_drop_ship(warehouse):
            for sku, units in self._parts(line).items():
                self._house.stock.set_aside(sku, warehouse, quantity * units)

    def _parts(self, line: Line) -> Mapping[str, Decimal]:
        parts = self._house.parts(line.sku, line.uom)
        if parts is None:
            raise NotPossible(f"item {line.sku} is not known in {line.uom}")
        return parts

    def _buy_missing(self, order: HouseOrder, line: Line, at: datetime) -> None:
        """What is backordered and not yet bought for this line is bought with a half more; the promise is its day."""
        if not line.backordered:
            line.promise_on = None
        hours: int = self._house.settings["replenish_hours"]
        missing = line.backordered - line.awaited
        if missing <= 0 or hours == 0:
            return
        due_at = self._house.later(at, timedelta(hours=hours), order.order_no, line.line, "supply", line.awaited)
        for sku, units in self._parts(line).items():
            lacking = missing * units * 3 / 2 + self._house.stock.deficit(sku, order.warehouse)
            self.replenish(sku, order.warehouse, lacking.to_integral_value(ROUND_CEILING), due_at)
        line.awaited += missing
        line.promise_on = local(due_at).date()

    def _call_pickers(self, order: HouseOrder, at: datetime) -> None:
        ready = order.status is Status.ACCEPTED and any(line.allocated for line in order.lines)
        if ready and not self._house.agenda.of(Kind.PICK, order.order_no):
            wait = timedelta(minutes=self._house.settings["pick_minutes"])
            self._house.agenda.add(
                self._house.later(at, wait, order.order_no, "pick", order.rounds), Kind.PICK, order.order_no
            )

    def _send(self, order: HouseOrder, warehouse: str, lines: list[SentLine], at: datetime) -> Sent:
        rng = self._house.rng("carrier", order.order_no, order.rounds, warehouse)
        sent = Sent(
            shipment_no=self._house.next_shipment_no(),
            order_no=order.order_no,
            customer_erp_no=order.customer_erp_no,
            po_no=order.po_no,
            warehouse=warehouse,
            shipped_at=at,
            carrier=rng.choice(CARRIERS),
            tracking=f"1Z{rng.randrange(10**15, 10**16)}",
            freight=rng.choice(FREIGHTS),
            lines=lines,
            drop_ship=self._house.is_drop_ship(warehouse),
        )
        if not sent.drop_ship:
            for line in lines:
                for sku, units in line.parts.items():
                    self._house.stock.ship(sku, warehouse, line.shipped * units, at, sent.shipment_no)
        self._house.papers.keep_shipment(sent)
        return sent

    def _cancel_rest(self, order: HouseOrder) -> None:
        """A cancellation that came while goods were picked: they have left, only the rest is given up (case O9)."""
        rest = any(line.open for line in order.lines)
        for line in order.lines:
            self.release(line)
            line.cancel_open()
        order.status, order.reason = (Status.CANCELLED, "REST CANCELLED") if rest else (Status.ACCEPTED, TOO_LATE)


def _standing(order: HouseOrder) -> object:
    return len(order.plan), [(line.set_aside, line.awaited, line.promise_on) for line in order.lines]


def _add(places: dict[str, Decimal], warehouse: str, quantity: Decimal) -> None:
    places[warehouse] = places.get(warehouse, ZERO) + quantity
    if not places[warehouse]:
        del places[warehouse]
