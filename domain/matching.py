"""The three-way match: which customer, order line and item each shipped line belongs to, and what does not fit.

Every function is pure. A finding names one thing that does not fit, in words for a person, with the choices allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.customers import Customer
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.items import Item
from domain.money import Quantity, plain
from domain.orders import Order, OrderLine
from domain.rulings import Rulings
from domain.shipments import Shipment, ShipmentLine


class MatchInput(BaseModel):
    """All that a match looks at. `shipped_before`: quantity of each order line on other shipments of this order."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    shipment: Shipment
    order: Order | None
    customer: Customer | None
    items: Mapping[str, Item]
    shipped_before: Mapping[int, Quantity] = {}
    rulings: Rulings = Rulings()


class MatchedLine(BaseModel):
    """A shipped line beside the order line it fulfils (None only where a person ruled that no order is needed)."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    line: ShipmentLine
    item: Item
    order_line: OrderLine | None
    shipped_before: Quantity = Decimal(0)


def hold(
    cause: Cause, sentence: str, *choices: Choice, line_no: int | None = None, subject: str | None = None
) -> Finding:
    """A finding that stops billing until its cause goes away or a person decides; not billing is always a choice."""
    return Finding(
        kind=ExceptionKind.CONFLICT if cause in _CONFLICTS else ExceptionKind.HOLD,
        cause=cause,
        sentence=sentence,
        choices=(*choices, Choice.DO_NOT_BILL),
        line_no=line_no,
        subject=subject,
    )


_CONFLICTS = frozenset({Cause.PRICE_DIFFERS, Cause.CUSTOMER_DIFFERS, Cause.ITEM_DIFFERS, Cause.UNIT_DIFFERS})


def customer_number_of(shipment: Shipment, rulings: Rulings) -> str:
    """The customer to bill: the shipment's, unless a person named another."""
    return rulings.customer_number or shipment.customer_number


def match_customer(case: MatchInput) -> list[Finding]:
    """The customer must be known and be the order's own (M2, M6); never created from a shipment."""
    number = customer_number_of(case.shipment, case.rulings)
    if case.customer is None:
        sentence = (
            f"Customer {number} is not in the customer master: load one that has it, or name the customer to bill."
        )
        return [hold(Cause.UNKNOWN_CUSTOMER, sentence, Choice.RETRY, Choice.USE_CUSTOMER, subject=number)]
    ordered_for = case.order.customer_number if case.order else None
    if ordered_for is None or ordered_for == number or case.rulings.customer_number:
        return []
    sentence = f"The shipment names customer {number}, order {case.shipment.order_number} is for {ordered_for}."
    return [hold(Cause.CUSTOMER_DIFFERS, sentence, Choice.RETRY, Choice.USE_CUSTOMER, subject=number)]


def match_order(case: MatchInput) -> list[Finding]:
    """The order must be known and active (O6, O7)."""
    number = case.shipment.order_number
    if case.rulings.without_order:
        return []
    if case.order is None or case.order.deleted:
        gone = "was deleted in Salesforce" if case.order else "is not known from Salesforce"
        sentence = f"Order {number} {gone}. Billing goes on by itself when it appears, or bill by the shipment alone."
        return [hold(Cause.UNKNOWN_ORDER, sentence, Choice.RETRY, Choice.BILL_WITHOUT_ORDER, subject=number)]
    if not case.order.active:
        sentence = f"Order {number} is {case.order.status} in Salesforce: activate it, and billing goes on by itself."
        return [hold(Cause.ORDER_NOT_ACTIVE, sentence, Choice.RETRY, Choice.BILL_WITHOUT_ORDER, subject=number)]
    return []


def billed_sku(line: ShipmentLine, rulings: Rulings) -> str:
    """The SKU to bill for a line: the shipped one, unless a person named another."""
    return rulings.items.get(line.sku, line.sku)


def match_line(case: MatchInput, line: ShipmentLine) -> MatchedLine | Finding:
    """Match one line to its item and its order line (M1, M7)."""
    item = case.items.get(billed_sku(line, case.rulings))
    if item is None:
        shipped = f"{plain(line.quantity_shipped)} {line.uom}"
        named = billed_sku(line, case.rulings)
        instead = f", nor is {named}, which was named instead" if named != line.sku else ""
        sentence = f"Item {line.sku} on line {line.line_no} ({shipped} shipped) is not in the item master{instead}."
        return hold(Cause.UNKNOWN_ITEM, sentence, Choice.RETRY, Choice.USE_ITEM, line_no=line.line_no, subject=line.sku)
    if case.rulings.without_order:
        return MatchedLine(line=line, item=item, order_line=None)
    order_line = _order_line(case.order, line.line_no)
    if order_line is None:
        sentence = f"Order {case.shipment.order_number} has no line {line.line_no} ({line.sku})."
        return hold(
            Cause.UNKNOWN_ORDER_LINE,
            sentence,
            Choice.RETRY,
            Choice.BILL_WITHOUT_ORDER,
            line_no=line.line_no,
            subject=line.sku,
        )
    if order_line.sku != line.sku and line.sku not in case.rulings.items:
        sentence = (
            f"Line {line.line_no} shipped {line.sku}, order {case.shipment.order_number} has {order_line.sku} there."
        )
        return hold(
            Cause.ITEM_DIFFERS,
            sentence,
            Choice.RETRY,
            Choice.USE_ITEM,
            Choice.BILL_WITHOUT_ORDER,
            line_no=line.line_no,
            subject=line.sku,
        )
    before = case.shipped_before.get(line.line_no, Decimal(0))
    return MatchedLine(line=line, item=item, order_line=order_line, shipped_before=before)


def _order_line(order: Order | None, line_no: int) -> OrderLine | None:
    return next((one for one in order.lines if one.line_no == line_no), None) if order else None


def match(case: MatchInput) -> tuple[list[MatchedLine], list[Finding]]:
    """Match a shipment: the lines that fit, and everything that does not, the most basic first."""
    findings = match_customer(case)
    order_findings = match_order(case)
    findings += order_findings
    results = [
        match_line(case, line)
        for line in case.shipment.lines
        if line.quantity_shipped != 0 and (not order_findings or billed_sku(line, case.rulings) not in case.items)
    ]
    findings += [result for result in results if isinstance(result, Finding)]
    return [result for result in results if isinstance(result, MatchedLine)], findings
