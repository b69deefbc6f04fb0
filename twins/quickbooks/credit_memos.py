"""Credit memos of the QuickBooks twin: invoices the other way round; what is left of one is its RemainingCredit."""

from decimal import Decimal

from twins.quickbooks.answers import BusinessFault
from twins.quickbooks.invoices import check_open, check_unlinked, document_fields, document_number, present
from twins.quickbooks.masters import change_balance
from twins.quickbooks.state import Company
from twins.quickbooks.stock import move_stock
from twins.web import JsonObject

_COMPUTED = ("Id", "SyncToken", "MetaData", "domain", "sparse", "TotalAmt", "Balance", "RemainingCredit")
_OF_INVOICES_ONLY = ("DueDate", "SalesTermRef")


def create_credit_memo(company: Company, body: JsonObject, include: frozenset[str]) -> JsonObject:
    """Book a new credit memo: the customer owes less at once, whether or not it is applied to an invoice."""
    given = {name: value for name, value in body.items() if name not in _COMPUTED}
    fields = document_fields(company, given, None)
    fields = {name: value for name, value in fields.items() if name not in _OF_INVOICES_ONLY}
    fields["RemainingCredit"] = fields["Balance"]
    fields["DocNumber"] = document_number(company, body.get("DocNumber"), include, None, "CreditMemo")
    credit = company.insert("CreditMemo", present(fields))
    move_stock(company, credit["Line"], [])
    change_balance(company, credit["CustomerRef"]["value"], -credit["TotalAmt"])
    return credit


def delete_credit_memo(company: Company, body: JsonObject) -> JsonObject:
    """Remove a credit memo for good; refused (6000) while it is applied."""
    old, _ = company.check_token("CreditMemo", body)
    check_open(company, old["TxnDate"])
    check_unlinked(old)
    company.update("CreditMemo", old, "deleted")
    move_stock(company, [], old["Line"])
    change_balance(company, old["CustomerRef"]["value"], old["TotalAmt"])
    return {"status": "Deleted", "domain": "QBO", "Id": old["Id"]}


def use_credit(company: Company, payment: JsonObject, key: str, amount: Decimal) -> None:
    """Let a payment use so much of a credit memo (below zero: give it back)."""
    credit = company.find("CreditMemo", key)
    if credit is None:
        raise BusinessFault(2500, f"Invalid Reference Id : Transaction id {key} not found", "LinkedTxn")
    left = credit["RemainingCredit"] - amount
    if credit["CustomerRef"]["value"] != payment["CustomerRef"]["value"] or left < 0:
        detail = "Business Validation Error: The credit does not fit the customer or what is left of it."
        raise BusinessFault(6000, detail, "Line")
    others = [link for link in credit["LinkedTxn"] if link["TxnId"] != payment["Id"]]
    links = [*others, {"TxnId": payment["Id"], "TxnType": "Payment"}] if amount > 0 else others
    company.update("CreditMemo", {**credit, "RemainingCredit": left, "Balance": left, "LinkedTxn": links})
