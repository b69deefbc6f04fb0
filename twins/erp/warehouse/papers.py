"""The papers of the house: orders, shipments and returns, kept so that a restart loses none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from twins.erp.acknowledgements import Return
from twins.erp.records import plain
from twins.erp.requests import CannotExport
from twins.erp.shipments import Shipment, ShippedLine
from twins.erp.warehouse.orders import ZERO, HouseOrder, order_from_json, order_to_json
from twins.web import Database, load_json

OPEN, CLOSED, SHIPMENT, RETURN, PLAN = (
    f"warehouse {kind}" for kind in ("order", "closed order", "shipment", "return", "plan")
)
Document = dict[str, Any]


class NotPossible(CannotExport):
    """What is asked of the warehouse cannot be done as things stand; the message says why."""


@dataclass(slots=True)
class SentLine:
    """A shipped line; `parts` is how many base units of which item one unit of it takes from stock."""

    line: int
    sku: str
    ordered: Decimal
    shipped: Decimal
    uom: str
    unit_price: Decimal
    parts: dict[str, Decimal]
    lot: str = ""
    reason: str = ""
    returned: Decimal = ZERO


@dataclass(slots=True)
class Sent:
    """A shipment; `told` is the revision that a file has confirmed, `files` are the sequences of those files."""

    shipment_no: str
    order_no: str
    customer_erp_no: str
    po_no: str
    warehouse: str
    shipped_at: datetime
    carrier: str
    tracking: str
    freight: Decimal
    lines: list[SentLine]
    drop_ship: bool = False
    revision: int = 1
    told: int = 0
    files: list[int] = field(default_factory=list)

    def line(self, number: int) -> SentLine:
        """The line of this number; `NotPossible` when the shipment has none."""
        for line in self.lines:
            if line.line == number:
                return line
        raise NotPossible(f"shipment {self.shipment_no} has no line {number}")

    @property
    def reversed(self) -> bool:
        """True once it was taken back whole."""
        return self.revision > 1 and not any(line.shipped for line in self.lines)

    def confirmation(self) -> Shipment:
        """The shipment as a file confirms it."""
        again = f"{self.files[-1]:06d}" if self.files else ""
        lines = tuple(
            ShippedLine(
                line.line, line.sku, line.ordered, line.shipped, line.uom, line.unit_price, line.lot, line.reason
            )
            for line in self.lines
        )
        return Shipment(
            self.shipment_no, self.order_no, self.customer_erp_no, self.po_no, self.warehouse, self.shipped_at,
            self.carrier, self.tracking, self.freight, lines, trouble="correction" if again else "", earlier=again,
        )  # fmt: skip


class Papers:
    """Orders, shipments and returns by their numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def order(self, order_no: str) -> HouseOrder | None:
        """The order, open or closed, or None."""
        document = self._database.get(OPEN, order_no) or self._database.get(CLOSED, order_no)
        return order_from_json(document) if document else None

    def known_order(self, order_no: str) -> HouseOrder:
        """The order; `NotPossible` when there is none."""
        order = self.order(order_no)
        if order is None:
            raise NotPossible(f"the warehouse knows no order {order_no}")
        return order

    def keep(self, order: HouseOrder) -> None:
        """Keep the order as it is now; the ones that are kept first come first."""
        self._database.delete(CLOSED, order.order_no)
        self._database.put(OPEN, order.order_no, order_to_json(order))

    def file_away(self, order: HouseOrder) -> None:
        """Keep an order that was told of: a closed one among those of which nothing more is expected."""
        if not order.closed:
            self.keep(order)
            return
        self._database.delete(OPEN, order.order_no)
        self._database.put(CLOSED, order.order_no, order_to_json(order))

    def open_orders(self) -> list[HouseOrder]:
        """The orders of which something is expected or is still to be told, the oldest first."""
        return [order_from_json(document) for document in self._database.all(OPEN)]

    def orders(self) -> list[Document]:
        """All orders as documents, by number."""
        return sorted(self._database.all(CLOSED) + self._database.all(OPEN), key=lambda order: str(order["order_no"]))

    def plan(self, order_no: str, ways: list[str]) -> None:
        """Remember what is to happen to an order that may not be here yet."""
        self._database.put(PLAN, order_no, {"ways": ways})

    def take_plan(self, order_no: str) -> list[str]:
        """What was planned for an order before it came."""
        plan = self._database.get(PLAN, order_no)
        self._database.delete(PLAN, order_no)
        return list(plan["ways"]) if plan else []

    def shipment(self, shipment_no: str) -> Sent:
        """The shipment; `NotPossible` when there is none."""
        document = self._database.get(SHIPMENT, shipment_no)
        if document is None:
            raise NotPossible(f"the warehouse knows no shipment {shipment_no}")
        return _sent_from_json(document)

    def keep_shipment(self, sent: Sent) -> None:
        """Keep the shipment as it is now."""
        self._database.put(SHIPMENT, sent.shipment_no, _sent_to_json(sent))

    def untold_shipments(self) -> list[Sent]:
        """The shipments that no file has confirmed in their present form."""
        news = "json_extract(body, '$.told') < json_extract(body, '$.revision')"
        return [_sent_from_json(document) for document in self._where(SHIPMENT, news)]

    def shipments(self) -> list[Document]:
        """All shipments as documents, in their order."""
        return self._database.all(SHIPMENT)

    def keep_return(self, goods: Return, told: str = "") -> None:
        """Keep a receipt; `told` is the file that told of it."""
        self._database.put(RETURN, goods.rma, _return_to_json(goods) | {"told": told})

    def untold_returns(self) -> list[Return]:
        """The receipts that no file has told of."""
        return [_return_from_json(document) for document in self._where(RETURN, "json_extract(body, '$.told') = ''")]

    def returns(self) -> list[Document]:
        """All receipts as documents, in their order."""
        return self._database.all(RETURN)

    def _where(self, kind: str, condition: str) -> list[Document]:
        sql = f"SELECT body FROM document WHERE kind = ? AND {condition} ORDER BY place"  # noqa: S608 - conditions of this class
        return [load_json(body) for (body,) in self._database.execute(sql, kind)]


