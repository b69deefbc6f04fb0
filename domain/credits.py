"""Credits: what is given back of what was invoiced, what QuickBooks says it booked, and the identities."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.document_content import Content, DocumentState
from domain.invoices import suffixed
from domain.money import Money, Quantity


class CreditKind(StrEnum):
    """How something invoiced is taken back: a document, the invoice itself made nothing, or by a person elsewhere."""

    CREDIT_MEMO = "credit_memo"
    VOID = "void"
    SETTLED = "settled"  # a person said that it was settled elsewhere, or shall stay as it is


class CreditReason(StrEnum):
    """Why a line is credited."""

    CORRECTION = "correction"
    RETURN = "return"
    RETURN_DAMAGED = "return_damaged"
    RESTOCKING = "restocking"  # the fee: it makes the credit smaller


class CreditLine(BaseModel):
    """One credited line, in the unit and at the price at which it was billed.

    The quantity of a settled line is negative where a person left goods unbilled; that of a fee always is.
    """

    model_config = ConfigDict(frozen=True)

    line_no: int
    reason: CreditReason
    sku: str
    description: str
    quantity: Quantity
    uom: str
    unit_price: Money
    amount: Money
    taxable: bool
    shipment_line_no: int | None = None
    rma: str | None = None


class CreditDraft(BaseModel):
    """A credit memo, or the voiding of an invoice, ready to be asked for; in canonical words only.

    `invoice_id` and `invoice_generation` name the invoice that is voided; a credit memo has none, only the numbers of
    the invoices that it corrects (`invoices`). `proposal` is the digest of the decision behind it.
    """

    model_config = ConfigDict(frozen=True)

    kind: CreditKind
    shipment_number: str
    generation: int
    doc_number: str
    request_id: str
    order_number: str
    customer_number: str
    credited_on: date
    invoices: tuple[str, ...]
    lines: tuple[CreditLine, ...]
    total: Money
    note: str = ""
    proposal: str = ""
    invoice_id: str | None = None
    invoice_generation: int | None = None


class BookedCredit(BaseModel):
    """A credit memo as QuickBooks holds it; of a void, the invoice that is nothing now (`total` is what it was)."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    doc_number: str | None
    sync_token: str
    customer_id: str
    total: Money
    tax: Money = Decimal(0)
    remaining: Money = Decimal(0)
    note: str = ""
    credited_on: date | None = None
    updated_at: datetime | None = None
    sent: bool = False
    voided: bool = False
    content: Content | None = None

    @property
    def state(self) -> DocumentState | None:
        """What decides whether it changed; None where its content was not read."""
        if self.content is None:
            return None
        return DocumentState(content=self.content, balance=self.remaining, sent=self.sent, voided=self.voided)


class Credit(BaseModel):
    """A canonical credit, with its lines. `decided_by` is the person behind a settled one."""

    model_config = ConfigDict(frozen=True)

    kind: CreditKind
    shipment_number: str
    generation: int
    order_number: str
    customer_number: str
    doc_number: str | None
    quickbooks_id: str | None
    total: Money
    remaining: Money
    credited_on: date
    booked_at: datetime
    decided_by: str | None = None
    lines: tuple[CreditLine, ...] = ()


def credit_request_id(realm: str, shipment_number: str, generation: int, kind: CreditKind) -> str:
    """The idempotency key of one credit: a function of the business key alone, never of an attempt (feature G-E3)."""
    digest = hashlib.sha256(f"{realm}|{kind.value}|{shipment_number}|{generation}".encode()).hexdigest()
    return f"tw-{digest[:32]}"


def credit_marker(shipment_number: str, generation: int) -> str:
    """The words that say in QuickBooks whose credit memo this is."""
    return f"threeway:{shipment_number}:C{generation}"


def credit_number(shipment_number: str, generation: int) -> str:
    """The credit memo's number: the shipment's with `-C1` and up; a long one keeps a digest's end."""
    return suffixed(shipment_number, f"-C{generation}")
