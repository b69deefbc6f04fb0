"""Pricing a matched line: quantity in the billing unit, the price that takes precedence, and what differs too much."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from domain.company import BillingPolicy
from domain.exceptions import Cause, Choice, Finding
from domain.invoices import InvoiceLine
from domain.matching import MatchedLine, hold
from domain.money import agree_at_scale, exact_decimal, line_amount, plain
from domain.rulings import PriceRuling, QuantityRuling, Rulings

QUANTITY_PLACES = 7  # QuickBooks keeps up to seven


def price_line(
    matched: MatchedLine, policy: BillingPolicy, rulings: Rulings, *, tax_exempt: bool
) -> InvoiceLine | Finding:
    """Price one line; the order's unit and price lead (E2, E3), the amount is rounded half up once (E4)."""
    line, order_line = matched.line, matched.order_line
    if order_line is None:
        return _invoice_line(matched, line.quantity_shipped, line.uom, line.unit_price, tax_exempt=tax_exempt)
    factor = matched.item.convert(line.uom, order_line.uom)
    quantity = exact_decimal(Fraction(line.quantity_shipped) * factor, QUANTITY_PLACES) if factor else None
    if factor is None or quantity is None:
        return _unit_differs(matched)
    over = _over_shipment(matched, quantity, policy, rulings)
    if isinstance(over, Finding):
        return over
    price = _price(matched, quantity, policy, rulings)
    if isinstance(price, Finding):
        return price
    return _invoice_line(matched, over, order_line.uom, price, tax_exempt=tax_exempt)


def _invoice_line(
    matched: MatchedLine, quantity: Decimal, uom: str, price: Decimal, *, tax_exempt: bool
) -> InvoiceLine:
    return InvoiceLine(
        line_no=matched.line.line_no,
        sku=matched.item.sku,
        description=matched.item.description,
        quantity=quantity,
        uom=uom,
        unit_price=price,
        amount=line_amount(quantity, price),
        taxable=matched.item.taxable and not tax_exempt,
        shipment_line_no=matched.line.line_no,
    )


def _unit_differs(matched: MatchedLine) -> Finding:
    line, order_line = matched.line, matched.order_line
    ordered = order_line.uom if order_line else line.uom
    sentence = (
        f"Line {line.line_no} shipped {plain(line.quantity_shipped)} {line.uom}, the order is in {ordered}: "
        f"item {matched.item.sku} has no exact conversion."
    )
    return hold(Cause.UNIT_DIFFERS, sentence, Choice.RETRY, Choice.BILL_WITHOUT_ORDER, line_no=line.line_no)


def _over_shipment(
    matched: MatchedLine, quantity: Decimal, policy: BillingPolicy, rulings: Rulings
) -> Decimal | Finding:
    """The quantity to bill: what shipped, unless more shipped than was ordered beyond the tolerance (O4)."""
    order_line = matched.order_line
    assert order_line is not None  # noqa: S101 - the caller prices lines without an order by themselves
    open_quantity = max(order_line.quantity - matched.shipped_before, Decimal(0))
    ceiling = order_line.quantity * (1 + policy.overship_tolerance_percent / 100)
    allowed = max(ceiling - matched.shipped_before, Decimal(0))  # over all shipments: no one gets a tolerance anew
    if quantity <= allowed or rulings.quantity is QuantityRuling.ALL:
        return quantity
    if rulings.quantity is QuantityRuling.ORDERED:
        return open_quantity
    earlier = f", {plain(matched.shipped_before)} of them shipped before" if matched.shipped_before else ""
    sentence = (
        f"Line {matched.line.line_no} ({matched.line.sku}) shipped {plain(quantity)} {order_line.uom}, "
        f"ordered were {plain(order_line.quantity)}{earlier}."
    )
    return hold(
        Cause.OVER_SHIPMENT,
        sentence,
        Choice.BILL_ALL,
        Choice.BILL_ORDERED,
        Choice.RETRY,
        line_no=matched.line.line_no,
        subject=matched.line.sku,
    )


def _price(matched: MatchedLine, quantity: Decimal, policy: BillingPolicy, rulings: Rulings) -> Decimal | Finding:
    """The order's price, unless the ERP states another beyond the tolerance and no person has ruled (E2, O16).

    `quantity` is what shipped, in the order's unit.
    """
    order_line = matched.order_line
    assert order_line is not None  # noqa: S101 - see _over_shipment
    stated = _stated_price(matched, order_line.uom)
    if rulings.price is PriceRuling.SHIPMENT:
        exact = exact_decimal(stated, QUANTITY_PLACES)
        if exact is None:
            return _unit_differs(matched)
        return matched.line.unit_price if exact == matched.line.unit_price else exact
    if rulings.price is PriceRuling.ORDER or _agree(stated, order_line.unit_price, policy):
        return order_line.unit_price
    difference = abs(
        line_amount(matched.line.quantity_shipped, matched.line.unit_price)
        - line_amount(quantity, order_line.unit_price)
    )
    sentence = (
        f"Line {matched.line.line_no} ({matched.line.sku}): the ERP states {plain(matched.line.unit_price)} per "
        f"{matched.line.uom}, the order {plain(order_line.unit_price)} per {order_line.uom}: {difference} in all."
    )
    return hold(
        Cause.PRICE_DIFFERS,
        sentence,
        Choice.BILL_ORDER_PRICE,
        Choice.BILL_SHIPMENT_PRICE,
        Choice.RETRY,
        line_no=matched.line.line_no,
        subject=matched.line.sku,
    )


def _stated_price(matched: MatchedLine, uom: str) -> Fraction:
    """The ERP's price per `uom`, exact; the caller has made sure that the units convert."""
    factor = matched.item.convert(matched.line.uom, uom)
    return Fraction(matched.line.unit_price) / (factor or 1)


def _agree(stated: Fraction, ordered: Decimal, policy: BillingPolicy) -> bool:
    """Equal at the scale that both systems keep (a price per piece may have no end: 1/24), or within the tolerance."""
    if agree_at_scale(Decimal(stated.numerator) / Decimal(stated.denominator), ordered, policy.price_places):
        return True
    return abs(stated - Fraction(ordered)) <= Fraction(ordered * policy.price_tolerance_percent) / 100
