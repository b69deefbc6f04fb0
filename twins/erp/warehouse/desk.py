"""The order desk: takes orders, changes and cancellations in, accepts, holds, rejects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twins.erp.ordimp import ImportedOrder, OrderAction
from twins.erp.warehouse.agenda import Kind
from twins.erp.warehouse.floor import Floor
from twins.erp.warehouse.house import House
from twins.erp.warehouse.orders import ZERO, HouseOrder, Line, Status, new_line, new_order
from twins.erp.warehouse.packing import TOO_LATE
from twins.erp.warehouse.papers import NotPossible
from twins.erp.world import OrderLine

CREDIT, CUSTOMER_REQUEST, IN_PART = "CREDIT LIMIT", "CUSTOMER REQUEST", "CHANGE IN PART"
UNKNOWN_ORDER = "UNKNOWN ORDER"


class Desk:
    """What becomes of an order. Each word of the gateway is answered by the next acknowledgement file."""

    def __init__(self, house: House, floor: Floor) -> None:
        self._house = house
        self._floor = floor

    def take(self, imported: ImportedOrder, at: datetime) -> None:
        """Do what one order record asks for. An order that is here already and is added again is a change of it."""
        known = self._house.papers.order(imported.order.order_no)
        if imported.action is OrderAction.CANCEL:
            self._take_cancel(known or self._stranger(imported, at), at)
        elif known is None:
            self._see(imported, at)
        else:
            self._take_change(known, imported, at)

    def acknowledge(self, order: HouseOrder, at: datetime) -> None:
        """Decide on an order that was seen: rejected, held, or accepted and allocated."""
        if order.status is not Status.SEEN:
            return
        wrong = self._what_is_wrong(order)
        if wrong:
            _reject(order, wrong)
        elif self._is_held(order):
            self._hold(order, CREDIT, at)
        else:
            self._accept(order, at)
        self._house.papers.keep(order)

    def hold(self, order: HouseOrder, reason: str, at: datetime) -> None:
        """Hold an order of which nothing is being picked; what was set aside for it is free again."""
        if order.status not in {Status.SEEN, Status.ACCEPTED} or order.closed:
            raise NotPossible(f"order {order.order_no} stands at {order.status} and cannot be held")
        self._give_back(order)
        self._hold(order, reason or CREDIT, at)
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)

    def release(self, order: HouseOrder, at: datetime) -> None:
        """End a hold; an order that is not held stays as it is."""
        if order.status is Status.HELD:
            self._accept(order, at)
            self._house.papers.keep(order)

    def reject(self, order: HouseOrder, reason: str, at: datetime) -> None:
        """Reject an order of which nothing has left or is being picked."""
        if order.status not in {Status.SEEN, Status.HELD, Status.ACCEPTED} or any(line.shipped for line in order.lines):
            raise NotPossible(f"order {order.order_no} stands at {order.status} and cannot be rejected")
        self._give_back(order)
        _reject(order, reason or "ITEM DISCONTINUED")
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)

    def cancel(self, order: HouseOrder, reason: str, at: datetime) -> None:
        """Cancel what is open. While goods are picked the cancellation waits: they ship, and the answer says so."""
        order.told = ""
        if order.status is Status.PICKING:
            order.cancel_asked, order.reason = True, TOO_LATE
        elif order.status is Status.ACCEPTED and order.closed:
            order.reason = TOO_LATE
        else:
            self._give_back(order)
            for line in order.lines:
                line.cancel_open()
            order.status, order.reason = Status.CANCELLED, reason
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)

    def _see(self, imported: ImportedOrder, at: datetime) -> None:
        order = new_order(imported.order, at.astimezone(UTC).isoformat(), imported.requested_on)
        order.warehouse = order.warehouse or self._house.warehouses()[0]
        order.plan = self._house.papers.take_plan(order.order_no) + self._house.papers.take_plan(order.po_no)
        if self._house.settings["drop_ship_warehouses"] and order.take("drop_ship"):
            order.warehouse = self._house.settings["drop_ship_warehouses"][0]
        if order.order_no in self._house.books.shipped_orders():  # in a file that was made up: nothing is left of it
            for line in order.lines:
                line.cancel_open()
            order.status, order.reason = Status.ACCEPTED, "SHIPPED BEFORE"
        else:
            self._expect_decision(order, at)
        self._house.papers.keep(order)

    def _expect_decision(self, order: HouseOrder, at: datetime) -> None:
        wait = timedelta(minutes=self._house.settings["acknowledge_minutes"])
        self._house.agenda.drop(Kind.ACKNOWLEDGE, order.order_no)
        self._house.agenda.add(
            self._house.later(at, wait, order.order_no, "acknowledge"), Kind.ACKNOWLEDGE, order.order_no
        )

    def _stranger(self, imported: ImportedOrder, at: datetime) -> HouseOrder:
        """An order that is cancelled before anyone saw it."""
        order = new_order(imported.order, at.astimezone(UTC).isoformat(), imported.requested_on)
        _reject(order, UNKNOWN_ORDER)
        return order

    def _take_cancel(self, order: HouseOrder, at: datetime) -> None:
        if order.status is Status.REJECTED and order.reason == UNKNOWN_ORDER:
            order.told = ""
            self._house.papers.keep(order)
        else:
            self.cancel(order, CUSTOMER_REQUEST, at)

    def _take_change(self, order: HouseOrder, imported: ImportedOrder, at: datetime) -> None:
        order.told = ""
        if imported.action is OrderAction.ADD and _same(order, imported.order.lines):
            self._house.papers.keep(order)
            return
        if order.status in {Status.SEEN, Status.REJECTED}:
            self._begin_again(order, imported, at)
        elif order.status is Status.CANCELLED:
            order.reason = "ORDER IS CANCELLED"
        else:
            self._change(order, imported, at)
        self._house.papers.keep(order)
        self._floor.allocate_waiting(at)

    def _begin_again(self, order: HouseOrder, imported: ImportedOrder, at: datetime) -> None:
        order.lines = [new_line(line) for line in imported.order.lines]
        order.status, order.reason = Status.SEEN, ""
        self._take_header(order, imported)
        self._expect_decision(order, at)

    def _change(self, order: HouseOrder, imported: ImportedOrder, at: datetime) -> None:
        """What has shipped or is picked stays (case O8); the rest becomes what the change says."""
        wrong = self._wrong_lines([new_line(line) for line in imported.order.lines])
        if wrong:
            order.reason = f"CHANGE REJECTED {wrong}"
            return
        wanted = {line.line: line for line in imported.order.lines}
        in_part = [self._change_line(order, line, wanted) for line in order.lines]
        known = {line.line for line in order.lines}
        order.lines += [new_line(line) for number, line in wanted.items() if number not in known]
        self._take_header(order, imported)
        self._floor.release_surplus(order)
        if order.status is not Status.HELD:
            order.reason = IN_PART if any(in_part) else ""
            self._floor.allocate(order, at)

    def _change_line(self, order: HouseOrder, line: Line, wanted: Mapping[int, OrderLine]) -> bool:
        """True when the line could not become all that was asked for."""
        asked = wanted.get(line.line)
        fixed = line.shipped + line.in_hand
        if asked is None:
            self._floor.release(line)
            line.cancel_open()
            return line.in_hand > 0
        if (asked.sku, asked.uom) != (line.sku, line.uom):
            if fixed:
                return True
            self._floor.release(line)
            order.lines[order.lines.index(line)] = new_line(asked)
            return False
        line.unit_price = asked.unit_price
        if not fixed:
            line.cancelled = ZERO  # what is asked for again is wanted
        if asked.quantity != line.ordered:
            line.ordered = max(asked.quantity, fixed)
            line.cancelled = min(line.cancelled, line.ordered - fixed)
        return asked.quantity < fixed

    def _take_header(self, order: HouseOrder, imported: ImportedOrder) -> None:
        order.po_no = imported.order.po_no
        order.terms_code = imported.order.terms_code
        order.requested_on = imported.requested_on
        order.warehouse = imported.order.warehouse or order.warehouse

    def _accept(self, order: HouseOrder, at: datetime) -> None:
        order.status, order.reason = Status.ACCEPTED, ""
        self._house.agenda.drop(Kind.RELEASE, order.order_no)
        self._floor.allocate(order, at)

    def _hold(self, order: HouseOrder, reason: str, at: datetime) -> None:
        order.status, order.reason = Status.HELD, reason
        hours: int = self._house.settings["hold_hours"]
        self._house.agenda.drop(Kind.RELEASE, order.order_no)
        if hours:
            self._house.agenda.add(
                self._house.later(at, timedelta(hours=hours), order.order_no, "hold"), Kind.RELEASE, order.order_no
            )

    def _give_back(self, order: HouseOrder) -> None:
        for line in order.lines:
            self._floor.release(line)

    def _what_is_wrong(self, order: HouseOrder) -> str:
        places = {*self._house.warehouses(), *self._house.settings["drop_ship_warehouses"]}
        if order.customer_erp_no not in self._house.catalogue.customers:
            return "UNKNOWN CUSTOMER"
        if order.warehouse not in places:
            return "UNKNOWN WAREHOUSE"
        if order.take("reject") or self._house.happens("reject", order.order_no):
            return "ITEM DISCONTINUED"
        return self._wrong_lines(order.lines)

    def _wrong_lines(self, lines: list[Line]) -> str:
        if not lines:
            return "NO LINES"
        if any(line.ordered <= 0 for line in lines):
            return "NO QUANTITY"
        return "UNKNOWN ITEM" if any(self._house.parts(line.sku, line.uom) is None for line in lines) else ""

    def _is_held(self, order: HouseOrder) -> bool:
        settings = self._house.settings
        if order.take("hold") or order.customer_erp_no in settings["hold_customers"]:
            return True
        if self._house.happens("hold", order.order_no):
            return True
        return bool(settings["credit_check"]) and self._exposure(order) > self._limit(order)

    def _limit(self, order: HouseOrder) -> Decimal:
        return self._house.catalogue.customers[order.customer_erp_no].credit_limit

    def _exposure(self, order: HouseOrder) -> Decimal:
        """What the customer's open orders are worth, this one included."""
        theirs = [one for one in self._house.papers.open_orders() if one.customer_erp_no == order.customer_erp_no]
        counted = [one for one in theirs if one.order_no != order.order_no and one.status in "AK"]
        return sum((line.open * line.unit_price for one in [*counted, order] for line in one.lines), ZERO)


def _reject(order: HouseOrder, reason: str) -> None:
    for line in order.lines:
        line.cancel_open()
    order.status, order.reason = Status.REJECTED, reason


def _same(order: HouseOrder, lines: tuple[OrderLine, ...]) -> bool:
    kept = [(line.line, line.sku, line.ordered, line.uom, line.unit_price) for line in order.lines]
    return kept == [(line.line, line.sku, line.quantity, line.uom, line.unit_price) for line in lines]
