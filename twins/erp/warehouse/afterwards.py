"""What happens to shipments after they have left: goods come back, confirmations are corrected and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from twins.erp.acknowledgements import Return
from twins.erp.records import local
from twins.erp.warehouse.floor import Floor
from twins.erp.warehouse.house import House
from twins.erp.warehouse.orders import ZERO, HouseOrder, Line, Status
from twins.erp.warehouse.papers import NotPossible, Sent, SentLine

FIRST_RMA = 9001
CONDITIONS = ("RESTOCK", "DAMAGED")


class Afterwards:
    """Returns, corrections and reversals; stock and order lines move with them."""

    def __init__(self, house: House, floor: Floor) -> None:
        self._house = house
        self._floor = floor

    def receive(
        self, shipment_no: str, number: int, quantity: Decimal | None, condition: str | None, at: datetime
    ) -> Return:
        """Take goods of a shipment line back; without a quantity all that is still out. `NotPossible` beyond that."""
        sent = self._house.papers.shipment(shipment_no)
        line = sent.line(number)
        back = line.shipped - line.returned if quantity is None else quantity
        if not 0 < back <= line.shipped - line.returned:
            raise NotPossible(f"{back} of line {number} cannot come back: {line.shipped - line.returned} are out")
        rma = f"RM{self._house.next_number('next rma', FIRST_RMA)}"
        line.returned += back
        state = condition or self._house.rng("condition", rma).choice(CONDITIONS)
        self._store(sent, line, back, state, rma, at)
        goods = Return(
            rma, sent.order_no, shipment_no, number, line.sku, back, line.uom, state, local(at).date()
        )  # fmt: skip
        self._house.papers.keep_return(goods)
        self._house.papers.keep_shipment(sent)
        order = self._house.papers.known_order(sent.order_no)
        _line_of(order, number).returned += back
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)
        return goods

    def correct(self, shipment_no: str, quantities: Mapping[int, Decimal], at: datetime, *, reopen: bool) -> Sent:
        """State a confirmed shipment again with other quantities, in the next file.

        What is missing now is given up (`SS`), or with `reopen`, or while more of the line is to come, backordered
        (`BO`): no paper could tell that one piece of a backordered rest never comes. `NotPossible` before a file has
        confirmed the shipment, below what came back, and when nothing would change.
        """
        sent = self._house.papers.shipment(shipment_no)
        if sent.told == 0:
            raise NotPossible(f"no file has confirmed shipment {shipment_no} yet")
        changed = {sent.line(number).line: quantity for number, quantity in quantities.items()}
        changed = {number: quantity for number, quantity in changed.items() if quantity != sent.line(number).shipped}
        if not changed:
            raise NotPossible(f"shipment {shipment_no} says so already")
        for number, quantity in changed.items():
            self._check(sent, number, quantity)
        order = self._house.papers.known_order(sent.order_no)
        for number, quantity in changed.items():
            self._restate(sent, order, sent.line(number), quantity, at, reopen=reopen)
        sent.revision += 1
        self._house.papers.keep_shipment(sent)
        self._floor.release_surplus(order)
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)
        return sent

    def reverse(self, shipment_no: str, at: datetime, *, reopen: bool) -> Sent:
        """Take a confirmed shipment back whole: it is stated again with zero quantities and no freight."""
        sent = self._house.papers.shipment(shipment_no)
        sent = self.correct(shipment_no, {line.line: ZERO for line in sent.lines}, at, reopen=reopen)
        sent.freight = ZERO
        self._house.papers.keep_shipment(sent)
        return sent

    def return_by_chance(self, shipment_no: str, at: datetime) -> None:
        """Some of a shipment comes back: one piece, or a half of it."""
        sent = self._house.papers.shipment(shipment_no)
        out = [line for line in sent.lines if line.shipped > line.returned]
        if not out:
            return
        rng = self._house.rng("return", shipment_no)
        line = rng.choice(out)
        there = line.shipped - line.returned
        quantity = min(there, Decimal(1)) if rng.random() < 0.7 or there < 2 else Decimal(int(there / 2))
        self.receive(shipment_no, line.line, quantity, None, at)

    def correct_by_chance(self, shipment_no: str, at: datetime) -> None:
        """A count was wrong: one more or one less of a line, as far as stock and returns allow it."""
        sent = self._house.papers.shipment(shipment_no)
        rng = self._house.rng("correct", shipment_no)
        more = rng.random() < 0.2
        for line in rng.sample(sent.lines, len(sent.lines)):
            quantity = line.shipped + 1 if more else line.shipped - 1
            if line.shipped and quantity > 0 and self._possible(sent, line.line, quantity):
                self.correct(shipment_no, {line.line: quantity}, at, reopen=rng.random() < 0.5)
                return

    def reverse_by_chance(self, shipment_no: str, at: datetime) -> None:
        """A shipment never left, in truth: it is taken back, unless some of it has come back already."""
        sent = self._house.papers.shipment(shipment_no)
        if any(line.shipped for line in sent.lines) and not any(line.returned for line in sent.lines):
            self.reverse(shipment_no, at, reopen=self._house.rng("reverse", shipment_no).random() < 0.5)

    def _possible(self, sent: Sent, number: int, quantity: Decimal) -> bool:
        try:
            self._check(sent, number, quantity)
        except NotPossible:
            return False
        return True

    def _check(self, sent: Sent, number: int, quantity: Decimal) -> None:
        line = sent.line(number)
        if quantity < line.returned:
            raise NotPossible(f"{line.returned} of line {number} have come back: {quantity} is too little")
        more = quantity - line.shipped
        if more > 0 and _line_of(self._house.papers.known_order(sent.order_no), number).in_hand:
            raise NotPossible(f"line {number} is being picked: what is missing ships anyway")
        if more > 0 and not sent.drop_ship:
            for sku, units in line.parts.items():
                there = self._house.stock.available(sku, sent.warehouse)
                if there < more * units:
                    raise NotPossible(f"{more * units} of {sku} more cannot have left: {there} are free")

    def _restate(
        self, sent: Sent, order: HouseOrder, line: SentLine, quantity: Decimal, at: datetime, *, reopen: bool
    ) -> None:
        more = quantity - line.shipped
        ordered = _line_of(order, line.line)
        more_to_come = ordered.open > 0
        ordered.shipped += more
        if more > 0:
            ordered.cancelled -= min(more, ordered.cancelled)
        elif order.status is Status.CANCELLED or not (reopen or more_to_come):
            missing = max(ZERO, ordered.open - ordered.set_aside)
            ordered.cancelled += min(-more, missing)
        line.shipped = quantity
        line.reason = _reason(ordered, quantity)
        if not sent.drop_ship:
            for sku, units in line.parts.items():
                self._house.stock.ship(sku, sent.warehouse, more * units, at, sent.shipment_no)

    def _store(self, sent: Sent, line: SentLine, back: Decimal, condition: str, rma: str, at: datetime) -> None:
        """Goods that a vendor shipped go back to the vendor."""
        if sent.drop_ship:
            return
        keep = self._house.stock.restock if condition == "RESTOCK" else self._house.stock.quarantine
        for sku, units in line.parts.items():
            keep(sku, sent.warehouse, back * units, at, rma)


def _reason(line: Line, shipped: Decimal) -> str:
    if shipped >= line.ordered:
        return ""
    return "BO" if line.open else "SS" if line.cancelled else ""


def _line_of(order: HouseOrder, number: int) -> Line:
    for line in order.lines:
        if line.line == number:
            return line
    raise NotPossible(f"order {order.order_no} has no line {number}")
