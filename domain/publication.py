"""What the gateway states in Salesforce about an order and its invoices, and what came of saying it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from domain.money import Money


class OrderStatement(BaseModel):
    """The gateway's words on a Salesforce order, keyed by `ERP_Order_Id__c`."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    status: str
    message: str = ""
    invoiced_amount: Money | None = None


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
    """One thing that happened to an order (`Order_Event__c`), keyed by `Event_Key__c`."""

    model_config = ConfigDict(frozen=True)

    event_key: str
    order_number: str
    type: str
    occurred_at: datetime
    source: str
    note: str = ""


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