def _sent_to_json(sent: Sent) -> Document:
    return {
        "shipment_no": sent.shipment_no,
        "order_no": sent.order_no,
        "customer_erp_no": sent.customer_erp_no,
        "po_no": sent.po_no,
        "warehouse": sent.warehouse,
        "shipped_at": sent.shipped_at.astimezone(UTC).isoformat(),
        "carrier": sent.carrier,
        "tracking": sent.tracking,
        "freight": plain(sent.freight),
        "drop_ship": sent.drop_ship,
        "reversed": sent.reversed,
        "revision": sent.revision,
        "told": sent.told,
        "files": sent.files,
        "lines": [_sent_line_to_json(line) for line in sent.lines],
    }


def _sent_line_to_json(line: SentLine) -> Document:
    return {
        "line": line.line,
        "sku": line.sku,
        "ordered": plain(line.ordered),
        "shipped": plain(line.shipped),
        "returned": plain(line.returned),
        "uom": line.uom,
        "unit_price": f"{line.unit_price:.4f}",
        "lot": line.lot,
        "reason": line.reason,
        "parts": {sku: plain(quantity) for sku, quantity in line.parts.items()},
    }


def _sent_from_json(document: Mapping[str, Any]) -> Sent:
    values = {name: value for name, value in document.items() if name != "reversed"}
    typed = {
        "shipped_at": datetime.fromisoformat(document["shipped_at"]),
        "freight": Decimal(document["freight"]),
        "lines": [_sent_line_from_json(line) for line in document["lines"]],
    }
    return Sent(**{**values, **typed})


def _sent_line_from_json(document: Mapping[str, Any]) -> SentLine:
    numbers = {name: Decimal(document[name]) for name in ("ordered", "shipped", "returned", "unit_price")}
    parts = {sku: Decimal(quantity) for sku, quantity in document["parts"].items()}
    return SentLine(**{**document, **numbers, "parts": parts})


def _return_to_json(goods: Return) -> Document:
    return {
        "rma": goods.rma,
        "order_no": goods.order_no,
        "shipment_no": goods.shipment_no,
        "line": goods.line,
        "sku": goods.sku,
        "quantity": plain(goods.quantity),
        "uom": goods.uom,
        "condition": goods.condition,
        "received_on": goods.received_on.isoformat(),
    }


def _return_from_json(document: Mapping[str, Any]) -> Return:
    values = {name: value for name, value in document.items() if name != "told"}
    typed = {"quantity": Decimal(document["quantity"]), "received_on": date.fromisoformat(document["received_on"])}
    return Return(**{**values, **typed})
