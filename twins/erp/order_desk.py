"""The ERP's order desk: which orders it has seen, which may leave, what is set aside for them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from twins.erp.acknowledgements import ACCEPTED, AcknowledgedLine, Acknowledgement
from twins.erp.books import Books
from twins.erp.ordimp import ImportedOrder, OrderAction, read_ordimp
from twins.erp.requests import ExportRequest
from twins.erp.world import Order, OrderLine

# The last orders of a world that stay back until an acknowledgement accepts them: held, rejected, two not yet seen.
STAY_BACK = 4
SMALL_WORLD = 12  # orders below which none stays back
CANCELLED = "C"
MAY_LEAVE = frozenset({"A", "K"})
LineKey = tuple[str, int]
Document = dict[str, Any]


def known_orders(books: Books) -> list[Order]:
    """The world's orders, each as it was last handed in, and behind them those that were handed in only."""
    handed_in = {number: order for number, (_, order) in books.handed_in().items()}
    merged = [handed_in.pop(order.order_no, order) for order in books.world().orders]
    return [*merged, *handed_in.values()]


def take_in(books: Books, content: bytes) -> Document:
    """Take an order file in and say what was read; the last file once more changes nothing.

    ValueError for a file that does not hold together, or whose sequence is not the next; nothing of it is taken.
    """
    file = read_ordimp(content)
    digest = hashlib.sha256(content).hexdigest()
    with books.turn():
        last = books.read("last order file")
        repeated = last == [file.sequence, digest]
        if not repeated:
            if last and file.sequence != last[0] + 1:
                raise ValueError(f"sequence {file.sequence} does not follow {last[0]}")
            known = {order.order_no: order for order in known_orders(books)}
            for order in file.orders:
                _take_in_order(books, order, known)
            books.keep("last order file", [file.sequence, digest])
    numbers = {action: [made.order.order_no for made in file.orders if made.action is action] for action in OrderAction}
    counts = {action.name.lower(): orders for action, orders in numbers.items()}
    return {"sequence": file.sequence, "repeated": repeated, **counts}


def orders_to_ship(books: Books) -> list[Order]:
    """Orders that may leave and have not: those of the newest acknowledgement, at first all but the last."""
    orders = known_orders(books)
    shipped = books.shipped_orders()
    newest = next(books.truths("ORDACK"), None)
    if newest is None:
        world_orders = books.world().orders
        waiting = {order.order_no for order in world_orders[len(world_orders) - _stay_back(books) :]}
        allowed = {order.order_no for order in orders} - (waiting - books.handed_in().keys())
    else:
        allowed = {told["order_no"] for told in newest["orders"] if told["status"] in MAY_LEAVE}
    barred = shipped | _cancelled(books)
    return [order for order in orders if order.order_no in allowed and order.order_no not in barred]


def acknowledgements(books: Books, request: ExportRequest, promise_on: date) -> list[Acknowledgement]:
    """The ERP's word on every order it has seen; what is not plainly accepted are the last of those not handed in."""
    shipped = books.shipped_orders()
    handed_in = books.handed_in()
    open_orders = [
        order.order_no
        for order in books.world().orders
        if order.order_no not in shipped and order.order_no not in handed_in
    ]
    statuses = _statuses(open_orders, request, _stay_back(books)) | dict.fromkeys(_cancelled(books), CANCELLED)
    gone = _shipped_lines(books)
    made: list[Acknowledgement] = []
    for order in known_orders(books):
        status = statuses.get(order.order_no, ACCEPTED)
        has_left = order.order_no in shipped
        lines = _lines(order, gone, promise_on, has_left=has_left) if status == ACCEPTED else ()
        if status:
            made.append(Acknowledgement(order.order_no, status, lines))
    return _some_backordered(made, shipped, request.backordered, promise_on)


def _take_in_order(books: Books, imported: ImportedOrder, known: Mapping[str, Order]) -> None:
    """A cancellation may come without lines: the order keeps those it had."""
    order = imported.order
    if imported.action is OrderAction.CANCEL and order.order_no in known:
        order = known[order.order_no]
    books.hand_in(imported.action.value, order)


def _cancelled(books: Books) -> set[str]:
    """Orders whose cancellation was handed in before anything of them left."""
    shipped = books.shipped_orders()
    cancelled = {number for number, (action, _) in books.handed_in().items() if action == OrderAction.CANCEL}
    return cancelled - shipped


def _stay_back(books: Books) -> int:
    return STAY_BACK if len(books.world().orders) >= SMALL_WORLD else 0


def _statuses(open_orders: list[str], request: ExportRequest, stay_back: int) -> dict[str, str]:
    """The orders that are not accepted, from the last backwards; an empty status is an order not yet seen."""
    usual = 1 if stay_back else 0
    counts = (
        ("", 2 * usual if request.unseen is None else request.unseen),
        ("R", usual if request.rejected is None else request.rejected),
        ("H", usual if request.held is None else request.held),
        ("K", request.picking),
        ("C", request.cancelled),
    )
    words = [status for status, count in counts for _ in range(count)]
    return dict(zip(reversed(open_orders), words, strict=False))


def _shipped_lines(books: Books) -> Mapping[LineKey, tuple[Decimal, bool]]:
    """By order line: the quantity that has left, and whether the rest is closed (`SS`); repeats do not count."""
    gone: dict[LineKey, tuple[Decimal, bool]] = defaultdict(lambda: (Decimal(0), False))
    for truth in books.truths("SHPCNF"):
        for shipment in truth["shipments"]:
            if shipment.get("trouble") in {"correction", "exact_repeat"}:
                continue
            for line in shipment["lines"]:
                key = (shipment["order_no"], line["line"])
                quantity, closed = gone[key]
                gone[key] = (quantity + Decimal(line["quantity_shipped"]), closed or line.get("reason") == "SS")
    return gone


def _lines(
    order: Order, gone: Mapping[LineKey, tuple[Decimal, bool]], promise_on: date, *, has_left: bool
) -> tuple[AcknowledgedLine, ...]:
    if not has_left:
        return tuple(AcknowledgedLine(line.line, line.sku, line.quantity) for line in order.lines)
    return tuple(_left(line, gone.get((order.order_no, line.line)), promise_on) for line in order.lines)


def _left(line: OrderLine, gone: tuple[Decimal, bool] | None, promise_on: date) -> AcknowledgedLine:
    """A line of an order that has left: nothing is set aside any more, what is missing is on its way."""
    quantity, closed = gone or (line.quantity, True)
    missing = Decimal(0) if closed else max(Decimal(0), line.quantity - quantity)
    return AcknowledgedLine(line.line, line.sku, Decimal(0), missing, promise_on if missing else None)


def _some_backordered(
    orders: list[Acknowledgement], shipped: set[str], count: int, promise_on: date
) -> list[Acknowledgement]:
    """Half of a line is still to come, in the last `count` accepted orders that have not left and can be halved."""
    made = list(orders)
    for place in range(len(made) - 1, -1, -1):
        order = made[place]
        if count == 0:
            break
        if order.lines and order.order_no not in shipped and order.lines[0].allocated >= 2:
            first = order.lines[0]
            half = first.allocated // 2
            waiting = replace(first, allocated=first.allocated - half, backordered=half, promise_on=promise_on)
            made[place] = replace(order, lines=(waiting, *order.lines[1:]))
            count -= 1
    return made
