"""What follows when invoiced goods are stated otherwise or come back: nothing, a further invoice, a credit, or a void.

Pure: from what is billed and credited, the newest statement, the returns and the policy to the documents that bring the
books in line with them (cases F9, O10 to O12). QuickBooks' own rules are part of it: what is sent, paid, credited or in
a closed period is never voided, and nothing that is booked is ever edited.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.billing import BillingInput
from domain.correction_ledger import Books, InvoiceFacts, Stand, Wanted, wanted
from domain.correction_lines import credit_lines, supplement_lines
from domain.correction_rules import ClosedPeriod, CorrectionPolicy, Way
from domain.credits import Credit, CreditKind, CreditLine
from domain.exceptions import Finding
from domain.invoices import InvoiceLine, InvoiceStatus
from domain.money import Money
from domain.returned import ReturnedGoods
from domain.shipments import Shipment


class CorrectionKind(StrEnum):
    """What brings the books in line; `settled` is what comes to no money and needs no document."""

    SUPPLEMENT = "supplement"
    CREDIT_MEMO = "credit_memo"
    VOID = "void"
    SETTLED = "settled"


class CorrectionInput(BaseModel):
    """The explicit inputs of one decision: given again, they give the same answer (feature G-C8).

    `statement`: billing's inputs by the newest statement. `before`: the statement that was last settled. `invoices` and
    `credits`: everything that was booked for the shipment, oldest first. `closed_until`: the last day of the closed
    books, None for none.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    statement: BillingInput
    before: Shipment
    invoices: tuple[InvoiceFacts, ...]
    credits: tuple[Credit, ...] = ()
    returns: tuple[ReturnedGoods, ...] = ()
    closed_until: date | None = None


class Proposal(BaseModel):
    """One document to make. `digest` is its identity: a person decides on this content and no other.

    `by_hand_because` says why it waits for a person; None where the policy lets it be made by itself. `dated` is its
    day, `note` the words that go with a day which is not the natural one.
    """

    model_config = ConfigDict(frozen=True)

    kind: CorrectionKind
    customer_number: str
    total: Money
    dated: date
    note: str = ""
    bill: tuple[InvoiceLine, ...] = ()
    credit: tuple[CreditLine, ...] = ()
    invoice_generation: int | None = None
    by_hand_because: str | None = None
    digest: str = ""


class CorrectionDecision(BaseModel):
    """The documents that are to be made, what stops them, and what a person should know besides."""

    model_config = ConfigDict(frozen=True)

    policy_version: str
    proposals: tuple[Proposal, ...] = ()
    findings: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    money_at_stake: Money = Decimal(0)

    @property
    def nothing(self) -> bool:
        """Whether the books say what they should, and nobody has to be told anything."""
        return not (self.proposals or self.findings or self.notices)


def correct(given: CorrectionInput) -> CorrectionDecision:
    """Decide what brings the books in line with the newest statement and the returns; pure."""
    policy = given.statement.company.corrections
    books = Books.of(given.invoices, given.credits)
    should = wanted(given.statement, given.before, books, given.returns)
    if should.findings:
        return CorrectionDecision(
            policy_version=policy.version, findings=should.findings, money_at_stake=_at_stake(given)
        )
    proposals = tuple(_named(one, given) for one in _proposals(given, books, should))
    return CorrectionDecision(
        policy_version=policy.version,
        proposals=proposals,
        notices=should.notices,
        money_at_stake=sum((one.total for one in proposals), Decimal(0)),
    )


def _at_stake(given: CorrectionInput) -> Decimal:
    return sum((one.total for one in given.invoices if one.live), Decimal(0))


def _proposals(given: CorrectionInput, books: Books, should: Wanted) -> Iterator[Proposal]:
    voidable = _voidable(given, should)
    instead = list(_credits(given, books, should))
    if voidable is not None:
        yield _void(given, voidable, instead)
        return
    yield from instead
    yield from _supplements(given, books, should)


def _credits(given: CorrectionInput, books: Books, should: Wanted) -> Iterator[Proposal]:
    policy = given.statement.company.corrections
    for customer, lines in credit_lines(books, should, policy, given.statement.company.billing.freight_sku).items():
        total = sum((line.amount for line in lines), Decimal(0))
        kind = CorrectionKind.CREDIT_MEMO if total > 0 else CorrectionKind.SETTLED
        dated, note = _open_day(given.statement.decided_on, given.closed_until)
        waits = None if kind is CorrectionKind.SETTLED else _waits(given, policy.credit_memo, total, moved=bool(note))
        yield Proposal(
            kind=kind,
            customer_number=customer,
            total=max(total, Decimal(0)),
            dated=dated,
            note=note,
            credit=tuple(lines),
            by_hand_because=waits,
        )


