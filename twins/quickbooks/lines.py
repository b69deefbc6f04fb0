"""Invoice lines and totals: amounts by the half-up rule, discounts, tax of a US company, the appended SubTotal line."""

from decimal import Decimal
from typing import Any

from twins.quickbooks.answers import BusinessFault, missing
from twins.quickbooks.state import Company, cents
from twins.web import JsonObject

ZERO = Decimal(0)
Money = dict[str, Decimal]


def read_lines(company: Company, lines: list[JsonObject], taxable_customer: bool) -> list[JsonObject]:  # noqa: FBT001
    """Return the lines as QuickBooks keeps them, without subtotal; raises the faults 2020, 2500, 6070, 6090, 6100."""
    kept = [_line(company, line, taxable_customer) for line in lines if line.get("DetailType") != "SubTotalLineDetail"]
    if not any(line["DetailType"] == "SalesItemLineDetail" for line in kept):
        raise missing("Line")
    discounts = [line for line in kept if line["DetailType"] == "DiscountLineDetail"]
    if len(discounts) > 1:
        raise BusinessFault(6000, "Business Validation Error: Only one discount line is allowed.", "Line")
    return [line for line in kept if line not in discounts] + discounts


def number_lines(lines: list[JsonObject], old: list[JsonObject]) -> list[JsonObject]:
    """Give every line its Id (kept when it was there before) and its number."""
    known = {line["Id"] for line in old if "Id" in line}
    highest = max((int(key) for key in known), default=0)
    numbered = []
    for place, line in enumerate(lines, 1):
        key = line.get("Id")
        if key not in known:
            highest += 1
            key = str(highest)
        numbered.append({**line, "Id": key, "LineNum": place})
    return numbered


