"""Writes the exports: what each kind of file takes from the books, and what it leaves in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from twins.erp.acknowledgements import Return, ordack_truth, rtnrcv_truth, write_ordack, write_rtnrcv
from twins.erp.books import Books, Export
from twins.erp.masters import write_cusmst, write_itmmst
from twins.erp.order_desk import acknowledgements, known_orders, orders_to_ship
from twins.erp.records import local
from twins.erp.requests import CannotExport, ExportName, ExportRequest
from twins.erp.shipments import FIRST_SHIPMENT, Shipment, Warehousing
from twins.erp.shpcnf import read_shipment, shpcnf_truth, write_shpcnf
from twins.erp.stock import inv410r_truth, next_stock, opening_stock, read_row, write_inv410r
from twins.erp.troubles import OF_EARLIER_FILES, OF_SHIPMENT_FILES, Damage, Strangers, Trouble, damaged
from twins.erp.world import Order

RETURN_CONDITIONS = ("RESTOCK", "DAMAGED")
FIRST_RMA = 9001
Writer = Callable[[Books, ExportRequest, datetime], Export]


def export_file(
    books: Books, name: ExportName, request: ExportRequest, writers: Mapping[ExportName, Writer] | None = None
) -> Export:
    """Write an export, remember it with its truth; its `content` is whole, `handed_out` gives the damaged bytes.

    CannotExport when the books lack what it needs (no world, no order left, no earlier shipment). Not idempotent:
    every call is a new file of the sequence, except with `again`. `writers` take the place of the usual ones.
    """
    if request.damage in OF_SHIPMENT_FILES and name is not ExportName.SHPCNF:
        raise CannotExport(f"{request.damage} is damage to a SHPCNF file")
    with books.turn():
        if request.again is not None:
            export = _again(books, name, request.again)
        else:
            export = {**_WRITERS, **(writers or {})}[name](books, request, request.created_at or books.now())
        export = replace(export, damage=request.damage)
        if request.damage is not None:
            export = replace(export, truth=export.truth | {"damage": request.damage.value})
        books.record(export)
    return export


def handed_out(export: Export) -> bytes:
    """The bytes as they leave the ERP, damaged where damage was asked for."""
    return damaged(export.content, Damage(export.damage)) if export.damage else export.content


def _again(books: Books, name: ExportName, filename: str) -> Export:
    export = books.export(filename)
    if export is None or export.name != name:
        raise CannotExport(f"no {name.value} file {filename} was written yet")
    return replace(export, truth={key: value for key, value in export.truth.items() if key != "damage"})


def next_sequence(books: Books, name: ExportName, asked: int | None) -> int:
    """The number of the next file of a kind, or the one asked for; the numbers go on from it."""
    key = f"sequence {name.value}"
    sequence: int = asked or books.read(key, books.request().sequence)
    books.keep(key, sequence + 1)
    return sequence


def _rng(books: Books, name: ExportName, turn: int) -> Random:
    return Random(f"{books.request().seed}|{name.value}|{turn}")


def _cusmst(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    del request
    customers = books.world().customers
    return Export("CUSMST", "CUSMST.TXT", created_at, write_cusmst(customers), {"rows": len(customers)})


def _itmmst(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    del request
    items = books.world().items
    return Export("ITMMST", "ITMMST.TAB", created_at, write_itmmst(items), {"rows": len(items)})


def _shpcnf(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    return made_up_shipments(books, request, created_at, orders_to_ship(books))


def made_up_shipments(books: Books, request: ExportRequest, created_at: datetime, orders: list[Order]) -> Export:
    """A shipment file of these orders in their turn, as many shipments and troubles as are asked for."""
    asked = books.request()
    count = request.shipments or asked.shipments
    troubles = request.troubles if request.troubles is not None else asked.troubles
    if sum(troubles.values()) > count:
        raise CannotExport(f"{sum(troubles.values())} troubles do not fit into {count} shipments")
    sequence = next_sequence(books, ExportName.SHPCNF, request.sequence)
    first_number = books.read("next shipment", FIRST_SHIPMENT)
    rng = _rng(books, ExportName.SHPCNF, sequence)
    warehousing = Warehousing(books.world().warehouses, rng, created_at, first_number)
    queue = _Queue(orders)
    shipments = _troubled(books, troubles, warehousing, queue)
    shipments += warehousing.ship(queue, count - len(shipments))
    if not shipments:
        raise CannotExport("every order that may leave has been shipped: make a new world or take in new orders")
    books.mark_shipped(queue.taken)
    books.keep("next shipment", warehousing.next_number)
    content = write_shpcnf(sequence, created_at, shipments)
    truth = shpcnf_truth(sequence, created_at, shipments)
    return Export("SHPCNF", f"SHPCNF.S{sequence:06d}", created_at, content, truth)


class _Queue:
    """The orders in their turn; remembers which were taken."""

    def __init__(self, orders: list[Order]) -> None:
        self.taken: list[str] = []
        self._orders = iter(orders)

    def __iter__(self) -> _Queue:
        return self

    def __next__(self) -> Order:
        order = next(self._orders)
        self.taken.append(order.order_no)
        return order


def _troubled(books: Books, troubles: dict[Trouble, int], warehousing: Warehousing, queue: _Queue) -> list[Shipment]:
    """The troubled shipments, in the order of the enumeration: they stand first in the file."""
    wanted = [trouble for trouble in Trouble for _ in range(troubles.get(trouble, 0))]
    if not wanted:
        return []
    world = books.world()
    told = {shipment["order_no"] for truth in books.truths("SHPCNF") for shipment in truth["shipments"]}
    strangers = Strangers(
        (item.sku for item in world.items),
        (customer.erp_no for customer in world.customers),
        {order.order_no for order in known_orders(books)} | told,
    )
    earlier = iter(_repeatable(books))
    made: list[Shipment] = []
    for trouble in wanted:
        order = None if trouble in OF_EARLIER_FILES else next(queue, None)
        shipment = warehousing.ship_in_full(order) if order else next(earlier, None)
        if shipment is None or (order is None and trouble not in OF_EARLIER_FILES):
            raise CannotExport(f"{trouble.value} needs an order to ship, or a clean shipment of an earlier file")
        made.append(strangers.spoil(trouble, shipment))
    return made


def _repeatable(books: Books) -> list[Shipment]:
    """Clean shipments of earlier files, the newest file first, that no later file has repeated."""
    found: list[Shipment] = []
    repeated: set[str] = set()
    for truth in books.truths("SHPCNF"):
        for told in truth["shipments"]:
            shipment = replace(read_shipment(told), earlier=str(truth["sequence"]))
            if shipment.trouble in OF_EARLIER_FILES:
                repeated.add(shipment.shipment_no)
            elif not shipment.trouble and shipment.lines[0].quantity_shipped > 1:
                found.append(shipment)
    return [shipment for shipment in found if shipment.shipment_no not in repeated]


def _inv410r(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    turn = books.read("snapshots", 0)
    rng = _rng(books, ExportName.INV410R, turn)
    before = next(books.truths("INV410R"), None)
    if before is None:
        snapshot = opening_stock(books.world(), rng)
    else:
        rows = [read_row(row) for row in before["rows"]]
        changed = len(rows) // 4 if request.rows_changed is None else request.rows_changed
        snapshot = next_stock(rows, rng, changed, request.rows_vanished)
    books.keep("snapshots", turn + 1)
    filename = f"INV410R.{local(created_at):%Y%m%d.%H%M}"
    content = write_inv410r(created_at, snapshot.rows)
    return Export("INV410R", filename, created_at, content, inv410r_truth(created_at, snapshot))


def _ordack(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    sequence = next_sequence(books, ExportName.ORDACK, request.sequence)
    orders = acknowledgements(books, request, local(created_at).date() + timedelta(days=14))
    content = write_ordack(sequence, created_at, orders)
    truth = ordack_truth(sequence, created_at, orders)
    return Export("ORDACK", f"ORDACK.S{sequence:06d}", created_at, content, truth)


def _rtnrcv(books: Books, request: ExportRequest, created_at: datetime) -> Export:
    sequence = next_sequence(books, ExportName.RTNRCV, request.sequence)
    rma = books.read("next rma", FIRST_RMA)
    returned = {(goods["shipment_no"], goods["line"]) for truth in books.truths("RTNRCV") for goods in truth["returns"]}
    source = [made for made in _repeatable(books) if (made.shipment_no, made.lines[0].line) not in returned]
    if not source:
        raise CannotExport("nothing has been shipped yet that could come back")
    returns = [
        Return(
            rma=f"RM{rma + place}",
            order_no=shipment.order_no,
            shipment_no=shipment.shipment_no,
            line=shipment.lines[0].line,
            sku=shipment.lines[0].sku,
            quantity=Decimal(1),
            uom=shipment.lines[0].uom,
            condition=RETURN_CONDITIONS[place % 2],
            received_on=local(created_at).date(),
        )
        for place, shipment in enumerate(source[: request.returns])
    ]
    books.keep("next rma", rma + len(returns))
    content = write_rtnrcv(sequence, created_at, returns)
    return Export("RTNRCV", f"RTNRCV.S{sequence:06d}", created_at, content, rtnrcv_truth(sequence, created_at, returns))


_WRITERS: dict[ExportName, Writer] = {
    ExportName.SHPCNF: _shpcnf,
    ExportName.CUSMST: _cusmst,
    ExportName.ITMMST: _itmmst,
    ExportName.INV410R: _inv410r,
    ExportName.ORDACK: _ordack,
    ExportName.RTNRCV: _rtnrcv,
}
