"""An order as the warehouse carries it: what of each line is set aside, picked, shipped, cancelled, returned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any

from twins.erp.records import plain
from twins.erp.world import Order, OrderLine

Document = dict[str, Any]
ZERO = Decimal(0)


class Status(StrEnum):
    """Where an order stands; `SEEN` is told to nobody."""

    SEEN = "S"
    ACCEPTED = "A"
    HELD = "H"
    REJECTED = "R"
    PICKING = "K"
    CANCELLED = "C"


@dataclass(slots=True)
class Line:
    """One line, in its own unit. ordered + overshipped = shipped + cancelled + allocated + picked + backordered."""

    line: int
    sku: str
    uom: str
    unit_price: Decimal
    ordered: Decimal
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO
    allocated: dict[str, Decimal] = field(default_factory=dict)  # by warehouse
    picked: dict[str, Decimal] = field(default_factory=dict)
    awaited: Decimal = ZERO  # what was bought for this line
    promise_on: date | None = None

    @property
    def open(self) -> Decimal:
        """What still is to be shipped."""
        return max(ZERO, self.ordered - self.shipped - self.cancelled)

    @property
    def set_aside(self) -> Decimal:
        """What lies ready, picked or not."""
        return sum(self.allocated.values(), ZERO) + sum(self.picked.values(), ZERO)

    @property
    def in_hand(self) -> Decimal:
        """What is being picked."""
        return sum(self.picked.values(), ZERO)

    @property
    def backordered(self) -> Decimal:
        """What is open and not there."""
        return max(ZERO, self.open - self.set_aside)

    @property
    def overshipped(self) -> Decimal:
        """What was shipped beyond what was ordered."""
        return max(ZERO, self.shipped + self.cancelled - self.ordered)

    @property
    def step(self) -> Decimal:
        """The smallest quantity that is set aside: hose and chain are cut to the quarter foot."""
        return Decimal("0.25") if self.uom == "FT" else Decimal(1)

    def whole(self, quantity: Decimal) -> Decimal:
        """The quantity rounded down to whole steps, never below zero."""
        return max(ZERO, (quantity / self.step).to_integral_value(ROUND_FLOOR) * self.step)

    def cancel_open(self) -> None:
        """Give up what is neither shipped nor being picked; what was set aside must have been released before."""
        self.cancelled += self.open - self.in_hand


@dataclass(slots=True)
class HouseOrder:
    """An order in the house. `told` is the digest of what the last acknowledgement said of it."""

    order_no: str
    customer_erp_no: str
    po_no: str
    ordered_on: date
    warehouse: str
    terms_code: str
    lines: list[Line]
    requested_on: date | None = None
    status: Status = Status.SEEN
    reason: str = ""
    seen_at: str = ""
    cancel_asked: bool = False
    plan: list[str] = field(default_factory=list)
    rounds: int = 0
    told: str = ""

    @property
    def closed(self) -> bool:
        """Nothing will be shipped of it any more, as things stand."""
        return self.status in {Status.REJECTED, Status.CANCELLED} or (
            self.status is Status.ACCEPTED and not any(line.open for line in self.lines)
        )

    @property
    def in_hand(self) -> bool:
        """Something of it is being picked."""
        return any(line.in_hand for line in self.lines)

    def take(self, way: str) -> bool:
        """True once for a way that was planned for this order."""
        if way not in self.plan:
            return False
        self.plan.remove(way)
        return True


def new_line(line: OrderLine) -> Line:
    """A line of which nothing has happened yet."""
    return Line(line.line, line.sku, line.uom, line.unit_price, line.quantity)


def new_order(order: Order, seen_at: str, requested_on: date | None) -> HouseOrder:
    """An order that has just been seen."""
    return HouseOrder(
        order_no=order.order_no,
        customer_erp_no=order.customer_erp_no,
        po_no=order.po_no,
        ordered_on=order.ordered_on,
        warehouse=order.warehouse,
        terms_code=order.terms_code,
        lines=[new_line(line) for line in order.lines],
        requested_on=requested_on,
        seen_at=seen_at,
    )


def saying(order: HouseOrder) -> Document:
    """What an acknowledgement says of the order; its lines only while it is accepted."""
    lines = order.lines if order.status is Status.ACCEPTED else ()
    return {"status": order.status.value, "reason": order.reason, "lines": [_said(line) for line in lines]}


def digest(order: HouseOrder) -> str:
    """A short word for what would be said: another word is news."""
    return hashlib.sha256(json.dumps(saying(order)).encode()).hexdigest()[:16]


def order_to_json(order: HouseOrder) -> Document:
    """The order as it is kept and shown."""
    return {
        "order_no": order.order_no,
        "customer_erp_no": order.customer_erp_no,
        "po_no": order.po_no,
        "ordered_on": order.ordered_on.isoformat(),
        "requested_on": order.requested_on.isoformat() if order.requested_on else None,
        "warehouse": order.warehouse,
        "terms_code": order.terms_code,
        "status": order.status.value,
        "reason": order.reason,
        "seen_at": order.seen_at,
        "cancel_asked": order.cancel_asked,
        "plan": order.plan,
        "rounds": order.rounds,
        "told": order.told,
        "closed": order.closed,
        "lines": [_line_to_json(line) for line in order.lines],
    }


def order_from_json(document: Mapping[str, Any]) -> HouseOrder:
    """The order that `order_to_json` wrote."""
    values = {name: value for name, value in document.items() if name != "closed"}
    requested = document["requested_on"]
    typed = {
        "ordered_on": date.fromisoformat(document["ordered_on"]),
        "requested_on": date.fromisoformat(requested) if requested else None,
        "status": Status(document["status"]),
        "lines": [_line_from_json(line) for line in document["lines"]],
    }
    return HouseOrder(**{**values, **typed})


_NUMBERS = ("ordered", "shipped", "cancelled", "returned", "awaited")
_DERIVED = ("open", "backordered", "overshipped")


def _said(line: Line) -> list[str | int | None]:
    aside, promise = plain(line.set_aside), line.promise_on.isoformat() if line.promise_on else None
    return [line.line, line.sku, aside, plain(line.backordered), promise]


def _line_to_json(line: Line) -> Document:
    return {
        "line": line.line,
        "sku": line.sku,
        "uom": line.uom,
        "unit_price": f"{line.unit_price:.4f}",
        **{name: plain(getattr(line, name)) for name in (*_NUMBERS, *_DERIVED)},
        "allocated": {place: plain(quantity) for place, quantity in line.allocated.items()},
        "picked": {place: plain(quantity) for place, quantity in line.picked.items()},
        "promise_on": line.promise_on.isoformat() if line.promise_on else None,
    }


def _line_from_json(document: Mapping[str, Any]) -> Line:
    return Line(
        line=document["line"],
        sku=document["sku"],
        uom=document["uom"],
        unit_price=Decimal(document["unit_price"]),
        **{name: Decimal(document[name]) for name in _NUMBERS},
        allocated={place: Decimal(quantity) for place, quantity in document["allocated"].items()},
        picked={place: Decimal(quantity) for place, quantity in document["picked"].items()},
        promise_on=date.fromisoformat(document["promise_on"]) if document["promise_on"] else None,
    )
