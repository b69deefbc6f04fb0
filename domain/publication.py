"""What the gateway states in Salesforce about an order and its invoices, and what came of saying it."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.freshness import Confidence
from domain.links import LinkKind
from domain.money import Money, Quantity


class OrderLineStatement(BaseModel):
    """How far one order line is (`OrderItem`), in the unit of the line; None leaves a number as it stands there.

    `external_id` is the record's id: order lines have no key of ours by which Salesforce could find them.
    """

    model_config = ConfigDict(frozen=True)

    line_no: int
    external_id: str | None
    shipped: Quantity | None
    backordered: Quantity | None
    invoiced: Quantity | None

    @property
    def is_blank(self) -> bool:
        """Whether nothing has happened to the line yet."""
        return not (self.shipped or self.backordered or self.invoiced)


class OrderStatement(BaseModel):
    """The gateway's words on a Salesforce order, keyed by `ERP_Order_Id__c`; no `status` takes the last one back.

    Amounts that are None stay as they are there. `lines` are compared and said one by one.
    """

    model_config = ConfigDict(frozen=True)

    order_number: str
    status: str | None
    message: str = ""
    invoiced_amount: Money | None = None
    open_amount: Money | None = None
    lines: tuple[OrderLineStatement, ...] = ()


class InvoiceStatement(BaseModel):
    """An invoice as Salesforce shows it (`Invoice__c`), keyed by `Invoice_Key__c`: shipment number and generation."""

    model_config = ConfigDict(frozen=True)

    invoice_key: str
    order_number: str | None
    doc_number: str
    status: str
    total: Money
    balance: Money
    invoiced_on: date
    quickbooks_id: str


class OrderEvent(BaseModel):
    """One thing that happened to an order (`Order_Event__c`), keyed by `Event_Key__c`; said once and never changed."""

    model_config = ConfigDict(frozen=True)

    event_key: str
    order_number: str
    type: str
    occurred_at: AwareDatetime
    source: str
    note: str = ""


OrderPart = OrderStatement | OrderLineStatement | InvoiceStatement | OrderEvent


class OrderUnit(BaseModel):
    """What is said of one order at once: Salesforce shows all of it or, while something is wrong, none of it yet."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    parts: tuple[OrderPart, ...]


class AccountStatement(BaseModel):
    """What a customer owes and whether the ERP holds their orders (`Account`); None leaves a field as it stands."""

    model_config = ConfigDict(frozen=True)

    customer_number: str
    open_balance: Money | None = None
    credit_hold: bool | None = None


class MasterStatement(BaseModel):
    """What waits for a person about a customer or an item, on a record of it (feature G-I3); empty takes it back."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    key: str
    external_id: str
    message: str


class StockStatement(BaseModel):
    """What a rep may promise of one item in one warehouse (`Inventory_Level__c`), keyed by SKU, a bar, warehouse.

    Base units. `available` None: nothing may be promised, and Salesforce shows no number. `as_of_at` and `sequence` are
    those of the ERP's export that it stands on.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    sku: str
    warehouse: str
    on_hand: Quantity
    allocated: Quantity
    available: Quantity | None
    as_of_at: AwareDatetime | None
    sequence: int | None
    confidence: Confidence
    basis: str


class ItemStatement(BaseModel):
    """What can be promised of an item over all warehouses (`Product2.Available_Qty__c`); None clears the number."""

    model_config = ConfigDict(frozen=True)

    sku: str
    available: Quantity | None


class StatementOutcome(BaseModel):
    """What Salesforce answered for one row: a row can fail in a call that succeeded."""

    model_config = ConfigDict(frozen=True)

    key: str
    accepted: bool
    external_id: str | None = None
    created: bool = False
    reason: str | None = None
    detail: str | None = None
    retryable: bool = False
