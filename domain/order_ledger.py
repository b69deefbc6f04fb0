"""The ledger of an order: its lines summed, how far it is, and what of it is money still to come."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.line_facts import LineFacts, LineShipped
from domain.line_ledger import LineLedger, check, derive
from domain.money import line_amount


class Progress(StrEnum):
    """How far something is: the values of the observations that speak of shipments, invoices and returns."""

    NONE = "none"
    PART = "part"
    WHOLE = "whole"


class OrderLedger(BaseModel):
    """All lines of one order, by line number. Amounts are in company currency at the order's prices, without tax."""

    model_config = ConfigDict(frozen=True)

    lines: tuple[LineLedger, ...]

    @property
    def is_settled(self) -> bool:
        """True when no line has anything open or backordered."""
        return all(one.is_settled for one in self.lines)

    @property
    def allocated(self) -> Progress:
        """How much of what is to come the ERP keeps; whole also when nothing is to come."""
        if all(one.allocated == one.open and not one.backordered for one in self.lines):
            return Progress.WHOLE
        return Progress.PART if any(one.allocated for one in self.lines) else Progress.NONE

    @property
    def shipped(self) -> Progress:
        """Whole when something shipped and nothing more is to come: what was cancelled is not missed (cases O1, O9)."""
        return _progress(done=any(one.shipped for one in self.lines), all_done=self.is_settled)

    @property
    def invoiced(self) -> Progress:
        """Whole when all that shipped, and all that will, is billed; free lines are billed like others (case O16)."""
        all_done = self.is_settled and all(not one.unbilled for one in self.lines)
        return _progress(done=any(one.billed for one in self.lines), all_done=all_done)

    @property
    def returned(self) -> Progress:
        """Whole when everything that shipped came back and nothing more is to come."""
        all_done = self.is_settled and all(one.returned == one.shipped for one in self.lines)
        return _progress(done=any(one.returned for one in self.lines), all_done=all_done)

    @property
    def open_amount(self) -> Decimal:
        """What is still to be shipped, backorders included: one part of a customer's exposure (case O17)."""
        return _money((one.open + one.backordered, one) for one in self.lines)

    @property
    def unbilled_amount(self) -> Decimal:
        """What has shipped and is to be billed yet: another part of the exposure (case O17)."""
        return _money((one.unbilled, one) for one in self.lines)

    @property
    def credit_due_amount(self) -> Decimal:
        """What is billed and was returned, or never shipped, and is not credited yet (cases F9, O12)."""
        return _money((one.credit_due, one) for one in self.lines)


def derive_order(facts: Iterable[LineFacts]) -> OrderLedger:
    """The ledgers of an order's lines; a line number that is given twice is a ValueError."""
    lines = sorted((derive(one) for one in facts), key=lambda one: one.line_no)
    numbers = [one.line_no for one in lines]
    if len(set(numbers)) < len(numbers):
        raise ValueError("an order line has one set of facts")
    return OrderLedger(lines=tuple(lines))


def check_order(ledger: OrderLedger) -> tuple[str, ...]:
    """The invariants that any line violates, in words."""
    return tuple(said for one in ledger.lines for said in check(one))


def shipment_progress(facts: Iterable[LineFacts]) -> dict[str, Progress]:
    """What each shipment made of the order, by the part of its reference before `#`: the last one makes it whole.

    Shipments count in the order in which they left, whatever became known first; one that made nothing leave is none.
    """
    known = list(facts)
    starts: dict[str, tuple[object, ...]] = {}
    for one in (shipped for line in known for shipped in line.shipped):
        place = (one.shipped_at, document_of(one))
        starts[document_of(one)] = min(starts.get(document_of(one), place), place)
    found: dict[str, Progress] = {}
    left: set[str] = set()
    for number in sorted(starts, key=lambda one: starts[one]):
        left.add(number)
        moved = any(one.quantity > 0 for line in known for one in line.shipped if document_of(one) == number)
        so_far = derive_order(_until(line, left) for line in known).shipped
        found[number] = so_far if moved else Progress.NONE
    return found


def document_of(one: LineShipped) -> str:
    """The shipment that a line stands in: its reference up to `#`."""
    return one.reference.split("#", 1)[0]


def _until(line: LineFacts, shipments: set[str]) -> LineFacts:
    shipped = tuple(one for one in line.shipped if document_of(one) in shipments)
    return line.model_copy(update={"shipped": shipped})


def _progress(*, done: bool, all_done: bool) -> Progress:
    if not done:
        return Progress.NONE
    return Progress.WHOLE if all_done else Progress.PART


def _money(quantities: Iterable[tuple[Decimal, LineLedger]]) -> Decimal:
    return sum((line_amount(quantity, line.unit_price) for quantity, line in quantities), Decimal(0))
