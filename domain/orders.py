"""Orders as Salesforce states them: enough to match a shipment; the lifecycle builds on it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from domain.money import Money, Quantity


class OrderLine(BaseModel):
    """One ordered line; `unit_price` is per `uom`."""

    model_config = ConfigDict(frozen=True)

    line_no: int
    sku: str
    quantity: Quantity
    uom: str
    unit_price: Money
    external_id: str | None = None


class Order(BaseModel):
    """An order with its lines. `number` is the one the ERP knows; `status` is Salesforce's own word.

    `version_at` is the Salesforce `SystemModstamp`; `deleted` is true when the record lies in the recycle bin.
    """

    model_config = ConfigDict(frozen=True)

    number: str
    customer_number: str | None
    purchase_order: str | None = None
    ordered_on: date | None = None
    status: str
    active: bool
    external_id: str
    version_at: datetime
    deleted: bool = False
    lines: tuple[OrderLine, ...] = ()
