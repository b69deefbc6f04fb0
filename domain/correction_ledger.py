"""What stands billed of a shipment, line by line, and what should: by its newest statement and by what came back.

Quantities are in the unit that was billed. A line may stand at several prices: each is kept apart, so that what is
credited is credited at the price at which it was billed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.billing import BillingDecision, BillingInput, decide
from domain.credits import Credit, CreditKind, CreditLine, CreditReason
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import REMOVED, InvoiceLine, InvoiceStatus
from domain.items import Item
from domain.matching import billed_sku, customer_number_of
from domain.money import Money, plain
from domain.returned import LineReturns, ReturnedGoods, in_unit, returns_by_line
from domain.shipments import Shipment, ShipmentLine

RETURNED = frozenset({CreditReason.RETURN, CreditReason.RETURN_DAMAGED})


class InvoiceFacts(BaseModel):
    """A booked invoice as the decision sees it. `marked`: it carries our marker, so it is the gateway's own.

    `edited`: somebody changed it in QuickBooks, whatever its status says since (case E8).
    """

    model_config = ConfigDict(frozen=True)

    generation: int
    quickbooks_id: str
    doc_number: str
    customer_number: str
    invoiced_on: date
    total: Money
    tax: Money = Decimal(0)
    balance: Money
    status: InvoiceStatus
    sent: bool = False
    applied: bool = False
    marked: bool = False
    edited: bool = False
    lines: tuple[InvoiceLine, ...]

    @property
    def live(self) -> bool:
        """Whether it bills anything: a voided or deleted one does not."""
        return self.status not in REMOVED

    @property
    def as_meant(self) -> bool:
        """Whether it comes to what its lines come to, tax aside; one that somebody edited does not say so."""
        meant = sum((line.amount for line in self.lines), Decimal(0))
        return not self.edited and self.status is not InvoiceStatus.EDITED and self.total - self.tax == meant


@dataclass(frozen=True)
class Stand:
    """As what a line stands in the books: for whom, what, in which unit, at which price."""

    customer_number: str
    sku: str
    uom: str
    unit_price: Decimal
    taxable: bool

    @classmethod
    def of(cls, line: InvoiceLine | CreditLine, customer_number: str) -> Stand:
        """The stand of a billed or credited line."""
        return cls(customer_number, line.sku, line.uom, line.unit_price, line.taxable)

    @staticmethod
    def unbilled(line: InvoiceLine) -> CreditLine:
        """A line that was to be billed and shall not be, as a settled one."""
        return CreditLine(
            **line.model_dump(exclude={"kind", "quantity", "amount"}),
            reason=CreditReason.CORRECTION,
            quantity=-line.quantity,
            amount=-line.amount,
        )


Amounts = dict[Stand, Decimal]


@dataclass(frozen=True)
class Books:
    """What stands billed, by line of the shipment: with returns taken off (`net`) and before them (`gross`)."""

    net: Mapping[int, Amounts]
    gross: Mapping[int, Amounts]
    credited: Mapping[int, LineReturns]
    freight: Mapping[str, Decimal]
    descriptions: Mapping[str, str]

    @classmethod
    def of(cls, invoices: Sequence[InvoiceFacts], given_back: Sequence[Credit]) -> Books:
        """Add up what is booked, oldest first."""
        net: defaultdict[int, Amounts] = defaultdict(dict)
        gross: defaultdict[int, Amounts] = defaultdict(dict)
        credited: defaultdict[int, LineReturns] = defaultdict(LineReturns)
        freight: defaultdict[str, Decimal] = defaultdict(Decimal)
        for line, customer in ((line, one.customer_number) for one in invoices if one.live for line in one.lines):
            if line.shipment_line_no is None:
                freight[customer] += line.amount
                continue
            for amounts in (net, gross):
                _add(amounts[line.shipment_line_no], Stand.of(line, customer), line.quantity)
        documents = [one for one in given_back if one.kind is not CreditKind.VOID]
        for credit, customer in ((line, one.customer_number) for one in documents for line in one.lines):
            if credit.reason is CreditReason.RESTOCKING:
                continue
            if credit.shipment_line_no is None:
                freight[customer] -= credit.amount
                continue
            _add(net[credit.shipment_line_no], Stand.of(credit, customer), -credit.quantity)
            if credit.reason in RETURNED:
                credited[credit.shipment_line_no] = _with(credited[credit.shipment_line_no], credit)
            else:
                _add(gross[credit.shipment_line_no], Stand.of(credit, customer), -credit.quantity)
        descriptions = {line.sku: line.description for one in invoices for line in one.lines}
        return cls(net=net, gross=gross, credited=credited, freight=freight, descriptions=descriptions)


def _add(amounts: Amounts, stand: Stand, quantity: Decimal) -> None:
    amounts[stand] = amounts.get(stand, Decimal(0)) + quantity


def _with(so_far: LineReturns, line: CreditLine) -> LineReturns:
    part = "damaged" if line.reason is CreditReason.RETURN_DAMAGED else "restock"
    return so_far.model_copy(update={part: getattr(so_far, part) + line.quantity})


@dataclass(frozen=True)
class Wanted:
    """What should stand billed, by line; the freight by customer; what came back and counts.

    `findings` say why it cannot be told; `notices` what a person should know although the rest can go on.
    """

    lines: Mapping[int, Amounts]
    freight: Mapping[str, Decimal]
    returned: Mapping[int, LineReturns]
    descriptions: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing at all should be billed."""
        lines = all(quantity == 0 for amounts in self.lines.values() for quantity in amounts.values())
        return lines and all(amount == 0 for amount in self.freight.values())


