"""How request bodies and parameters are read, and how answers look (S5 to S8)."""

from __future__ import annotations

import pytest

from .conftest import Client, invoice, line, read, refused


def test_preferences_and_company_are_read(twin: Client) -> None:
    found = twin.get("preferences?minorversion=75").json()["Preferences"]
    assert found["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    assert found["TaxPrefs"]["UsingSalesTax"] is False
    assert "BookCloseDate" not in found["AccountingInfoPrefs"]
    twin.settings(book_close_on="2026-09-30")
    assert twin.get("preferences").json()["Preferences"]["AccountingInfoPrefs"]["BookCloseDate"] == "2026-09-30"
    assert twin.get("companyinfo/9130357849016486").json()["CompanyInfo"]["DefaultTimeZone"] == "America/New_York"


def test_minorversion_and_unknown_parameters_do_not_matter(twin: Client) -> None:
    for parameters in ("", "?minorversion=1", "?minorversion=75&what=ever"):
        assert twin.post(f"invoice{parameters}", invoice()).status_code == 200


def test_content_types_as_clients_send_them(twin: Client) -> None:
    typed = {"Content-Type": "application/json; charset=utf-8"}
    assert twin.call("POST", "invoice", invoice(), **typed).status_code == 200
    assert twin.call("GET", "invoice/1", **{"Content-Type": "application/json"}).status_code == 200
    pdf = twin.call("GET", "invoice/1/pdf", Accept="application/pdf, application/json")
    assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert twin.call("GET", "invoice/1", Accept="application/xml").status_code == 406


def test_unknown_resource_and_operation(twin: Client) -> None:
    answer = twin.post("gadget", {"Name": "x"})
    fault = answer.json()["Fault"]
    assert (answer.status_code, fault["type"], fault["Error"][0]["code"]) == (500, "SystemFault", "10000")
    refused(twin.post("invoice?operation=explode", {"Id": "1", "SyncToken": "0"}), 500)
    refused(twin.post("customer?operation=delete", {"Id": "1", "SyncToken": "0"}), 500)


def test_empty_text_is_absent_and_numbers_may_be_text(twin: Client) -> None:
    body = invoice(line("38.25", "3", "12.75"), PrivateNote="", DueDate="", TxnDate="", TotalAmt="", SyncToken=0)
    made = twin.create(body)
    assert "PrivateNote" not in made
    assert str(made["TotalAmt"]) == "38.25"
    assert made["SyncToken"] == "0"
    term = twin.post("term", {"Name": "Net 120", "DueDays": "120"}).json()["Term"]
    assert (term["DueDays"], term["Type"]) == (120, "STANDARD")


def test_read_only_fields_are_ignored(twin: Client) -> None:
    made = twin.create(invoice(TotalAmt=5, Balance=7, MetaData={"CreateTime": "x"}, InvoiceLink="http://x"))
    assert (made["TotalAmt"], made["Balance"]) == (100, 100)


@pytest.mark.parametrize(
    ("extra", "element"),
    [
        ({"Foo": 1}, "Foo"),
        ({"Line": [{**line(1), "Bar": 1}]}, "Bar"),
        ({"TxnDate": "2026-02-30"}, "TxnDate"),
        ({"CustomerRef": "1"}, "CustomerRef"),
        ({"Line": [line("one")]}, "Amount"),
        ({"Line": [line(float("1e30"))]}, "Amount"),
    ],
)
def test_unknown_or_mistyped_property(twin: Client, extra: dict[str, object], element: str) -> None:
    assert refused(twin.post("invoice", {**invoice(), **extra}), 2010)["element"] == element


@pytest.mark.parametrize("body", ["{", "CustomerRef=1", '{"Line": NaN}', "[" * 100_000, b"\xff"])
def test_malformed_json(twin: Client, body: str | bytes) -> None:
    refused(twin.post("invoice", body), 2010)


@pytest.mark.parametrize("extra", [{"EmailStatus": "Sometimes"}, {"GlobalTaxCalculation": "Whatever"}])
def test_unknown_choice(twin: Client, extra: dict[str, object]) -> None:
    refused(twin.post("invoice", invoice(**extra)), 2170)


def test_answers_have_no_nulls_and_exact_numbers(twin: Client) -> None:
    answer = twin.post("invoice", invoice(line("0.30", "3", "0.1"), line("1861.08", "128.350", "14.50")))
    assert "null" not in answer.text
    assert '"Amount":0.3,' in answer.text
    assert '"TotalAmt":1861.38,' in answer.text
    made = read(answer)["Invoice"]
    assert made["CustomerRef"] == {"value": "1", "name": "Acme Supply"}
    assert made["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "1", "name": "HCS-0100/Z"}
    assert made["LinkedTxn"] == []
