"""A warehouse for the tests: its world, folders, a clock in the hand, order files written from the layout alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from twins.erp.app import SETTINGS
from twins.erp.books import Books
from twins.erp.requests import ExportName, ExportRequest, WorldRequest
from twins.erp.warehouse import telling
from twins.erp.warehouse.house import House
from twins.erp.warehouse.life import Life, Ran
from twins.erp.warehouse.stockroom import Move
from twins.erp.world import Order, OrderLine
from twins.web import Database, TwinSettings

MONDAY = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
PUNCHED = "{ABCDEFGHI"
CALM = {"inv410r_minutes": 0, "masters_minutes": 0, "ordack_minutes": 0}  # fewer files where a test is about orders


def order_file(sequence: int, orders: Sequence[tuple[str, Order]]) -> bytes:
    """An ORDIMP file as the description of the layout has it."""
    records = [f"H1THWORDIMP{sequence:06d}1261116081500"]
    total = 0
    for action, order in orders:
        records.append(
            f"O1{action}{order.order_no:10}{order.customer_erp_no:8}1{order.ordered_on:%y%m%d}0000000"
            f"{order.warehouse:3}{order.po_no:14}{order.terms_code:3}"
        )
        for line in order.lines:
            price = f"{int(line.unit_price * 10_000):011d}"
            total += int(line.quantity * 100)
            records.append(
                f"O2{line.line:04d}{line.sku:15}{int(line.quantity * 100):09d}{line.uom:2}"
                f"{price[:-1]}{PUNCHED[int(price[-1])]}"
            )
        records.append(f"O9{order.order_no:10}{len(order.lines):04d}")
    records.append(f"T9{len(records) + 1:07d}{len(orders):07d}{total % 10**10:010d}")
    return "".join(f"{record:120}\r\n" for record in records).encode("cp1252")


class Town:
    """A warehouse on a database, with an import and a drop folder, opened on Monday noon."""

    def __init__(self, folder: Path, database: str = ":memory:", *, orders: int = 40, **settings: Any) -> None:
        self.now = MONDAY
        self.orders_folder, self.drop = folder / "outbox", folder / "inbox"
        self.orders_folder.mkdir(exist_ok=True)
        self.database = Database(database)
        self.books = Books(self.database, lambda: self.now)
        self.settings = TwinSettings(
            self.database,
            {**SETTINGS, "import_folder": str(self.orders_folder), "drop_folder": str(self.drop), **settings},
        )
        self.life = Life(House(self.books, lambda: self.settings))
        if not self.books.has_world():
            self.books.begin_world(WorldRequest(seed=7, orders=orders, today=MONDAY.date()))
        self.sequence = 0

    def open(self) -> Town:
        self.life.open(self.now)
        return self

    def close(self) -> None:
        self.database.close()

    def hand_in(self, *orders: tuple[str, Order]) -> Path:
        """Drop the next order file into the import folder."""
        self.sequence += 1
        path = self.orders_folder / f"ORDIMP.S{self.sequence:06d}"
        path.write_bytes(order_file(self.sequence, orders))
        return path

    def pass_time(self, **parts: float) -> Ran:
        """Let so much time pass, and everything that is due in it happen."""
        self.now += timedelta(**parts)
        return self.life.run(self.now)

    def write(self, name: str, **asked: Any) -> tuple[bytes, dict[str, Any]]:
        export = self.life.write(ExportName(name), ExportRequest(**asked), self.now)
        return export.content, export.truth

    def truth(self) -> dict[str, Any]:
        return telling.warehouse(self.life)

    def told(self, order_no: str) -> dict[str, Any]:
        """The order in the truth."""
        return next(order for order in self.truth()["orders"] if order["order_no"] == order_no)

    def shipments_of(self, order_no: str) -> list[dict[str, Any]]:
        return [shipment for shipment in self.truth()["shipments"] if shipment["order_no"] == order_no]

    def stock_of(self, sku: str, warehouse: str = "ATL") -> dict[str, Any]:
        return next(row for row in self.truth()["stock"] if (row["sku"], row["warehouse"]) == (sku, warehouse))

    def put_stock(self, sku: str, on_hand: int, warehouse: str = "ATL") -> None:
        """Let the first day have begun with exactly so much there."""
        stock = self.life.house.stock
        with self.books.turn():
            more = on_hand - Decimal(stock._row(sku, warehouse)["on_hand"])
            stock._move(Move.START, sku, warehouse, more, self.now, "opening")
            stock._put(sku, warehouse, status="A")

    def problems(self) -> list[Any]:
        return list(telling.schedule(self.life)["problems"])

    def item(self, uom: str = "EA", place: int = 0) -> str:
        """The SKU of an item that is sold in this unit."""
        return [item.sku for item in self.books.world().items if item.sell_uom == uom][place]

    def order(self, number: str, *lines: tuple[str, int, str], warehouse: str = "ATL") -> Order:
        """An order of a known customer; lines are SKU, quantity, price, in the item's selling unit."""
        items = {item.sku: item for item in self.books.world().items}
        made = tuple(
            OrderLine(place, sku, Decimal(quantity), items[sku].sell_uom if sku in items else "EA", Decimal(price))
            for place, (sku, quantity, price) in enumerate(lines, 1)
        )
        customer = self.books.world().customers[0]
        return Order(number, customer.erp_no, "PO-77", MONDAY.date(), warehouse, "N30", made)


def with_quantity(order: Order, line: int, quantity: int) -> Order:
    lines = tuple(replace(one, quantity=Decimal(quantity)) if one.line == line else one for one in order.lines)
    return replace(order, lines=lines)


def consistent(truth: dict[str, Any]) -> None:
    """The sums that hold at every instant, of lines and of stock; allocations and shipments agree with orders."""
    shipped: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for shipment in truth["shipments"]:
        for line in shipment["lines"]:
            shipped[shipment["order_no"], line["line"]] += Decimal(line["shipped"])
    places: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for order in truth["orders"]:
        for line in order["lines"]:
            _consistent_line(order, line, shipped[order["order_no"], line["line"]])
            for place, quantity in line["places"].items():
                places[line["sku"], place] += Decimal(quantity)
    kits = {sku for sku, _ in places} - {row["sku"] for row in truth["stock"]}  # set aside by their parts
    for row in truth["stock"]:
        _consistent_row(row, None if kits else places[row["sku"], row["warehouse"]])


def _consistent_line(order: dict[str, Any], line: dict[str, Any], shipped: Decimal) -> None:
    names = ("ordered", "overshipped", "shipped", "cancelled", "open", "allocated", "backordered", "returned")
    number = {name: Decimal(line[name]) for name in names}
    assert min(number.values()) >= 0, (order["order_no"], line)
    gone = number["shipped"] + number["cancelled"] + number["open"]
    assert number["ordered"] + number["overshipped"] == gone, (order["order_no"], line)
    if order["status"] in {"A", "K"}:
        assert number["open"] == number["allocated"] + number["backordered"], (order["order_no"], line)
    assert number["shipped"] == shipped, (order["order_no"], line)


def _consistent_row(row: dict[str, Any], set_aside: Decimal | None) -> None:
    names = ("on_hand", "shipped", "damaged", "start", "replenished", "returned", "allocated")
    number = {name: Decimal(row[name]) for name in names}
    out = number["on_hand"] + number["shipped"] + number["damaged"]
    assert out == number["start"] + number["replenished"] + number["returned"], row
    assert number["allocated"] <= max(number["on_hand"], Decimal(0)), row
    if set_aside is not None:
        assert (number["allocated"] > 0) == (set_aside > 0), row
