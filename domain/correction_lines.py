"""The lines of the documents that bring the books in line: what is credited and why, and what is billed besides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from domain.correction_ledger import Books, Stand, Wanted, changes
from domain.correction_rules import CorrectionPolicy
from domain.credits import CreditLine, CreditReason
from domain.invoices import InvoiceLine, LineKind
from domain.money import line_amount, to_cents
from domain.returned import LineReturns
from domain.shipments import Shipment

FEE_UNIT = "EA"


def credit_lines(
    books: Books, should: Wanted, policy: CorrectionPolicy, freight_sku: str
) -> dict[str, list[CreditLine]]:
    """What is to be credited, by customer: goods at the price at which they were billed, freight, less the fee."""
    found: defaultdict[str, list[CreditLine]] = defaultdict(list)
    for number in sorted({*books.net, *should.lines}):
        new = _new_returns(should.returned.get(number), books.credited.get(number))
        for stand, quantity in _moved(books, should, number).items():
            if quantity < 0:
                found[stand.customer_number] += _parts(number, stand, -quantity, new, should)
    for customer, amount in _freight(books, should).items():
        if amount < 0:
            found[customer].append(_freight_credit(freight_sku, -amount))
    return {customer: _numbered([*lines, *_fee(lines, policy)]) for customer, lines in found.items()}


def supplement_lines(
    books: Books, should: Wanted, shipment: Shipment, freight_sku: str
) -> dict[str, list[InvoiceLine]]:
    """What is to be billed besides, by customer."""
    found: defaultdict[str, list[InvoiceLine]] = defaultdict(list)
    for number in sorted({*books.net, *should.lines}):
        for stand, quantity in _moved(books, should, number).items():
            if quantity > 0:
                found[stand.customer_number].append(_billed(number, stand, quantity, should))
    for customer, amount in _freight(books, should).items():
        if amount > 0:
            found[customer].append(_freight_bill(shipment, freight_sku, amount))
    return {
        customer: [line.model_copy(update={"line_no": place}) for place, line in enumerate(lines, start=1)]
        for customer, lines in found.items()
    }


def _moved(books: Books, should: Wanted, number: int) -> dict[Stand, Decimal]:
    return changes(books.net.get(number, {}).items(), should.lines.get(number, {}))


def _freight(books: Books, should: Wanted) -> dict[str, Decimal]:
    customers = dict.fromkeys([*books.freight, *should.freight])
    return {one: should.freight.get(one, Decimal(0)) - books.freight.get(one, Decimal(0)) for one in customers}


@dataclass
class _Open:
    """What came back of a line and is not credited yet."""

    left: dict[CreditReason, Decimal]
    rma: str | None = None

    def split(self, quantity: Decimal) -> Iterator[tuple[CreditReason, Decimal]]:
        """Split what is credited of a line into what came back and what was only stated otherwise."""
        for reason, left in self.left.items():
            part = min(quantity, left)
            if part > 0:
                self.left[reason] -= part
                quantity -= part
                yield reason, part
        if quantity > 0:
            yield CreditReason.CORRECTION, quantity


def _new_returns(counted: LineReturns | None, credited: LineReturns | None) -> _Open:
    came, done = counted or LineReturns(), credited or LineReturns()
    return _Open(
        left={
            CreditReason.RETURN: max(came.restock - done.restock, Decimal(0)),
            CreditReason.RETURN_DAMAGED: max(came.damaged - done.damaged, Decimal(0)),
        },
        rma=", ".join(came.rmas) or None,
    )


def _parts(number: int, stand: Stand, quantity: Decimal, new: _Open, should: Wanted) -> Iterator[CreditLine]:
    for reason, part in new.split(quantity):
        yield CreditLine(
            line_no=1,
            reason=reason,
            sku=stand.sku,
            description=should.descriptions.get(stand.sku, stand.sku),
            quantity=part,
            uom=stand.uom,
            unit_price=stand.unit_price,
            amount=line_amount(part, stand.unit_price),
            taxable=stand.taxable,
            shipment_line_no=number,
            rma=new.rma if reason is not CreditReason.CORRECTION else None,
        )


def _freight_credit(sku: str, amount: Decimal) -> CreditLine:
    return CreditLine(
        line_no=1,
        reason=CreditReason.CORRECTION,
        sku=sku,
        description="Freight",
        quantity=Decimal(1),
        uom="EA",
        unit_price=amount,
        amount=to_cents(amount),
        taxable=False,
    )


def _fee(lines: list[CreditLine], policy: CorrectionPolicy) -> list[CreditLine]:
    """The restocking fee: a percentage of what goes back on the shelf, as a line that makes the credit smaller."""
    worth = sum((line.amount for line in lines if line.reason is CreditReason.RETURN), Decimal(0))
    fee = to_cents(worth * policy.restocking_fee_percent / 100)
    if fee == 0:
        return []
    rmas = dict.fromkeys(line.rma for line in lines if line.reason is CreditReason.RETURN and line.rma)
    return [
        CreditLine(
            line_no=1,
            reason=CreditReason.RESTOCKING,
            sku=policy.restocking_sku,
            description="Restocking fee",
            quantity=Decimal(-1),
            uom=FEE_UNIT,
            unit_price=fee,
            amount=-fee,
            taxable=False,
            rma=", ".join(rmas) or None,
        )
    ]


def _numbered(lines: list[CreditLine]) -> list[CreditLine]:
    return [line.model_copy(update={"line_no": place}) for place, line in enumerate(lines, start=1)]


def _billed(number: int, stand: Stand, quantity: Decimal, should: Wanted) -> InvoiceLine:
    return InvoiceLine(
        line_no=1,
        sku=stand.sku,
        description=should.descriptions.get(stand.sku, stand.sku),
        quantity=quantity,
        uom=stand.uom,
        unit_price=stand.unit_price,
        amount=line_amount(quantity, stand.unit_price),
        taxable=stand.taxable,
        shipment_line_no=number,
    )


def _freight_bill(shipment: Shipment, sku: str, amount: Decimal) -> InvoiceLine:
    return InvoiceLine(
        line_no=1,
        kind=LineKind.FREIGHT,
        sku=sku,
        description=f"Freight {shipment.carrier}" if shipment.carrier else "Freight",
        quantity=Decimal(1),
        uom="EA",
        unit_price=amount,
        amount=to_cents(amount),
        taxable=False,
    )
