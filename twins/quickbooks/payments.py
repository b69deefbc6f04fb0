"""Payments of the QuickBooks twin: they lower balances of invoices, and give them back when voided or deleted.

A payment of nothing with a line for an invoice and one for a credit memo applies that credit.
"""

from decimal import Decimal

from twins.quickbooks.answers import BusinessFault, missing
from twins.quickbooks.credit_memos import use_credit
from twins.quickbooks.masters import change_balance
from twins.quickbooks.state import Company, cents
from twins.web import JsonObject

ZERO = Decimal(0)


def create_payment(company: Company, body: JsonObject) -> JsonObject:
    """Book a payment and apply it; 6000 when it is more than an invoice's balance or of another customer."""
    for name in ("CustomerRef", "TotalAmt"):
        if name not in body:
            raise missing(name)
    customer = company.reference("Customer", body["CustomerRef"], "CustomerRef")
    lines = [_line(line) for line in body.get("Line", [])]
    applied = sum((-line["Amount"] if _is_credit(line) else line["Amount"] for line in lines), ZERO)
    total = cents(body["TotalAmt"])
    if total < 0 or applied > total or applied < 0:
        raise BusinessFault(6000, "Business Validation Error: The amount applied is more than the payment.", "Line")
    fields = {name: value for name, value in body.items() if name not in ("Id", "SyncToken", "sparse")}
    fields |= {"CustomerRef": {"value": customer["Id"], "name": customer["DisplayName"]}, "Line": lines}
    fields |= {"TotalAmt": total, "UnappliedAmt": total - applied}
    fields |= {"TxnDate": body.get("TxnDate") or company.today().isoformat()}
    payment = company.insert("Payment", fields)
    for line in lines:
        if _is_credit(line):
            use_credit(company, payment, line["LinkedTxn"][0]["TxnId"], line["Amount"])
        else:
            _apply(company, payment, line["LinkedTxn"][0], line["Amount"])
    change_balance(company, customer["Id"], -total)
    return payment


def void_payment(company: Company, body: JsonObject) -> JsonObject:
    """Set a payment to zero and give its invoices their balance back."""
    old, _ = company.check_token("Payment", body)
    _take_back(company, old)
    note = old.get("PrivateNote")
    zeroed = {
        "TotalAmt": ZERO,
        "UnappliedAmt": ZERO,
        "Line": [],
        "PrivateNote": f"Voided - {note}" if note else "Voided",
    }
    return company.update("Payment", {**old, **zeroed}, "voided")


def delete_payment(company: Company, body: JsonObject) -> JsonObject:
    """Remove a payment and give its invoices their balance back."""
    old, _ = company.check_token("Payment", body)
    _take_back(company, old)
    company.update("Payment", old, "deleted")
    return {"status": "Deleted", "domain": "QBO", "Id": old["Id"]}


def _line(line: JsonObject) -> JsonObject:
    """Read one line: a positive amount, all of it for one transaction."""
    if "Amount" not in line:
        raise missing("Amount")
    if len(line.get("LinkedTxn", [])) != 1 or line["Amount"] <= 0:
        detail = "Business Validation Error: A payment line has a positive amount and one linked transaction."
        raise BusinessFault(6000, detail, "Line")
    return {**line, "Amount": cents(line["Amount"])}


def _is_credit(line: JsonObject) -> bool:
    return bool(line["LinkedTxn"][0].get("TxnType") == "CreditMemo")


def _apply(company: Company, payment: JsonObject, link: JsonObject, amount: Decimal) -> None:
    invoice = company.find("Invoice", link.get("TxnId", ""))
    if link.get("TxnType") != "Invoice" or invoice is None:
        raise BusinessFault(2500, f"Invalid Reference Id : Transaction id {link.get('TxnId')} not found", "LinkedTxn")
    if invoice["CustomerRef"]["value"] != payment["CustomerRef"]["value"] or amount > invoice["Balance"]:
        detail = "Business Validation Error: The payment does not fit the customer or the balance of the transaction."
        raise BusinessFault(6000, detail, "Line")
    links = [*invoice["LinkedTxn"], {"TxnId": payment["Id"], "TxnType": "Payment"}]
    company.update("Invoice", {**invoice, "Balance": invoice["Balance"] - amount, "LinkedTxn": links})


def _take_back(company: Company, payment: JsonObject) -> None:
    for line in payment["Line"]:
        if _is_credit(line):
            use_credit(company, payment, line["LinkedTxn"][0]["TxnId"], -line["Amount"])
            continue
        invoice = company.find("Invoice", line["LinkedTxn"][0]["TxnId"])
        if invoice is not None:
            links = [other for other in invoice["LinkedTxn"] if other["TxnId"] != payment["Id"]]
            balance = invoice["Balance"] + line["Amount"]
            company.update("Invoice", {**invoice, "Balance": balance, "LinkedTxn": links})
    change_balance(company, payment["CustomerRef"]["value"], cents(payment["TotalAmt"]))