def wanted(statement: BillingInput, before: Shipment, books: Books, returns: Sequence[ReturnedGoods]) -> Wanted:
    """What should stand billed by the newest statement, less what came back."""
    return _Reckoning(statement, before, books).run(returns)


@dataclass
class _Reckoning:
    """Line by line: what is stated unchanged keeps its price, and only what is new is priced anew (case O8)."""

    statement: BillingInput
    before: Shipment
    books: Books
    findings: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)
    _priced: BillingDecision | None = None

    def run(self, returns: Sequence[ReturnedGoods]) -> Wanted:
        shipment = self.statement.case.shipment
        stated = {line.line_no: line for line in shipment.lines}
        numbers = sorted({*stated, *self.books.gross})
        should = {number: self._line(number, stated.get(number)) for number in numbers}
        counted = self._returned(should, stated, returns)
        lines = {number: self._less(number, amounts, counted.get(number)) for number, amounts in should.items()}
        priced = self._priced.draft.lines if self._priced and self._priced.draft else ()
        return Wanted(
            lines=lines,
            freight=self._freight(),
            returned=counted,
            descriptions={**self.books.descriptions, **{line.sku: line.description for line in priced}},
            findings=tuple(dict.fromkeys(self.findings)),
            notices=tuple(self.notices),
        )

    def _line(self, number: int, stated: ShipmentLine | None) -> Amounts:
        standing = {stand: quantity for stand, quantity in self.books.gross.get(number, {}).items() if quantity > 0}
        if stated is None or stated.quantity_shipped == 0 or self.statement.case.rulings.do_not_bill:
            return {}
        if not standing or self._customer_changed or self._stated_otherwise(stated):
            return self._anew(number, standing)
        first = next(iter(standing))
        expected = in_unit(stated.quantity_shipped, stated.uom, first.uom, self._item(first.sku))
        if expected is None or len({stand.uom for stand in standing}) > 1:
            return self._anew(number, standing)
        total = sum(standing.values(), Decimal(0))
        if expected <= total:
            return _keep(standing, expected, self.books.net.get(number, {}))
        return self._more(number, standing, total)

    def _more(self, number: int, standing: Amounts, total: Decimal) -> Amounts:
        """More shipped than stands billed: what is billed keeps its price, the rest is priced and checked anew."""
        anew = self._anew(number, standing)
        rest = sum(anew.values(), Decimal(0)) - total
        if rest <= 0 or self.findings:
            return standing
        (stand,) = anew
        if stand.uom != next(iter(standing)).uom:
            return anew
        grown = dict(standing)
        _add(grown, stand, rest)
        return grown

    def _anew(self, number: int, standing: Amounts) -> Amounts:
        """The line as billing decides it now; where that cannot be told, it stands as it is and the reason is kept."""
        if self._priced is None:
            self._priced = decide(self.statement)
        decision = self._priced
        if decision.findings:
            self.findings += decision.findings
            return standing
        customer = customer_number_of(self.statement.case.shipment, self.statement.case.rulings)
        lines = decision.draft.lines if decision.draft else ()
        return {Stand.of(line, customer): line.quantity for line in lines if line.shipment_line_no == number}

    def _stated_otherwise(self, line: ShipmentLine) -> bool:
        """Whether the item, unit or price of a line is not what it was when the shipment was last settled."""
        facts = {one.line_no: (one.sku, one.uom, one.unit_price) for one in self.before.lines}
        return facts.get(line.line_no) != (line.sku, line.uom, line.unit_price)

    @property
    def _customer_changed(self) -> bool:
        return self.statement.case.shipment.customer_number != self.before.customer_number

    def _freight(self) -> dict[str, Decimal]:
        """The freight is the statement's, for whom it was billed; for a new customer where that changed (E6)."""
        rulings, shipment = self.statement.case.rulings, self.statement.case.shipment
        stated = Decimal(0) if rulings.do_not_bill else shipment.freight
        billed = [customer for customer, amount in self.books.freight.items() if amount > 0]
        goods = [stand.customer_number for amounts in self.books.gross.values() for stand in amounts]
        owner = next(iter([*billed, *goods]), None)
        if owner is None or self._customer_changed:
            owner = customer_number_of(shipment, rulings)
        return {owner: stated}

    def _returned(
        self, should: Mapping[int, Amounts], stated: Mapping[int, ShipmentLine], returns: Sequence[ReturnedGoods]
    ) -> dict[int, LineReturns]:
        units: dict[int, tuple[str, Item | None]] = {}
        for number, amounts in should.items():
            stand = next(iter([*amounts, *self.books.gross.get(number, {})]), None)
            if stand is not None:
                units[number] = (stand.uom, self._item(stand.sku))
            elif number in stated:
                line = stated[number]
                units[number] = (line.uom, self._item(billed_sku(line, self.statement.case.rulings)))
        damaged = self.statement.company.corrections.credit_damaged
        counted, odd = returns_by_line(returns, units, credit_damaged=damaged)
        self.notices += [_unmatched(one) for one in odd]
        return counted

    def _less(self, number: int, amounts: Amounts, returned: LineReturns | None) -> Amounts:
        if returned is None:
            return amounts
        total = sum(amounts.values(), Decimal(0))
        if returned.total > total and not self.findings:
            self.notices.append(_too_much(number, returned, total))
        return _keep(amounts, max(total - returned.total, Decimal(0)), self.books.net.get(number, {}))

    def _item(self, sku: str) -> Item | None:
        return self.statement.case.items.get(sku)


