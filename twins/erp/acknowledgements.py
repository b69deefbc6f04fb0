"""ORDACK, what the ERP has made of the orders it has seen, and RTNRCV, the goods that came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from twins.erp.records import encode, local, plain, stated

ACCEPTED = "A"
REASONS = {"A": "", "H": "CREDIT LIMIT", "R": "ITEM DISCONTINUED", "K": "", "C": "CUSTOMER REQUEST"}
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AcknowledgedLine:
    """What is set aside for an order line and what has to come first, by when."""

    line: int
    sku: str
    allocated: Decimal
    backordered: Decimal = Decimal(0)
    promise_on: date | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ERP's word on an order: A accepted, H credit hold, R rejected, K picking, C cancelled.

    Without a `reason` of its own the status has its usual one.
    """

    order_no: str
    status: str
    lines: tuple[AcknowledgedLine, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """Goods received back; `condition` is `RESTOCK` or `DAMAGED`."""

    rma: str
    order_no: str
    shipment_no: str
    line: int
    sku: str
    quantity: Decimal
    uom: str
    condition: str
    received_on: date


def write_ordack(sequence: int, created_at: datetime, orders: Sequence[Acknowledgement]) -> bytes:
    """The acknowledgement file; only accepted orders have lines."""
    lines = [_header("ORDACK", sequence, created_at)]
    for order in orders:
        reason = REASONS[order.status] if order.reason is None else order.reason
        lines.append(f"ACK|{order.order_no}|{order.status}|{reason}")
        lines += [_acknowledged(order.order_no, line) for line in order.lines]
    return encode([*lines, f"END|{len(lines) + 1}"])


def ordack_truth(sequence: int, created_at: datetime, orders: Sequence[Acknowledgement]) -> Document:
    """What the acknowledgement file says."""
    return {
        "sequence": sequence,
        "created_at": stated(created_at),
        "records": 2 + len(orders) + sum(len(order.lines) for order in orders),
        "orders": [_told_order(order) for order in orders],
    }


def write_rtnrcv(sequence: int, created_at: datetime, returns: Sequence[Return]) -> bytes:
    """The returns file."""
    lines = [_header("RTNRCV", sequence, created_at), *(_returned(goods) for goods in returns)]
    return encode([*lines, f"END|{len(lines) + 1}"])


def rtnrcv_truth(sequence: int, created_at: datetime, returns: Sequence[Return]) -> Document:
    """What the returns file says."""
    return {
        "sequence": sequence,
        "created_at": stated(created_at),
        "records": 2 + len(returns),
        "returns": [_told_return(goods) for goods in returns],
    }


def _header(export: str, sequence: int, created_at: datetime) -> str:
    return f"HDR|{export}|{sequence:06d}|{local(created_at):%Y-%m-%d %H:%M:%S}"


def _acknowledged(order_no: str, line: AcknowledgedLine) -> str:
    promise = f"{line.promise_on:%m/%d/%Y}" if line.promise_on else ""
    return f"LIN|{order_no}|{line.line:04d}|{line.sku}|{plain(line.allocated)}|{plain(line.backordered)}|{promise}"


def _told_order(order: Acknowledgement) -> Document:
    reason = {} if order.reason is None else {"reason": order.reason}
    lines = [_told_line(line) for line in order.lines]
    return {"order_no": order.order_no, "status": order.status, **reason, "lines": lines}


def _told_line(line: AcknowledgedLine) -> Document:
    return {
        "line": line.line,
        "allocated": plain(line.allocated),
        "backordered": plain(line.backordered),
        "promise_on": line.promise_on.isoformat() if line.promise_on else None,
    }


def _returned(goods: Return) -> str:
    return (
        f"RTN|{goods.rma}|{goods.order_no}|{goods.shipment_no}|{goods.line:04d}|{goods.sku}|{plain(goods.quantity)}"
        f"|{goods.uom}|{goods.condition}|{goods.received_on:%m/%d/%Y}"
    )


def _told_return(goods: Return) -> Document:
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