def total_up(
    company: Company, invoice: JsonObject, lines: list[JsonObject]
) -> tuple[list[JsonObject], JsonObject, Decimal]:
    """Return the lines with subtotal and discount, the tax detail and the total."""
    subtotal = sum((line["Amount"] for line in lines if line["DetailType"] == "SalesItemLineDetail"), ZERO)
    subtotal_line: JsonObject = {"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    plain = [line for line in lines if line["DetailType"] != "DiscountLineDetail"]
    discounts = [_discounted(line, subtotal) for line in lines if line["DetailType"] == "DiscountLineDetail"]
    discount = sum((line["Amount"] for line in discounts), ZERO)
    tax = _tax(company, invoice, plain, (subtotal, discount))
    total = subtotal - discount + tax["TotalTax"]
    if total < 0:
        detail = "Business Validation Error: Transaction amount must be 0 or greater."
        raise BusinessFault(6000, detail, "Line")
    return [*plain, subtotal_line, *discounts], tax, total


def _line(company: Company, line: JsonObject, taxable_customer: bool) -> JsonObject:  # noqa: FBT001
    kind = line.get("DetailType")
    if kind is None:
        raise missing("DetailType")
    if kind == "SalesItemLineDetail":
        return _sales_line(company, line, taxable_customer)
    if kind == "DiscountLineDetail":
        return _discount_line(line)
    if kind == "GroupLineDetail":
        raise BusinessFault(5030, "Feature Not Supported : Bundles", "Line")
    return {name: value for name, value in line.items() if name in ("Id", "Description", "DetailType")} | {
        "DescriptionLineDetail": line.get("DescriptionLineDetail", {})
    }


def _sales_line(company: Company, line: JsonObject, taxable_customer: bool) -> JsonObject:  # noqa: FBT001
    detail = line.get("SalesItemLineDetail")
    if detail is None:
        raise missing("SalesItemLineDetail")
    if "ItemRef" not in detail:
        raise missing("ItemRef")
    item = company.reference("Item", detail["ItemRef"], "ItemRef")
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if not quantity and not price:
        # Client libraries send both as 0 where only the amount is meant.
        quantity = price = None
    kept: JsonObject = {"ItemRef": {"value": item["Id"], "name": item["Name"]}}
    kept |= {name: value for name, value in (("UnitPrice", price), ("Qty", quantity)) if value is not None}
    kept |= {"ServiceDate": detail["ServiceDate"]} if "ServiceDate" in detail else {}
    if "IncomeAccountRef" in item:
        kept["ItemAccountRef"] = item["IncomeAccountRef"]
    kept["TaxCodeRef"] = {"value": _tax_code(company, detail, taxable=taxable_customer and item.get("Taxable", False))}
    head: JsonObject = {name: line[name] for name in ("Id", "Description") if name in line}
    amount = _amount(line.get("Amount"), quantity, price)
    return {**head, "Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": kept}


def _amount(given: Decimal | None, quantity: Decimal | None, price: Decimal | None) -> Decimal:
    if quantity is None or price is None:
        if given is None:
            raise missing("Amount")
        return cents(given)
    expected = cents(quantity * price)
    if given is not None and cents(given) != expected:
        detail = f"Amount is not equal to UnitPrice * Qty. Supplied value:{cents(given):,}"
        raise BusinessFault(6070, detail, "Line")
    return expected


def _tax_code(company: Company, detail: JsonObject, *, taxable: bool) -> str:
    given = detail.get("TaxCodeRef", {}).get("value")
    if given is None:
        return "TAX" if taxable and company.settings["using_sales_tax"] else "NON"
    if given not in ("TAX", "NON"):
        raise BusinessFault(6100, "Invalid Line TaxCode : Line TaxCode must be TAX or NON for a US company", "Line")
    return str(given)


def _discount_line(line: JsonObject) -> JsonObject:
    detail = line.get("DiscountLineDetail", {})
    percent, amount = detail.get("DiscountPercent"), line.get("Amount")
    by_percent = detail.get("PercentBased", False)
    if not (percent if by_percent else amount):
        raise BusinessFault(6090, "Discount line needs an amount or a percentage", "Line")
    if by_percent:
        kept: JsonObject = {"PercentBased": True, "DiscountPercent": percent}
    else:
        kept = {"PercentBased": False}
    head: JsonObject = {name: line[name] for name in ("Id", "Description") if name in line}
    known: JsonObject = {} if by_percent else {"Amount": cents(amount or ZERO)}
    return {**head, **known, "DetailType": "DiscountLineDetail", "DiscountLineDetail": kept}


def _discounted(line: JsonObject, subtotal: Decimal) -> JsonObject:
    detail = line["DiscountLineDetail"]
    if not detail["PercentBased"]:
        return line
    return {**line, "Amount": cents(subtotal * detail["DiscountPercent"] / 100)}


def _tax(company: Company, invoice: JsonObject, lines: list[JsonObject], sums: tuple[Decimal, Decimal]) -> JsonObject:
    """Compute the tax of a US company: one rate for the lines marked TAX, or the total that was given."""
    if not company.settings["using_sales_tax"]:
        return {"TotalTax": ZERO}
    asked: JsonObject = invoice.get("TxnTaxDetail", {})
    base = sum((line["Amount"] for line in lines if _is_taxed(line)), ZERO)
    subtotal, discount = sums
    if invoice.get("ApplyTaxAfterDiscount") and subtotal:
        base = cents(base * (subtotal - discount) / subtotal)
    rate = _rate(company, asked)
    total = cents(asked["TotalTax"]) if "TotalTax" in asked else cents(base * rate / 100)
    detail: JsonObject = {"TotalTax": total}
    if "TxnTaxCodeRef" in asked:
        code = asked["TxnTaxCodeRef"]["value"]
        line_detail: dict[str, Any] = {"TaxRateRef": {"value": code}, "PercentBased": True, "TaxPercent": rate}
        line_detail["NetAmountTaxable"] = base
        line = {"Amount": total, "DetailType": "TaxLineDetail", "TaxLineDetail": line_detail}
        detail = {"TxnTaxCodeRef": asked["TxnTaxCodeRef"], "TotalTax": total, "TaxLine": [line]}
    return detail


def _is_taxed(line: JsonObject) -> bool:
    return bool(line.get("SalesItemLineDetail", {}).get("TaxCodeRef", {}).get("value") == "TAX")


def _rate(company: Company, asked: JsonObject) -> Decimal:
    if "TxnTaxCodeRef" not in asked:
        return ZERO
    code = asked["TxnTaxCodeRef"]["value"]
    rates = company.settings["tax_rates"]
    if code not in rates:
        raise BusinessFault(2500, f"Invalid Reference Id : TaxCode element id {code} not found", "TxnTaxCodeRef")
    return Decimal(str(rates[code]))