def _supplements(given: CorrectionInput, books: Books, should: Wanted) -> Iterator[Proposal]:
    policy, company = given.statement.company.corrections, given.statement.company
    shipment = given.statement.case.shipment
    for customer, lines in supplement_lines(books, should, shipment, company.billing.freight_sku).items():
        shipped_on = company.local_date(shipment.shipped_at)
        natural = shipped_on if company.billing.invoice_date == "ship_date" else given.statement.decided_on
        dated, note = _open_day(natural, given.closed_until)
        total = sum((line.amount for line in lines), Decimal(0))
        yield Proposal(
            kind=CorrectionKind.SUPPLEMENT,
            customer_number=customer,
            total=total,
            dated=dated,
            note=note,
            bill=tuple(lines),
            by_hand_because=_waits(given, policy.supplement, total, moved=bool(note)),
        )


def _voidable(given: CorrectionInput, should: Wanted) -> InvoiceFacts | None:
    """The one invoice of a shipment that was reversed as a whole, where QuickBooks lets it be voided (O11).

    Goods that came back are credited, whatever the invoice's state: a void would deny that they were ever sold.
    """
    live = [one for one in given.invoices if one.live]
    documents = [one for one in given.credits if one.lines]
    if len(live) != 1 or documents or given.returns or not should.is_nothing:
        return None
    (only,) = live
    untouched = only.marked and not only.sent and not only.applied and only.balance == only.total
    in_open_period = given.closed_until is None or only.invoiced_on > given.closed_until
    drafted = only.status is InvoiceStatus.DRAFTED and only.as_meant and only.total > 0
    return only if untouched and in_open_period and drafted else None


def _void(given: CorrectionInput, invoice: InvoiceFacts, instead: Sequence[Proposal]) -> Proposal:
    """Void it; the lines that a credit memo would have come along, should a person prefer one."""
    return Proposal(
        kind=CorrectionKind.VOID,
        customer_number=invoice.customer_number,
        total=invoice.total,
        dated=invoice.invoiced_on,
        credit=tuple(line for one in instead for line in one.credit),
        invoice_generation=invoice.generation,
        by_hand_because=_waits(given, given.statement.company.corrections.void, invoice.total, moved=False),
    )


def _open_day(natural: date, closed_until: date | None) -> tuple[date, str]:
    """The day of a document, and a note where that is not its natural one: the first open day (case E12)."""
    if closed_until is None or natural > closed_until:
        return natural, ""
    first = closed_until + timedelta(days=1)
    return first, f"belongs to {natural}, dated {first} because the books are closed until {closed_until}"


def _waits(given: CorrectionInput, way: Way, total: Decimal, *, moved: bool) -> str | None:
    """Why a document waits for a person, None when it may be made by itself."""
    policy: CorrectionPolicy = given.statement.company.corrections
    if way is not Way.AUTOMATIC:
        return "the policy puts it before a person"
    if total > policy.automatic_up_to:
        return f"it is over more than {policy.automatic_up_to}"
    if moved and policy.closed_period is ClosedPeriod.HOLD:
        return "its day is in a closed period"
    voided_by_us = {one.quickbooks_id for one in given.credits if one.kind is CreditKind.VOID}
    if any(not one.live and one.quickbooks_id not in voided_by_us for one in given.invoices):
        return "somebody removed an invoice of this shipment in QuickBooks"
    if not all(one.marked and one.as_meant for one in given.invoices if one.live):
        return "an invoice of this shipment is not as the gateway wrote it"
    return None


def _named(proposal: Proposal, given: CorrectionInput) -> Proposal:
    """Give a proposal its identity: its content, upon what is booked or settled of its kind by now.

    So what was agreed to once is never made twice. The day is left out: it moves on while a person thinks.
    """
    billing = proposal.kind is CorrectionKind.SUPPLEMENT
    settled = sum(one.kind is CreditKind.SETTLED for one in given.credits)
    booked = [len(given.invoices), settled] if billing else [len(given.credits)]
    content = proposal.model_dump(mode="json", exclude={"dated", "note", "by_hand_because", "digest"})
    digest = hashlib.sha256(json.dumps([booked, content], sort_keys=True).encode()).hexdigest()[:12]
    return proposal.model_copy(update={"digest": f"{proposal.kind.value}:{digest}"})


def settled_lines(proposals: Iterable[Proposal]) -> list[CreditLine]:
    """What a person settled elsewhere, as lines of one record: what was to be credited, less what was to be billed."""
    lines = [line for one in proposals for line in (*one.credit, *map(Stand.unbilled, one.bill))]
    return [line.model_copy(update={"line_no": place}) for place, line in enumerate(lines, start=1)]
