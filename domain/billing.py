"""The billing decision: from one shipment and all that is known about it to an invoice draft, or to what stops it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.company import Company
from domain.exceptions import Cause, Choice, Finding
from domain.invoices import (
    InvoiceDraft,
    InvoiceLine,
    LineKind,
    VendorRefs,
    doc_number_for,
    request_id_for,
)
from domain.matching import MatchInput, customer_number_of, hold, match
from domain.money import Money, line_amount, to_cents
from domain.pricing import price_line
from domain.returned import LineReturns, ReturnedGoods, returns_by_line
from domain.shipments import Shipment


class KnownLinks(BaseModel):
    """The confirmed QuickBooks ids that a shipment may need, by ERP number, SKU and terms code."""

    model_config = ConfigDict(frozen=True)

    customers: Mapping[str, str] = {}
    items: Mapping[str, str] = {}
    terms: Mapping[str, str] = {}


class BillingInput(BaseModel):
    """The explicit inputs of one decision: given again, they give the same answer (feature G-C8).

    `returned`: what came back of the shipment before it was billed.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    case: MatchInput
    links: KnownLinks
    company: Company
    realm: str
    generation: int
    decided_on: date
    returned: tuple[ReturnedGoods, ...] = ()


class BillingDecision(BaseModel):
    """Bill this draft, or hold for these findings, or bill nothing and say why."""

    model_config = ConfigDict(frozen=True)

    policy_version: str
    draft: InvoiceDraft | None = None
    refs: VendorRefs | None = None
    findings: tuple[Finding, ...] = ()
    money_at_stake: Money
    not_billed_because: str | None = None


def decide(given: BillingInput) -> BillingDecision:
    """Decide whether and how a shipment is billed; pure, so that it can be run again from its stored inputs."""
    stake = stated_amount(given.case.shipment)
    version = given.company.billing.version
    if given.case.rulings.do_not_bill:
        return BillingDecision(policy_version=version, money_at_stake=stake, not_billed_because="a person decided so")
    matched, findings = match(given.case)
    customer = given.case.customer
    priced = [
        price_line(one, given.company.billing, given.case.rulings, tax_exempt=bool(customer and customer.tax_exempt))
        for one in matched
    ]
    findings += [one for one in priced if isinstance(one, Finding)]
    goods = _less_returned(given, [one for one in priced if isinstance(one, InvoiceLine) and one.quantity != 0])
    lines = goods + _freight(given)
    findings += _terms(given) + _linked(given, lines) + _negative(lines)
    if findings:
        return BillingDecision(policy_version=version, findings=tuple(findings), money_at_stake=stake)
    if not lines:
        kept = "kept" if given.returned else "shipped"
        reason = f"nothing was {kept} and there is no freight"
        return BillingDecision(policy_version=version, money_at_stake=stake, not_billed_because=reason)
    return BillingDecision(
        policy_version=version, draft=_draft(given, lines), refs=_refs(given, lines), money_at_stake=stake
    )


def stated_amount(shipment: Shipment) -> Decimal:
    """The shipment's worth by its own words: goods at the ERP's prices plus freight."""
    goods = (line_amount(line.quantity_shipped, line.unit_price) for line in shipment.lines)
    return to_cents(sum(goods, shipment.freight))


def _less_returned(given: BillingInput, goods: list[InvoiceLine]) -> list[InvoiceLine]:
    """Goods that came back before they were billed are not billed; nothing is credited for them (case O12)."""
    if not given.returned:
        return goods
    units = {line.line_no: (line.uom, given.case.items.get(line.sku)) for line in goods}
    damaged = given.company.corrections.credit_damaged
    counted, _ = returns_by_line(given.returned, units, credit_damaged=damaged)
    return [rest for line in goods if (rest := _rest_of(line, counted.get(line.line_no))).quantity > 0]


def _rest_of(line: InvoiceLine, returned: LineReturns | None) -> InvoiceLine:
    if returned is None:
        return line
    quantity = max(line.quantity - returned.total, Decimal(0))
    return line.model_copy(update={"quantity": quantity, "amount": line_amount(quantity, line.unit_price)})


