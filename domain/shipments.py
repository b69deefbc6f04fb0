"""Shipments: what the warehouse confirms has left the building, line by line, and how two statements compare."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Money, Quantity, plain


class LineReason(StrEnum):
    """Why a line shipped less than was ordered (case O5)."""

    BACKORDERED = "backordered"
    SHORT_CLOSED = "short_closed"


class ShipmentLine(BaseModel):
    """One confirmed line: quantities and `unit_price` are per `uom`; the price is the ERP's, not yet what is billed."""

    model_config = ConfigDict(frozen=True)

    line_no: int
    sku: str
    quantity_ordered: Quantity
    quantity_shipped: Quantity
    uom: str
    unit_price: Money
    lot: str | None = None
    reason: LineReason | None = None


class Shipment(BaseModel):
    """A confirmed shipment. `shipped_at` is an instant (aware, UTC); `freight` is in company currency, 0 for none."""

    model_config = ConfigDict(frozen=True)

    number: str
    order_number: str
    customer_number: str
    warehouse: str
    shipped_at: datetime
    carrier: str | None = None
    tracking: str | None = None
    freight: Money
    purchase_order: str | None = None
    lines: tuple[ShipmentLine, ...]


class ShipmentState(StrEnum):
    """Where a shipment stands on its way to an invoice."""

    RECEIVED = "received"
    HELD = "held"
    INTENDED = "intended"
    INVOICED = "invoiced"
    NOT_BILLED = "not_billed"


def content_hash(shipment: Shipment) -> str:
    """The identity of what is stated: two files that state the same shipment alike have the same hash (case F8).

    `4.50` and `4.5` are one number, and an instant is one in every zone.
    """
    return hashlib.sha256(json.dumps(shipment.model_dump(), default=_canonical).encode()).hexdigest()


def billing_hash(shipment: Shipment) -> str:
    """The identity of what is billed: carrier, tracking, purchase order and lots may be filled in later (case F9)."""
    facts = (shipment.order_number, shipment.customer_number, shipment.shipped_at, shipment.freight)
    lines = [
        (line.line_no, line.sku, line.quantity_shipped, line.uom, line.unit_price, line.reason)
        for line in shipment.lines
    ]
    return hashlib.sha256(json.dumps([facts, lines], default=_canonical).encode()).hexdigest()


def _canonical(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value) if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"a shipment holds no {type(value).__name__}")