def _keep(amounts: Amounts, quantity: Decimal, standing: Amounts) -> Amounts:
    """So much of a line, kept where it stands already: nothing is credited at one price to be billed at another."""
    kept: Amounts = {}
    rest = quantity
    for limit in (standing, amounts):
        for stand, most in amounts.items():
            had = kept.get(stand, Decimal(0))
            part = min(rest, min(most, max(limit.get(stand, Decimal(0)), Decimal(0))) - had)
            if part > 0:
                kept[stand] = had + part
                rest -= part
    return kept


def _unmatched(one: ReturnedGoods) -> Finding:
    sentence = (
        f"Return {one.rma} brings back {plain(one.quantity)} {one.uom} of {one.sku}, line {one.line_no} of shipment "
        f"{one.shipment_number}: that line was not billed, or not in a unit that converts. Settle it in QuickBooks, "
        "then mark this as handled."
    )
    subject = f"{one.rma}/{one.line_no}/{plain(one.quantity)}"
    return _notice(sentence, one.line_no, subject)


def _too_much(number: int, returned: LineReturns, shipped: Decimal) -> Finding:
    sentence = (
        f"More came back of line {number} ({plain(returned.total)}, {', '.join(returned.rmas)}) than was shipped "
        f"({plain(shipped)}): no more than that is credited. Find out what it was, then mark this as handled."
    )
    return _notice(sentence, number, f"{number}/{plain(returned.total)}/{plain(shipped)}")


def _notice(sentence: str, line_no: int, subject: str) -> Finding:
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.RETURN_UNMATCHED,
        sentence=sentence,
        choices=(Choice.HANDLED,),
        line_no=line_no,
        subject=subject,
    )


def changes(have: Iterable[tuple[Stand, Decimal]], want: Amounts) -> Amounts:
    """What is to be billed (above zero) or credited (below) for a line to stand as wanted."""
    moved: Amounts = dict(want)
    for stand, quantity in have:
        _add(moved, stand, -quantity)
    return {stand: quantity for stand, quantity in moved.items() if quantity}