def _freight(given: BillingInput) -> list[InvoiceLine]:
    """Freight is a line of its own, with its own item (E6)."""
    shipment, sku = given.case.shipment, given.company.billing.freight_sku
    if shipment.freight == 0:
        return []
    return [
        InvoiceLine(
            line_no=max((line.line_no for line in shipment.lines), default=0) + 1,
            kind=LineKind.FREIGHT,
            sku=sku,
            description=f"Freight {shipment.carrier}" if shipment.carrier else "Freight",
            quantity=Decimal(1),
            uom="EA",
            unit_price=shipment.freight,
            amount=line_amount(Decimal(1), shipment.freight),
            taxable=False,
        )
    ]


def _terms(given: BillingInput) -> list[Finding]:
    """Unknown terms hold the invoice: a due date is never guessed (E7)."""
    customer = given.case.customer
    code = customer.terms_code if customer else None
    if code is None or code in given.company.terms:
        return []
    sentence = f"Customer {customer.number if customer else ''} has terms {code}, which company.toml does not define."
    return [hold(Cause.TERMS_UNKNOWN, sentence, Choice.RETRY, subject=code)]


def _linked(given: BillingInput, lines: list[InvoiceLine]) -> list[Finding]:
    """Everything billed must have a confirmed identity in QuickBooks; nothing is created there on the way (M2)."""
    findings = []
    number = customer_number_of(given.case.shipment, given.case.rulings)
    if given.case.customer and number not in given.links.customers:
        findings.append(_unlinked(Cause.CUSTOMER_NOT_LINKED, "Customer", number))
    code = given.case.customer.terms_code if given.case.customer else None
    if code in given.company.terms and code not in given.links.terms:
        findings.append(_unlinked(Cause.TERMS_NOT_LINKED, "Terms", str(code)))
    missing = dict.fromkeys(line.sku for line in lines if line.sku not in given.links.items)
    return findings + [_unlinked(Cause.ITEM_NOT_LINKED, "Item", sku) for sku in missing]


def _unlinked(cause: Cause, noun: str, key: str) -> Finding:
    sentence = (
        f"{noun} {key} has no confirmed link to QuickBooks. Confirm one with `threeway links`, and billing goes on."
    )
    return hold(cause, sentence, Choice.RETRY, subject=key)


def _negative(lines: list[InvoiceLine]) -> list[Finding]:
    if all(line.amount >= 0 for line in lines):
        return []
    sentence = "A line of this shipment has a negative amount: an invoice cannot bill it, a credit memo may."
    return [hold(Cause.NEGATIVE_AMOUNT, sentence, Choice.RETRY)]


def _draft(given: BillingInput, lines: list[InvoiceLine]) -> InvoiceDraft:
    shipment, customer, company = given.case.shipment, given.case.customer, given.company
    code = customer.terms_code if customer else None
    shipped_on = company.local_date(shipment.shipped_at)
    invoiced_on = shipped_on if company.billing.invoice_date == "ship_date" else given.decided_on
    due_days = company.terms[code].due_days if code else 0
    return InvoiceDraft(
        shipment_number=shipment.number,
        generation=given.generation,
        doc_number=doc_number_for(shipment.number, given.generation),
        request_id=request_id_for(given.realm, shipment.number, given.generation),
        order_number=shipment.order_number,
        customer_number=customer_number_of(shipment, given.case.rulings),
        terms_code=code,
        purchase_order=shipment.purchase_order,
        shipped_on=shipped_on,
        invoiced_on=invoiced_on,
        due_on=invoiced_on + timedelta(days=due_days),
        carrier=shipment.carrier,
        tracking=shipment.tracking,
        lines=tuple(lines),
        total=sum((line.amount for line in lines), Decimal(0)),
    )


def _refs(given: BillingInput, lines: list[InvoiceLine]) -> VendorRefs:
    number = customer_number_of(given.case.shipment, given.case.rulings)
    code = given.case.customer.terms_code if given.case.customer else None
    return VendorRefs(
        customer_id=given.links.customers[number],
        terms_id=given.links.terms.get(code) if code else None,
        item_ids={line.sku: given.links.items[line.sku] for line in lines},
    )
