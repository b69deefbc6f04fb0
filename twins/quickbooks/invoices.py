"""Invoices of the QuickBooks twin: create, full and sparse update, delete, void, send."""

from datetime import date, timedelta
from decimal import Decimal

from twins.quickbooks.answers import BusinessFault, missing
from twins.quickbooks.lines import number_lines, read_lines, total_up
from twins.quickbooks.masters import change_balance
from twins.quickbooks.state import Company
from twins.quickbooks.stock import check_stock, move_stock
from twins.web import JsonObject

ZERO = Decimal(0)
ALLOW_DUPLICATE = "allowduplicatedocnum"
_COMPUTED = ("Id", "SyncToken", "MetaData", "domain", "sparse", "TotalAmt", "Balance", "DeliveryInfo")
_CURRENCY = {"value": "USD", "name": "United States Dollar"}


def create_invoice(company: Company, body: JsonObject, include: frozenset[str]) -> JsonObject:
    """Book a new invoice and return it."""
    for link in body.get("LinkedTxn", []):
        raise BusinessFault(2500, f"Invalid Reference Id : Transaction id {link.get('TxnId')} not found", "LinkedTxn")
    fields = document_fields(company, {k: v for k, v in body.items() if k not in _COMPUTED}, None)
    fields["DocNumber"] = document_number(company, body.get("DocNumber"), include, own_id=None)
    invoice = company.insert("Invoice", present(fields))
    move_stock(company, [], invoice["Line"])
    change_balance(company, invoice["CustomerRef"]["value"], invoice["Balance"])
    return invoice


def update_invoice(company: Company, body: JsonObject, include: frozenset[str]) -> JsonObject:
    """Change an invoice: a sparse body keeps what it does not name, a full one clears it; lists are replaced."""
    old, standing = company.check_token("Invoice", body)
    check_open(company, old["TxnDate"])
    given = {k: v for k, v in body.items() if k not in _COMPUTED}
    kept = {k: v for k, v in old.items() if k not in _COMPUTED} if body.get("sparse") else {}
    fields = document_fields(company, _merged(kept, given, old), old)
    number = given.get("DocNumber", kept.get("DocNumber"))
    if number != old.get("DocNumber"):
        number = document_number(company, number, include, own_id=old["Id"])
    fields["DocNumber"] = number
    if "DeliveryInfo" in old:
        fields["DeliveryInfo"] = old["DeliveryInfo"]
    changed = company.update("Invoice", {**_identity(old), **present(fields)}, standing)
    move_stock(company, old["Line"], changed["Line"])
    change_balance(company, old["CustomerRef"]["value"], -old["Balance"])
    change_balance(company, changed["CustomerRef"]["value"], changed["Balance"])
    return changed


def delete_invoice(company: Company, body: JsonObject) -> JsonObject:
    """Remove an invoice for good; refused (6000) while a payment is linked."""
    old, _ = company.check_token("Invoice", body)
    check_open(company, old["TxnDate"])
    check_unlinked(old)
    company.update("Invoice", old, "deleted")
    move_stock(company, old["Line"], [])
    change_balance(company, old["CustomerRef"]["value"], -old["Balance"])
    return {"status": "Deleted", "domain": "QBO", "Id": old["Id"]}


def void_invoice(company: Company, body: JsonObject) -> JsonObject:
    """Set all amounts and quantities to zero and keep the number; refused (6000) while a payment is linked."""
    old, standing = company.check_token("Invoice", body)
    check_open(company, old["TxnDate"])
    check_unlinked(old)
    note = old.get("PrivateNote")
    if standing != "voided":
        note = f"Voided - {note}" if note else "Voided"
    zeroed = {"Line": [_zero(line) for line in old["Line"]], "TxnTaxDetail": {"TotalTax": ZERO}}
    voided = {**old, **zeroed, "TotalAmt": ZERO, "Balance": ZERO, "PrivateNote": note}
    changed = company.update("Invoice", voided, "voided")
    move_stock(company, old["Line"], [])
    change_balance(company, old["CustomerRef"]["value"], -old["Balance"])
    return changed


