"""The ERP's export full of business trouble: each is work with a cause and choices, and decisions are followed."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest

from tests.e2e.books import assert_billed_once, assert_equals_truth, assert_ledger_equals, by_shipment
from tests.e2e.sample_world import Billed, SampleWorld
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until


def test_only_the_clean_one_of_a_troubled_file_is_billed(sampled: SampleWorld, troubled: Billed) -> None:
    """Cases X5, F8, F9: trouble stays with its shipment; a repeat and a correction make no second invoice."""
    assert troubled.file["state"] == "applied"
    stated = {one["shipment_no"]: one for one in sampled.truth["SHPCNF.S000417"]["shipments"]}
    (new,) = by_shipment(troubled.ledger).keys() - stated.keys()
    assert new == "SH5504303"
    (invoice,) = by_shipment(troubled.ledger)[new]
    shipped = next(one for one in sampled.truth["SHPCNF.S000418"]["shipments"] if one["shipment_no"] == new)
    assert_equals_truth(invoice, _expected(shipped), shipped, sampled.world)
    assert_ledger_equals(troubled.ledger, sampled.truth["SHPCNF.S000417"], sampled.world)
    assert len(troubled.ledger) == 14


@pytest.mark.parametrize(
    ("shipment", "kind", "cause", "choices", "at_stake"),
    [
        ("SH5504268", "hold", "unknown_item", {"retry", "use_item", "do_not_bill"}, "2645.81"),  # M1
        ("SH5504275", "hold", "unknown_customer", {"retry", "use_customer", "do_not_bill"}, "1943.64"),  # M2
        ("SH5504282", "hold", "over_shipment", {"bill_all", "bill_ordered", "retry", "do_not_bill"}, "2917.55"),  # O4
        (  # E2
            *("SH5504289", "conflict", "price_differs"),
            {"bill_order_price", "bill_shipment_price", "retry", "do_not_bill"},
            "5336.18",
        ),
        ("SH5504296", "hold", "unknown_order", {"retry", "bill_without_order", "do_not_bill"}, "422.13"),  # O6
        ("SH5504177", "conflict", "correction_after_invoice", {"post_credit", "handled"}, "47.71"),  # F9
    ],
)
def test_each_trouble_is_work_with_its_cause_and_its_choices(
    troubled: Billed, shipment: str, kind: str, cause: str, choices: set[str], at_stake: str
) -> None:
    item = troubled.exceptions[shipment]
    assert (item["kind"], item["cause"], item["state"]) == (kind, cause, "open")
    assert set(item["choices"]) == choices
    assert Decimal(item["money_at_stake"]) == Decimal(at_stake)
    flow = "credit" if cause == "correction_after_invoice" else "shipment"
    assert (item["owner"], item["workflow_id"]) == ("billing", f"{flow}/{shipment}")
    assert item["sentence"].endswith((".", "all."))


def test_an_exact_repeat_leaves_no_trace_of_trouble(sampled: SampleWorld, troubled: Billed) -> None:
    """Case F8."""
    assert "SH5504184" not in troubled.exceptions
    shipment = sampled.gateway.get("/shipments/SH5504184")
    assert (shipment["revision"], shipment["state"], len(shipment["invoices"])) == (1, "invoiced", 1)


def test_a_price_that_differs_is_billed_at_the_orders_price_by_decision(sampled: SampleWorld, troubled: Billed) -> None:
    """Case E2."""
    sampled.gateway.resolve(troubled.exceptions["SH5504289"], "bill_order_price")
    invoice = sampled.invoice_of("SH5504289")
    ordered = {one["sku"]: one for one in sampled.order("SO700355")["lines"]}
    prices = {one["sku"]: Decimal(one["unit_price"]) for one in invoice["lines"]}
    assert prices == {sku: Decimal(one["unit_price"]) for sku, one in ordered.items()}
    assert Decimal(invoice["lines"][0]["amount"]) == Decimal("2039.52")  # 140 FT at 14.568
    item = sampled.gateway.get(f"/exceptions/{troubled.exceptions['SH5504289']['id']}")
    assert (item["state"], item["resolution"]["choice"]) == ("resolved", "bill_order_price")


def test_an_order_that_appears_lets_its_shipment_go_by_itself(sampled: SampleWorld, troubled: Billed) -> None:
    """Case O6: nobody has to decide anything."""
    gateway = sampled.gateway
    gateway.salesforce.place_order({**sampled.order("SO700358"), "order_no": "SO999999"})
    gateway.pull_orders()
    invoice = sampled.invoice_of("SH5504296")
    assert Decimal(invoice["total"]) == Decimal("422.13")
    item_id = troubled.exceptions["SH5504296"]["id"]
    item = wait_until(
        "the exception closes by itself",
        lambda: gateway.get(f"/exceptions/{item_id}"),
        lambda one: one["state"] != "open",
    )
    assert (item["state"], item["resolution"]) == ("self_resolved", None)
    wait_until(
        "Salesforce shows the new order as invoiced",
        lambda: sampled.shown_order("SO999999"),
        lambda order: order["Gateway_Status__c"] == "Invoiced",
    )


def test_an_unknown_item_is_billed_as_the_item_that_a_person_names(sampled: SampleWorld, troubled: Billed) -> None:
    """Case M1."""
    sampled.gateway.resolve(troubled.exceptions["SH5504268"], "use_item", "RCH-0240/Z")
    invoice = sampled.invoice_of("SH5504268")
    billed = [(one["sku"], Decimal(one["quantity"]), Decimal(one["amount"])) for one in invoice["lines"]]
    assert billed == [
        ("RCH-0240/Z", Decimal("30.75"), Decimal("1043.35")),
        ("SLV-0261", Decimal(4), Decimal("1433.71")),
        ("FREIGHT", Decimal(1), Decimal("168.75")),
    ]


def test_an_unknown_customer_is_billed_to_the_one_that_a_person_names(sampled: SampleWorld, troubled: Billed) -> None:
    """Case M2."""
    sampled.gateway.resolve(troubled.exceptions["SH5504275"], "use_customer", "00040121")
    invoice = sampled.invoice_of("SH5504275")
    name = next(one["name"] for one in sampled.world["customers"] if one["erp_no"] == "00040121")
    assert (invoice["customer_name"], invoice["total"]) == (name, "1943.64")


def test_a_shipment_is_not_billed_when_a_person_says_so(sampled: SampleWorld, troubled: Billed) -> None:
    """Case O4, decided against billing."""
    gateway = sampled.gateway
    gateway.resolve(troubled.exceptions["SH5504282"], "do_not_bill")
    shipment = wait_until(
        "the shipment is settled without an invoice",
        lambda: gateway.get("/shipments/SH5504282"),
        lambda one: one["state"] == "not_billed",
    )
    assert shipment["invoices"] == []
    assert "SH5504282" not in by_shipment(gateway.quickbooks.ledger())


def test_a_correction_is_credited_when_a_person_says_so_and_the_invoice_stays(
    sampled: SampleWorld, troubled: Billed
) -> None:
    """Case F9: the invoice that is in the books is never edited; a credit memo takes back the difference."""
    gateway = sampled.gateway
    assert "a credit memo over 47.71 (1 BX" in troubled.exceptions["SH5504177"]["sentence"]
    gateway.resolve(troubled.exceptions["SH5504177"], "post_credit")
    shipment = wait_until(
        "the correction is the shipment's statement",
        lambda: gateway.get("/shipments/SH5504177"),
        lambda one: one["revision"] == 2,
    )
    assert Decimal(shipment["lines"][0]["quantity_shipped"]) == 3
    invoice = sampled.invoice_of("SH5504177")
    assert (invoice["total"], invoice["sync_token"]) == ("7599.52", "0")
    (memo,) = gateway.quickbooks.get("/ledger")["credit_memos"]
    assert (memo["doc_number"], memo["total"], memo["email_status"]) == ("SH5504177-C1", "47.71", "NotSet")
    item = gateway.get(f"/exceptions/{troubled.exceptions['SH5504177']['id']}")
    assert (item["state"], item["resolution"]["choice"]) == ("resolved", "post_credit")


def test_in_the_end_every_shipment_has_at_most_one_invoice(sampled: SampleWorld, troubled: Billed) -> None:
    stated = {
        one["shipment_no"] for name in ("SHPCNF.S000417", "SHPCNF.S000418") for one in sampled.truth[name]["shipments"]
    }
    billed = by_shipment(sampled.gateway.quickbooks.ledger())
    assert billed.keys() <= stated
    assert_billed_once(sampled.gateway.quickbooks.ledger(), billed)


def _expected(shipped: Json) -> Json:
    """The invoice of a clean shipment by its own words: the truth file names those of the clean export only."""
    lines = [
        {
            "sku": one["sku"],
            "quantity": one["quantity_shipped"],
            "unit_price": one["unit_price"],
            "amount": _cents(Decimal(one["quantity_shipped"]) * Decimal(one["unit_price"])),
        }
        for one in shipped["lines"]
    ]
    total = sum((Decimal(one["amount"]) for one in lines), Decimal(shipped["freight"]))
    return {"lines": lines, "freight": shipped["freight"], "total": str(total)}


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
