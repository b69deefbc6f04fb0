"""Returned goods: what the ERP says came back, and in which state."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Quantity


class ReturnCondition(StrEnum):
    """What becomes of the goods: back into sellable stock, or written off."""

    RESTOCK = "restock"
    DAMAGED = "damaged"


class ReturnReceipt(BaseModel):
    """One line of a return that the warehouse has received (case O12); `quantity` in the unit of the shipment's line.

    `line_no` is the order's line as it was shipped: an RMA, a shipment and its line name a receipt. A later statement
    of the same one corrects it; zero takes it back.
    """

    model_config = ConfigDict(frozen=True)

    rma: str
    order_number: str
    shipment_number: str
    line_no: int
    sku: str
    quantity: Quantity
    uom: str
    condition: ReturnCondition
    received_on: date
