"""The books as an oracle sees them: every invoice with its standing, for comparison with what should have happened."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from twins.quickbooks.state import Company, cents
from twins.web import JsonObject, load_json


def read_ledger(company: Company) -> JsonObject:
    """Return all invoices and credit memos, deleted ones marked; `count` and `total` are of invoices that are there."""
    skus = {item["Id"]: item.get("Sku") for item in _items(company)}
    invoices = [_document(body, standing, skus) for body, standing in _documents(company, "Invoice")]
    given_back = [_document(body, standing, skus) for body, standing in _documents(company, "CreditMemo")]
    kept = [invoice for invoice in invoices if not invoice["deleted"]]
    total = sum((Decimal(invoice["total"]) for invoice in kept), Decimal(0))
    return {"invoices": invoices, "credit_memos": given_back, "count": len(kept), "total": _money(total)}


def _documents(company: Company, kind: str) -> list[tuple[JsonObject, str]]:
    rows = company.database.execute("SELECT body, standing FROM entity WHERE kind = ? ORDER BY id", kind)
    return [(load_json(body), standing) for body, standing in rows]


def _items(company: Company) -> list[JsonObject]:
    return [load_json(body) for (body,) in company.database.execute("SELECT body FROM entity WHERE kind = 'Item'")]


def _document(invoice: JsonObject, standing: str, skus: dict[str, str | None]) -> JsonObject:
    created = datetime.fromisoformat(invoice["MetaData"]["CreateTime"]).astimezone(UTC)
    return {
        "id": invoice["Id"],
        "doc_number": invoice.get("DocNumber"),
        "customer_id": invoice["CustomerRef"]["value"],
        "customer_name": invoice["CustomerRef"]["name"],
        "txn_date": invoice["TxnDate"],
        "due_date": invoice.get("DueDate"),
        "total": _money(invoice["TotalAmt"]),
        "tax": _money(invoice["TxnTaxDetail"]["TotalTax"]),
        "balance": _money(invoice["Balance"]),
        "private_note": invoice.get("PrivateNote"),
        "email_status": invoice["EmailStatus"],
        "print_status": invoice["PrintStatus"],
        "deleted": standing == "deleted",
        "voided": standing == "voided",
        "sync_token": invoice["SyncToken"],
        "created_at": created.isoformat(),
        "lines": [_line(line, skus) for line in invoice["Line"] if line["DetailType"] != "SubTotalLineDetail"],
    }


def _line(line: JsonObject, skus: dict[str, str | None]) -> JsonObject:
    detail = line.get("SalesItemLineDetail", {})
    item = detail.get("ItemRef", {}).get("value")
    amount = line.get("Amount", Decimal(0))
    return {
        "kind": line["DetailType"],
        "item_id": item,
        "sku": skus.get(item),
        "description": line.get("Description"),
        "quantity": _plain(detail.get("Qty")),
        "unit_price": _plain(detail.get("UnitPrice")),
        "amount": _money(-amount if line["DetailType"] == "DiscountLineDetail" else amount),
    }


def _money(value: Any) -> str:
    return format(cents(value), "f")


def _plain(value: Any) -> str | None:
    return None if value is None else format(Decimal(value), "f")
