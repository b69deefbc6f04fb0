"""Order acknowledgements: what the ERP says about an order that was sent to it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Quantity


class AcknowledgementStatus(StrEnum):
    """Where an order stands in the ERP."""

    ACCEPTED = "accepted"
    CREDIT_HOLD = "credit_hold"
    REJECTED = "rejected"
    PICKING = "picking"
    CANCELLED = "cancelled"


class AcknowledgedLine(BaseModel):
    """One line of an accepted order: quantities in the unit that was ordered; `promise_on` when the ERP names a day."""

    model_config = ConfigDict(frozen=True)

    line_no: int
    sku: str
    allocated: Quantity
    backordered: Quantity
    promise_on: date | None = None


class OrderAcknowledgement(BaseModel):
    """What one acknowledgement file says of one order. Only accepted orders have lines.

    The file's `created_at` is the watermark: up to that instant the ERP had seen orders (case I4).
    """

    model_config = ConfigDict(frozen=True)

    order_number: str
    status: AcknowledgementStatus
    reason: str | None = None
    lines: tuple[AcknowledgedLine, ...]
