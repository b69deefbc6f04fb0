"""What goes over the wire: exact numbers, our marker, every self-acting flag off."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.quickbooks.exact_json import dumps
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import Malformed, Missing
from domain.invoices import marker_for
from tests.adapters.quickbooks.support import Scripted, ScriptedServer, draft, freight, invoice_json, line, refs


def test_e1_a_draft_is_unsent_unprinted_and_says_whose_it_is(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    one = draft(lines=(line(), freight()))
    script.answers.append(Scripted({"Invoice": invoice_json(one)}))

    booked = gateway.draft_invoice(one, refs())

    request = script.received[0]
    body = json.loads(request.body)
    assert (request.method, request.path) == ("POST", "/v3/company/9130357849016486/invoice")
    assert request.query == {"minorversion": ["75"], "requestid": [one.request_id]}
    assert request.headers["Authorization"] == "Bearer access-1"
    assert body == {
        "CustomerRef": {"value": "58"},
        "TxnDate": "2026-11-20",
        "DueDate": "2026-12-20",
        "SalesTermRef": {"value": "3"},
        "DocNumber": "S-1001",
        "PrivateNote": "threeway:S-1001:1\nshipment S-1001, order SO-7, purchase order PO 55",
        "EmailStatus": "NotSet",
        "PrintStatus": "NotSet",
        "AllowIPNPayment": False,
        "AllowOnlineACHPayment": False,
        "AllowOnlineCreditCardPayment": False,
        "ShipDate": "2026-11-20",
        "TrackingNum": "1Z999",
        "ShipMethodRef": {"value": "Old Dominion Freight Line Inco"},
        "Line": [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": 377.00,
                "Description": "Flange bolt M8, Größe 8",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "11"},
                    "Qty": 4,
                    "UnitPrice": 94.251,
                    "TaxCodeRef": {"value": "TAX"},
                },
            },
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": 38.20,
                "Description": "Freight",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "12"},
                    "Qty": 1,
                    "UnitPrice": 38.20,
                    "TaxCodeRef": {"value": "NON"},
                },
            },
        ],
    }
    assert (booked.external_id, booked.total, booked.balance) == ("130", Decimal("377.00"), Decimal("377.00"))
    assert booked.note.startswith(marker_for("S-1001", 1))
    assert booked.created_at is not None
    assert booked.created_at.isoformat() == "2026-11-20T18:33:39+00:00"


def test_e4_numbers_are_written_digit_for_digit(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    one = draft(lines=(line(quantity="128.350", price="14.50", amount="1861.08"), line(price="0.1234567")))
    script.answers.append(Scripted({"Invoice": invoice_json(one)}))

    gateway.draft_invoice(one, refs())

    body = script.received[0].body
    assert '"Amount":1861.08' in body
    assert '"Qty":128.350,"UnitPrice":14.50' in body
    assert '"UnitPrice":0.1234567' in body


def test_e4_a_large_or_tiny_decimal_has_no_exponent() -> None:
    assert dumps([Decimal("1E+9"), Decimal("1E-7"), Decimal("-0.30")]) == "[1000000000,0.0000001,-0.30]"


@pytest.mark.parametrize("value", [0.3, {"Qty": 1.0}, [Decimal("NaN")], Decimal("Infinity"), {1: "a"}, object(), b"x"])
def test_e4_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=7),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_e4_what_is_written_is_read_back_exactly(value: object) -> None:
    assert json.loads(dumps(value), parse_float=Decimal, parse_int=Decimal) == value


def test_texts_survive_json() -> None:
    text = 'quote " backslash \\ newline \n Größe \u2028'
    assert json.loads(dumps({"a": text, "b": None, "c": True, "d": ()})) == {"a": text, "b": None, "c": True, "d": []}


def test_absent_words_are_left_out(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    one = draft(carrier=None, tracking=None, purchase_order=None)
    script.answers.append(Scripted({"Invoice": invoice_json(one)}))

    gateway.draft_invoice(one, refs().model_copy(update={"terms_id": None}))

    body = json.loads(script.received[0].body)
    assert not {"ShipMethodRef", "TrackingNum", "SalesTermRef"} & set(body)
    assert body["PrivateNote"].endswith("order SO-7")


def test_long_texts_are_cut_where_quickbooks_would_refuse_them(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    one = draft(lines=(line().model_copy(update={"description": "d" * 5000}),), order_number="o" * 5000)
    script.answers.append(Scripted({"Invoice": invoice_json(one)}))

    gateway.draft_invoice(one, refs())

    body = json.loads(script.received[0].body)
    assert len(body["PrivateNote"]) == 4000
    assert body["PrivateNote"].startswith("threeway:S-1001:1\n")
    assert len(body["Line"][0]["Description"]) == 4000


def test_m1_an_item_without_a_link_is_named_and_nothing_is_sent(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    with pytest.raises(Missing, match="NEW-1") as caught:
        gateway.draft_invoice(draft(lines=(line(sku="NEW-1"),)), refs())

    assert caught.value.context == {"sku": "NEW-1"}
    assert script.received == []


def test_e11_a_number_that_quickbooks_would_refuse_is_not_sent(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    with pytest.raises(Malformed):
        gateway.draft_invoice(draft(doc_number="x" * 22), refs())
    assert script.received == []
