"""An order with all that the three systems have said of it: what its state and its ledger are derived from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.acknowledgements import AcknowledgementStatus, OrderAcknowledgement
from domain.invoices import InvoiceStatus
from domain.items import Item
from domain.line_facts import rounded
from domain.money import Money, Quantity
from domain.observations import Observation
from domain.order_messages import OrderMessage
from domain.orders import Order, OrderLine
from domain.returns import ReturnReceipt
from domain.shipments import Shipment


class Fact(BaseModel):
    """Something that bears on an order: frozen, as all of the canonical language."""

    model_config = ConfigDict(frozen=True)


class ErpWord(Fact):
    """What one acknowledgement file said of the order, and up to when the ERP had seen orders (case I4)."""

    said: OrderAcknowledgement
    cut_at: AwareDatetime
    sequence: int
    source: str


class MovedLine(Fact):
    """So much of an order line, in a document's own unit."""

    line_no: int
    sku: str
    quantity: Quantity
    uom: str


class BilledInvoice(Fact):
    """An invoice of one of the order's shipments, with the lines that bill goods."""

    key: str
    shipment_number: str
    doc_number: str
    status: InvoiceStatus
    total: Money
    balance: Money
    booked_at: AwareDatetime
    changed_at: AwareDatetime
    lines: tuple[MovedLine, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it bills anything: a voided or deleted invoice does not."""
        return self.status not in {InvoiceStatus.VOIDED, InvoiceStatus.DELETED}


class PostedCredit(Fact):
    """A credit memo that takes back part of what was billed."""

    key: str
    doc_number: str
    total: Money
    posted_at: AwareDatetime
    lines: tuple[MovedLine, ...] = ()


class SentMessage(Fact):
    """What the ERP was told of the order; `sent_at` None while it waits to be written into a file.

    `refused`: it does not fit into a file as it is, which is work for a person.
    """

    message: OrderMessage
    added_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    sequence: int | None = None
    refused: bool = False

    @property
    def waits(self) -> bool:
        """Whether a file has still to be written for it."""
        return self.sent_at is None and not self.refused


class OrderCase(Fact):
    """One order and everything that bears on it.

    `lasting` are observations that do not follow from the rest: what Salesforce showed once, what a person said.
    `stated_at`: when the ERP stated each shipment as it is now, `returned_at` each return, by its RMA. `decided`:
    shipments whose billing is over by their newest statement: what of them is not billed never will be. `baseline` is
    what the ERP is taken to know of an order that it had before the gateway did.
    """

    order: Order
    items: Mapping[str, Item] = {}
    said: tuple[ErpWord, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    stated_at: Mapping[str, AwareDatetime] = {}
    returned_at: Mapping[str, AwareDatetime] = {}
    decided: frozenset[str] = frozenset()
    invoices: tuple[BilledInvoice, ...] = ()
    returns: tuple[ReturnReceipt, ...] = ()
    credits: tuple[PostedCredit, ...] = ()
    messages: tuple[SentMessage, ...] = ()
    lasting: tuple[Observation, ...] = ()
    born_here: bool = False
    born_at: datetime | None = None
    baseline: OrderMessage | None = None

    @property
    def number(self) -> str:
        """The number that the ERP knows."""
        return self.order.number

    @property
    def newest_word(self) -> ErpWord | None:
        """What the ERP said last, by its own time (case F7)."""
        return max(self.said, key=lambda one: (one.cut_at, one.sequence), default=None)

    @property
    def known_to_erp(self) -> bool:
        """Whether the ERP has the order: it said so, something of it left, or the gateway sent it."""
        return bool(self.said or self.shipments or any(one.sent_at for one in self.messages))

    @property
    def cancelled_by_erp(self) -> bool:
        """Whether the ERP's last word is that it will not deliver what is left."""
        word = self.newest_word
        final = {AcknowledgementStatus.CANCELLED, AcknowledgementStatus.REJECTED}
        return word is not None and word.said.status in final

    @property
    def lines(self) -> Mapping[int, OrderLine]:
        """The order's lines by their number."""
        return {line.line_no: line for line in self.order.lines}

    def factor(self, line_no: int, sku: str, uom: str) -> Fraction:
        """How many of an order line's unit one `uom` of a document is (case E3).

        A unit that the item does not know counts as the order's own: matching holds such a shipment.
        """
        line, item = self.lines.get(line_no), self.items.get(sku)
        return (item.convert(uom, line.uom) if item and line else None) or Fraction(1)

    def moved(self, lines: Iterable[MovedLine]) -> dict[int, Decimal]:
        """Quantities by order line, in that line's unit."""
        total: defaultdict[int, Fraction] = defaultdict(Fraction)
        for one in lines:
            total[one.line_no] += Fraction(one.quantity) * self.factor(one.line_no, one.sku, one.uom)
        return {line_no: rounded(quantity) for line_no, quantity in total.items()}

    def shipped(self, line_no: int) -> Decimal:
        """What has left of a line, in the order line's unit, by every shipment's newest statement."""
        moved = [line for shipment in self.shipments for line in shipped_lines(shipment) if line.line_no == line_no]
        return self.moved(moved).get(line_no, Decimal(0))


def shipped_lines(shipment: Shipment) -> list[MovedLine]:
    """What a shipment moved, line by line."""
    return [
        MovedLine(line_no=one.line_no, sku=one.sku, quantity=one.quantity_shipped, uom=one.uom)
        for one in shipment.lines
    ]
