"""Invoices: the draft that a shipment turns into, what QuickBooks says it booked, and the deterministic identities."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.document_content import Content, ContentLine, DocumentState
from domain.money import Money, Quantity

DOC_NUMBER_LIMIT = 21  # QuickBooks refuses longer ones with code 2050
REQUEST_ID_LIMIT = 36  # 50 for a single request, 36 for a batch: the smaller one fits both


class LineKind(StrEnum):
    """Why a line is on an invoice."""

    GOODS = "goods"
    FREIGHT = "freight"


class IntentState(StrEnum):
    """How far an intent is: the outcome of a call has three values, booked, refused and uncertain."""

    INTENDED = "intended"
    UNCERTAIN = "uncertain"
    BOOKED = "booked"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class IntentRole(StrEnum):
    """What an invoice is to its shipment: the one that bills it, or a further one for what was corrected upwards."""

    SHIPMENT = "shipment"
    SUPPLEMENT = "supplement"


class InvoiceStatus(StrEnum):
    """The state of a canonical invoice; QuickBooks itself has no draft state (case E1)."""

    DRAFTED = "drafted"
    RELEASED = "released"
    EDITED = "edited"
    VOIDED = "voided"
    DELETED = "deleted"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"


REMOVED = frozenset({InvoiceStatus.VOIDED, InvoiceStatus.DELETED})  # these bill nothing


class InvoiceLine(BaseModel):
    """One billed line. `quantity` and `unit_price` are per `uom`; `amount` is the product, rounded half up (E4)."""

    model_config = ConfigDict(frozen=True)

    line_no: int
    kind: LineKind = LineKind.GOODS
    sku: str
    description: str
    quantity: Quantity
    uom: str
    unit_price: Money
    amount: Money
    taxable: bool
    shipment_line_no: int | None = None


class InvoiceDraft(BaseModel):
    """A shipment priced and ready to bill, in canonical words only.

    A supplement bills what was corrected upwards; `proposal` is the digest of the decision behind it.
    """

    model_config = ConfigDict(frozen=True)

    shipment_number: str
    generation: int
    doc_number: str
    request_id: str
    order_number: str
    customer_number: str
    terms_code: str | None
    purchase_order: str | None
    shipped_on: date
    invoiced_on: date
    due_on: date
    carrier: str | None
    tracking: str | None
    lines: tuple[InvoiceLine, ...]
    total: Money
    role: IntentRole = IntentRole.SHIPMENT
    note: str = ""
    proposal: str = ""


class VendorRefs(BaseModel):
    """The QuickBooks ids that a draft needs, taken from confirmed links."""

    model_config = ConfigDict(frozen=True)

    customer_id: str
    terms_id: str | None
    item_ids: dict[str, str]


class BookedInvoice(BaseModel):
    """An invoice as QuickBooks holds it, reduced to what the gateway decides on.

    `sent`: it was mailed or is about to be. `applied`: a payment or a credit stands against it, so that QuickBooks
    refuses to void it. `voided`: it is nothing any more.
    """

    model_config = ConfigDict(frozen=True)

    external_id: str
    doc_number: str | None
    sync_token: str
    customer_id: str
    total: Money
    tax: Money = Decimal(0)
    balance: Money
    note: str = ""
    invoiced_on: date | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    sent: bool = False
    applied: bool = False
    voided: bool = False
    content: Content | None = None

    @property
    def state(self) -> DocumentState | None:
        """What decides whether it changed; None where its content was not read."""
        if self.content is None:
            return None
        return DocumentState(content=self.content, balance=self.balance, sent=self.sent, voided=self.voided)

    @property
    def status(self) -> InvoiceStatus:
        """Where it stands: what is paid says more than whether it was sent (case E18)."""
        if self.voided:
            return InvoiceStatus.VOIDED
        if self.total > 0 and self.balance <= 0:
            return InvoiceStatus.PAID
        if self.balance < self.total:
            return InvoiceStatus.PARTLY_PAID
        return InvoiceStatus.RELEASED if self.sent else InvoiceStatus.DRAFTED


def meant_content(draft: InvoiceDraft, refs: VendorRefs, doc_number: str | None, tax: Money) -> Content:
    """What a draft was to come to in QuickBooks, for one that was booked before versions were kept."""
    lines = tuple(
        ContentLine(
            item_id=refs.item_ids.get(line.sku),
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
        )
        for line in draft.lines
    )
    return Content(
        customer_id=refs.customer_id,
        doc_number=doc_number,
        dated=draft.invoiced_on,
        due_on=draft.due_on,
        lines=lines,
        tax=tax,
        total=draft.total + tax,
        marked=True,
    )


def request_id_for(realm: str, shipment_number: str, generation: int) -> str:
    """The idempotency key of one intent: a function of the business key alone, never of an attempt (feature G-E3)."""
    digest = hashlib.sha256(f"{realm}|invoice|{shipment_number}|{generation}".encode()).hexdigest()
    return f"tw-{digest[:32]}"


def marker_for(shipment_number: str, generation: int) -> str:
    """The words that say in QuickBooks whose invoice this is; the last rung of the probe looks for them."""
    return f"threeway:{shipment_number}:{generation}"


def carries_marker(note: str, marker: str) -> bool:
    """True when a note holds our marker whole: `threeway:S1:1` is not in `threeway:S1:12`."""
    return re.search(re.escape(marker) + r"(?![\w:])", note) is not None


def doc_number_for(shipment_number: str, generation: int) -> str:
    """The invoice number: the shipment's, with `-2` and up for later generations; a long one keeps a digest's end."""
    return suffixed(shipment_number, "" if generation == 1 else f"-{generation}")


def supplement_number_for(shipment_number: str, generation: int) -> str:
    """The number of a further invoice of a shipment that bills what was corrected upwards: `-S2` and up."""
    return suffixed(shipment_number, f"-S{generation}")


def suffixed(shipment_number: str, suffix: str) -> str:
    """A document number of at most 21 characters: the shipment's, cut to a digest where there is no room for it."""
    room = DOC_NUMBER_LIMIT - len(suffix)
    if len(shipment_number) <= room:
        return shipment_number + suffix
    digest = hashlib.sha256(shipment_number.encode()).hexdigest()[:6].upper()
    return f"{shipment_number[: room - 7]}~{digest}{suffix}"