def send_invoice(company: Company, key: str, address: str | None) -> JsonObject:
    """Mail an invoice (nothing leaves the twin): EmailSent, DeliveryInfo and the address, next SyncToken."""
    found = company.row("Invoice", key)
    if found is None or found[1] == "deleted":
        raise BusinessFault(610, "Object Not Found : the invoice does not exist")
    invoice, standing = found
    email = {"Address": address} if address else invoice.get("BillEmail")
    if not email:
        raise BusinessFault(6420, "Email address is required to send the transaction", "BillEmail")
    delivery = {"DeliveryType": "Email", "DeliveryTime": company.time()}
    sent = {**invoice, "EmailStatus": "EmailSent", "BillEmail": email, "DeliveryInfo": delivery}
    return company.update("Invoice", sent, standing)


def document_fields(company: Company, fields: JsonObject, old: JsonObject | None) -> JsonObject:
    """Return all fields of an invoice but its number and identity, checked, defaulted and totalled."""
    customer = _customer(company, fields)
    if not fields.get("Line"):
        raise missing("Line")
    _check_unsupported(fields)
    if fields.get("EmailStatus") == "NeedToSend" and "BillEmail" not in fields:
        raise BusinessFault(6420, "BillEmail is required when EmailStatus is NeedToSend", "BillEmail")
    txn_date = fields.get("TxnDate") or company.today().isoformat()
    check_open(company, txn_date)
    lines = number_lines(
        read_lines(company, fields["Line"], customer.get("Taxable", True)), old["Line"] if old is not None else []
    )
    check_stock(company, lines, txn_date)
    lines, tax, total = total_up(company, fields, lines)
    paid = old["TotalAmt"] - old["Balance"] if old is not None else ZERO
    if total < paid:
        raise BusinessFault(6000, "Business Validation Error: The amount is less than the payments applied.", "Line")
    return {
        **fields,
        **_defaults(company, fields, customer, txn_date),
        "CustomerRef": {"value": customer["Id"], "name": customer["DisplayName"]},
        "CurrencyRef": dict(_CURRENCY),
        "TxnDate": txn_date,
        "Line": lines,
        "TxnTaxDetail": tax,
        "TotalAmt": total,
        "Balance": total - paid,
    }


def _defaults(company: Company, fields: JsonObject, customer: JsonObject, txn_date: str) -> JsonObject:
    term_ref = fields.get("SalesTermRef") or customer.get("SalesTermRef")
    term = company.reference("Term", term_ref, "SalesTermRef", active=False) if term_ref else None
    found = {
        "EmailStatus": fields.get("EmailStatus", "NotSet"),
        "PrintStatus": fields.get("PrintStatus", "NeedToPrint"),
        "ApplyTaxAfterDiscount": fields.get("ApplyTaxAfterDiscount", False),
        "LinkedTxn": fields.get("LinkedTxn", []),
        "CustomField": fields.get("CustomField", []),
        "SalesTermRef": {"value": term["Id"], "name": term["Name"]} if term else None,
        "DueDate": fields.get("DueDate") or _due_date(date.fromisoformat(txn_date), term).isoformat(),
        "BillAddr": fields.get("BillAddr") or customer.get("BillAddr"),
        "ShipAddr": fields.get("ShipAddr") or customer.get("ShipAddr") or customer.get("BillAddr"),
    }
    if "ShipMethodRef" in fields:
        found["ShipMethodRef"] = {"value": fields["ShipMethodRef"]["value"], "name": fields["ShipMethodRef"]["value"]}
    return found


def _due_date(txn_date: date, term: JsonObject | None) -> date:
    if term is None:
        # Without any term QuickBooks takes the company's default of thirty days.
        return txn_date + timedelta(days=30)
    if term["Type"] == "STANDARD":
        return txn_date + timedelta(days=int(term.get("DueDays", 0)))
    due_day = int(term["DayOfMonthDue"])
    months = 1 if txn_date.day > due_day - int(term.get("DueNextMonthDays", 0)) else 0
    first = (txn_date.replace(day=1) + timedelta(days=32 * months)).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(due_day, last.day))


