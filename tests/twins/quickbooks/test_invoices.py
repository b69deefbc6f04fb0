"""The rules of creating an invoice: required fields, amounts, numbers, defaults, closed books, tax (S10 to S19)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import Client, invoice, line, refused

HALF_UP = line("1861.08", "128.350", "14.50")


def test_customer_and_line_are_required(twin: Client) -> None:
    assert refused(twin.post("invoice", {"Line": [line(1)]}), 2020)["element"] == "CustomerRef"
    no_line = twin.post("invoice", {**invoice(), "Line": []})
    assert "Required parameter Line is missing" in refused(no_line, 2020)["Detail"]
    only_total = {"DetailType": "SubTotalLineDetail", "Amount": 5, "SubTotalLineDetail": {}}
    refused(twin.post("invoice", invoice(only_total)), 2020)
    assert refused(twin.post("invoice", invoice(line())), 2020)["element"] == "Amount"
    assert twin.create(invoice(line(None, 2, "1.5")))["TotalAmt"] == 3


def test_amount_is_quantity_times_price_rounded_half_up(twin: Client) -> None:
    assert twin.create(invoice(HALF_UP))["TotalAmt"] == Decimal("1861.08")
    error = refused(twin.post("invoice", invoice({**HALF_UP, "Amount": 1861.07})), 6070)
    assert error["Detail"] == "Amount is not equal to UnitPrice * Qty. Supplied value:1,861.07"
    assert twin.count() == 1


def test_unknown_and_inactive_references(twin: Client) -> None:
    assert "540123582" in refused(twin.post("invoice", invoice(CustomerRef={"value": "540123582"})), 2500)["Detail"]
    refused(twin.post("invoice", invoice(line(1, item="99"))), 2500)
    refused(twin.post("invoice", invoice(line(1, item="x"))), 2500)
    refused(twin.post("invoice", invoice(SalesTermRef={"value": "99"})), 2500)
    refused(twin.post("invoice", invoice(ClassRef={"value": "1"})), 2500)
    twin.control("POST", "edit", {"entity": "Item", "id": "2", "changes": {"Active": False}})
    refused(twin.post("invoice", invoice(line(1, item="2"))), 610)
    twin.settings(inactive_reference_code=2500)
    refused(twin.post("invoice", invoice(line(1, item="2"))), 2500)


def test_document_number_length(twin: Client) -> None:
    error = refused(twin.post("invoice", invoice(DocNumber="X" * 22)), 2050)
    assert error["element"] == "DocNumber"
    assert "Max:21 supported. Supplied length:22" in error["Detail"]
    assert twin.create(invoice(DocNumber="X" * 21))["DocNumber"] == "X" * 21


def test_own_numbers_stay_empty_when_not_given(twin: Client) -> None:
    assert "DocNumber" not in twin.create(invoice())
    assert twin.create(invoice(DocNumber="AUTO_GENERATE"))["DocNumber"] == "1001"


def test_automatic_numbers_override_or_accept_a_given_one(twin: Client) -> None:
    twin.settings(custom_txn_numbers=False)
    assert [twin.create(invoice())["DocNumber"] for _ in range(2)] == ["1001", "1002"]
    assert twin.create(invoice(DocNumber="OURS-1"))["DocNumber"] == "1003"
    twin.settings(supplied_number="accept")
    assert twin.create(invoice(DocNumber="OURS-1"))["DocNumber"] == "OURS-1"
    assert twin.create(invoice(DocNumber="OURS-1"))["DocNumber"] == "OURS-1"


def test_used_number_is_refused_only_when_the_company_warns(twin: Client) -> None:
    first = twin.create(invoice(DocNumber="INV-1"))
    error = refused(twin.post("invoice", invoice(DocNumber="INV-1")), 6140)
    assert f"DocNumber=INV-1 is assigned to TxnType=Invoice with TxnId={first['Id']}" in error["Detail"]
    twin.create(invoice(DocNumber="INV-1"), "&include=allowduplicatedocnum")
    twin.settings(warn_duplicate_numbers=False)
    twin.create(invoice(DocNumber="INV-1"))
    assert twin.count() == 3


def test_defaults(twin: Client) -> None:
    twin.control("PATCH", "clock", {"now": "2026-11-21T03:30:00Z"})
    twin.grant()
    made = twin.create(invoice(line("38.25", 3, "12.75")))
    assert made["TxnDate"] == "2026-11-20"  # still the evening before in New York
    assert (made["DueDate"], made["SalesTermRef"]) == ("2026-12-05", {"value": "2", "name": "Net 15"})
    assert made["BillAddr"]["Line1"] == made["ShipAddr"]["Line1"] == "1 Main St"
    assert (made["EmailStatus"], made["PrintStatus"]) == ("NotSet", "NeedToPrint")
    assert made["MetaData"]["CreateTime"] == "2026-11-20T22:30:00-05:00"
    assert (made["TotalAmt"], made["Balance"], made["SyncToken"]) == (Decimal("38.25"), Decimal("38.25"), "0")
    sales, subtotal = made["Line"]
    assert (sales["Id"], sales["LineNum"], sales["SalesItemLineDetail"]["TaxCodeRef"]) == ("1", 1, {"value": "NON"})
    assert subtotal == {"Amount": Decimal("38.25"), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}


def test_due_date_follows_the_term_that_was_given(twin: Client) -> None:
    assert twin.create(invoice(TxnDate="2026-11-20", SalesTermRef={"value": "1"}))["DueDate"] == "2026-12-20"
    assert twin.create(invoice(TxnDate="2026-11-20", DueDate="2026-11-25"))["DueDate"] == "2026-11-25"
    term = twin.post("term", {"Name": "10th", "DayOfMonthDue": 10, "DueNextMonthDays": 5}).json()["Term"]
    due = [
        twin.create(invoice(TxnDate=day, SalesTermRef={"value": term["Id"]}))["DueDate"]
        for day in ("2026-11-03", "2026-11-08", "2026-12-31")
    ]
    assert due == ["2026-11-10", "2026-12-10", "2027-01-10"]


def test_mail_needs_an_address(twin: Client) -> None:
    refused(twin.post("invoice", invoice(EmailStatus="NeedToSend")), 6420)
    made = twin.create(invoice(EmailStatus="NeedToSend", BillEmail={"Address": "a@example.com"}))
    sent = twin.post(f"invoice/{made['Id']}/send?sendTo=b%2Bc%40example.com", "").json()["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "b+c@example.com")
    assert (sent["SyncToken"], sent["DeliveryInfo"]["DeliveryType"]) == ("1", "Email")


def test_closed_books(twin: Client) -> None:
    old = twin.create(invoice(TxnDate="2026-09-30"))
    twin.settings(book_close_on="2026-09-30")
    change = {"Id": old["Id"], "SyncToken": "0", "sparse": True}
    refused(twin.post("invoice", invoice(TxnDate="2026-09-30")), 6210)
    refused(twin.post("invoice", {**change, "TxnDate": "2026-10-02"}), 6210)
    refused(twin.post("invoice?operation=void", change), 6210)
    refused(twin.post("invoice?operation=delete", change), 6210)
    new = twin.create(invoice(TxnDate="2026-10-01"))
    twin.settings(closed_books_code=6200)
    refused(twin.post("invoice", {**change, "Id": new["Id"], "TxnDate": "2026-09-29"}), 6200)


def _bearing(twin: Client) -> str:
    kinds = ("IncomeAccountRef", "AssetAccountRef", "ExpenseAccountRef")
    accounts = {kind: {"value": str(n)} for n, kind in enumerate(kinds, 1)}
    body = {"Name": "Bearing", "Type": "Inventory", "QtyOnHand": 10, "InvStartDate": "2026-11-01", **accounts}
    return str(twin.post("item", body).json()["Item"]["Id"])


def test_inventory_items_count_stock(twin: Client) -> None:
    item = _bearing(twin)

    def on_hand() -> Any:
        return twin.get(f"item/{item}").json()["Item"]["QtyOnHand"]

    refused(twin.post("invoice", invoice(line(5, item=item))), 6520)
    refused(twin.post("invoice", invoice(line(5, 1, 5, item), TxnDate="2026-10-31")), 6270)
    made = twin.create(invoice(line(20, 4, 5, item)))
    assert on_hand() == 6
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Line": [line(5, 1, 5, item)]}
    assert twin.post("invoice", body).status_code == 200
    assert on_hand() == 9
    twin.post("invoice?operation=void", {"Id": made["Id"], "SyncToken": "1"})
    assert on_hand() == 10


def test_tax_is_off_by_default_and_codes_are_tax_or_non(twin: Client) -> None:
    taxed = line(100)
    taxed["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    made = twin.create(invoice(taxed, TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}, "TotalTax": 9}))
    assert (made["TotalAmt"], made["TxnTaxDetail"]) == (100, {"TotalTax": 0})
    taxed["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "5"}
    refused(twin.post("invoice", invoice(taxed)), 6100)


def test_tax_of_a_company_that_uses_it(twin: Client) -> None:
    twin.settings(using_sales_tax=True, tax_rates={"2": "8.25"})
    detail = {"TxnTaxCodeRef": {"value": "2"}}
    made = twin.create(invoice(line("10.10"), line("5.00", item="2"), TxnTaxDetail=detail))
    assert [entry["SalesItemLineDetail"]["TaxCodeRef"]["value"] for entry in made["Line"][:2]] == ["TAX", "NON"]
    assert made["TxnTaxDetail"]["TotalTax"] == Decimal("0.83")
    assert made["TxnTaxDetail"]["TaxLine"][0]["TaxLineDetail"]["NetAmountTaxable"] == Decimal("10.1")
    assert made["TotalAmt"] == Decimal("15.93")
    assert twin.create(invoice(TxnTaxDetail={**detail, "TotalTax": "1.11"}))["TotalAmt"] == Decimal("101.11")
    assert twin.create(invoice(CustomerRef={"value": "2"}, TxnTaxDetail=detail))["TotalAmt"] == 100
    refused(twin.post("invoice", invoice(TxnTaxDetail={"TxnTaxCodeRef": {"value": "77"}})), 2500)


def _discount(amount: object = None, **detail: Any) -> dict[str, Any]:
    body = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}
    return body if amount is None else {**body, "Amount": amount}


def test_discount_lines(twin: Client) -> None:
    percent = twin.create(invoice(line("33.33"), _discount(PercentBased=True, DiscountPercent=10)))
    assert (percent["TotalAmt"], percent["Line"][-1]["Amount"]) == (Decimal(30), Decimal("3.33"))
    assert percent["Line"][1]["Amount"] == Decimal("33.33")
    assert twin.create(invoice(line(50), _discount(5, PercentBased=False, DiscountPercent=0)))["TotalAmt"] == 45
    refused(twin.post("invoice", invoice(line(50), _discount(PercentBased=False))), 6090)
    refused(twin.post("invoice", invoice(line(50), _discount(5), _discount(5))), 6000)
    refused(twin.post("invoice", invoice(line(50), _discount(51))), 6000)


def test_what_the_twin_does_not_have_is_refused_not_ignored(twin: Client) -> None:
    refused(twin.post("invoice", invoice(CurrencyRef={"value": "EUR"})), 6000)
    refused(twin.post("invoice", invoice(LinkedTxn=[{"TxnId": "1", "TxnType": "Estimate"}])), 2500)
    refused(twin.post("invoice", invoice({"DetailType": "GroupLineDetail"})), 5030)
    refused(twin.post("invoice", invoice({"DetailType": "Unheard"})), 2170)