def _customer(company: Company, fields: JsonObject) -> JsonObject:
    if "CustomerRef" not in fields:
        raise missing("CustomerRef")
    return company.reference("Customer", fields["CustomerRef"], "CustomerRef")


def document_number(
    company: Company, given: str | None, include: frozenset[str], own_id: str | None, kind: str = "Invoice"
) -> str | None:
    """Decide the document number; 6140 for a used one when the company warns and the request does not waive it."""
    own_numbers = bool(company.settings["custom_txn_numbers"])
    automatic = not own_numbers and (given is None or company.settings["supplied_number"] == "override")
    if given == "AUTO_GENERATE" or automatic:
        return str(company.database.next_number("document number", 1001))
    if given is None or not own_numbers or not company.settings["warn_duplicate_numbers"] or ALLOW_DUPLICATE in include:
        return given
    for other in company.labelled(kind, given):
        if other["Id"] != own_id:
            detail = (
                "Duplicate Document Number Error : You must specify a different number. This number has already been"
                f" used. DocNumber={given} is assigned to TxnType={kind} with TxnId={other['Id']}"
            )
            raise BusinessFault(6140, detail, "")
    return given


def check_open(company: Company, txn_date: str) -> None:
    """Refuse (6210 or 6200) a day in the closed books."""
    closed = str(company.settings["book_close_on"])
    if closed and txn_date <= closed:
        detail = (
            "The account period has closed and the account books cannot be updated through the QBO Services API."
            " Please use the QBO website to make these changes."
        )
        raise BusinessFault(int(company.settings["closed_books_code"]), detail, "")


def check_unlinked(invoice: JsonObject) -> None:
    """Refuse (6000) to take away a transaction that others are linked to."""
    if invoice["LinkedTxn"]:
        detail = "Business Validation Error: A payment is applied to this transaction. Unlink it first."
        raise BusinessFault(6000, detail, "")


def _check_unsupported(fields: JsonObject) -> None:
    if fields.get("CurrencyRef", _CURRENCY)["value"] != "USD":
        detail = "Business Validation Error: Multi Currency should be enabled to perform this operation"
        raise BusinessFault(6000, detail, "CurrencyRef")
    for name, entity in (("ClassRef", "Class"), ("DepartmentRef", "Department")):
        if name in fields:
            key = fields[name]["value"]
            raise BusinessFault(2500, f"Invalid Reference Id : {entity} element id {key} not found", name)


def _merged(kept: JsonObject, given: JsonObject, old: JsonObject) -> JsonObject:
    """Lay a change over what is kept; the links are QuickBooks' own and stay."""
    merged = {**kept, **given, "LinkedTxn": old["LinkedTxn"]}
    moved = merged.get("TxnDate") != old["TxnDate"] or merged.get("SalesTermRef") != old.get("SalesTermRef")
    if moved and "DueDate" not in given:
        merged.pop("DueDate", None)
    if "Line" in given and "TxnTaxDetail" not in given and "TxnTaxDetail" in kept:
        merged["TxnTaxDetail"] = {k: v for k, v in kept["TxnTaxDetail"].items() if k == "TxnTaxCodeRef"}
    if "CustomerRef" in given and given["CustomerRef"]["value"] != old["CustomerRef"]["value"]:
        for name in ("BillAddr", "ShipAddr", "SalesTermRef"):
            if name not in given:
                merged.pop(name, None)
    return merged


def _identity(old: JsonObject) -> JsonObject:
    return {name: old[name] for name in ("domain", "sparse", "Id", "SyncToken", "MetaData")}


def present(fields: JsonObject) -> JsonObject:
    """Drop what is absent: QuickBooks answers no null."""
    return {name: value for name, value in fields.items() if value is not None}


def _zero(line: JsonObject) -> JsonObject:
    zeroed = {**line, "Amount": ZERO} if "Amount" in line else dict(line)
    if "SalesItemLineDetail" in line:
        detail = line["SalesItemLineDetail"]
        zeroed["SalesItemLineDetail"] = {**detail, **({"Qty": ZERO} if "Qty" in detail else {})}
        if "UnitPrice" in detail:
            zeroed["SalesItemLineDetail"]["UnitPrice"] = ZERO
    return zeroed
