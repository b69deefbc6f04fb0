"""The main job on the ERP's own clean export: thirteen shipments become thirteen invoices, and everybody can see it."""

from __future__ import annotations

import itertools
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from tests.e2e.books import assert_ledger_equals, lines_shipped, order_amounts, shipment_of
from tests.e2e.sample_world import Billed, SampleWorld
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until

PROMISE_SECONDS = 90


def test_thirteen_shipments_become_thirteen_invoices_to_the_cent(sampled: SampleWorld, clean: Billed) -> None:
    """Cases O1, O3, O5, E1, E4, E6, E7: partial, split, short; unsent; rounding; freight; due dates."""
    truth = sampled.truth["SHPCNF.S000417"]
    assert clean.file["state"] == "applied"
    assert clean.file["shipments"] == {"invoiced": 13}
    assert len(clean.ledger) == 13
    assert_ledger_equals(clean.ledger, truth, sampled.world)
    billed_skus = {(shipment_of(one), line["sku"]) for one in clean.ledger for line in one["lines"]}
    nothing_shipped = [
        (one["shipment_no"], line["sku"])
        for one in truth["shipments"]
        for line in one["lines"]
        if Decimal(line["quantity_shipped"]) == 0
    ]
    assert nothing_shipped, "the sample has a line of which nothing was shipped"
    assert not billed_skus.intersection(nothing_shipped)


def test_each_invoice_comes_within_the_promised_time(sampled: SampleWorld, clean: Billed) -> None:
    seconds = [one["seconds_to_invoice"] for one in sampled.gateway.shipments(clean.file["file_id"]).values()]
    assert max(seconds) < PROMISE_SECONDS


def test_salesforce_shows_invoices_orders_and_events(sampled: SampleWorld, clean: Billed) -> None:
    truth, org = sampled.truth["SHPCNF.S000417"], sampled.gateway.salesforce
    expected = {one["shipment_no"]: Decimal(one["total"]) for one in truth["expected_invoices"]}
    rows = wait_until(
        "Salesforce has the 13 invoices",
        lambda: {one["Doc_Number__c"]: one for one in org.records("Invoice__c")},
        lambda found: expected.keys() <= found.keys(),
    )
    in_books = {shipment_of(one): one for one in clean.ledger}
    orders = {one["Id"]: one for one in org.records("Order")}
    order_of = {one["shipment_no"]: one["order_no"] for one in truth["shipments"]}
    for number, total in expected.items():
        row = rows[number]
        assert Decimal(str(row["Total__c"])) == total
        assert row["QuickBooks_Id__c"] == in_books[number]["id"]
        assert (row["Status__c"], row["Invoiced_On__c"]) == ("Drafted", in_books[number]["txn_date"])
        assert orders[row["Order__c"]]["ERP_Order_Id__c"] == order_of[number]
    noted = {one["Event_Key__c"] for one in org.records("Order_Event__c")}
    assert {f"invoice-drafted:{number}:1" for number in expected} <= noted


def test_salesforce_shows_what_each_order_comes_to(sampled: SampleWorld, shown: dict[str, Json]) -> None:
    """A backordered line keeps its order open, a line that was closed short does not (cases O2, O5)."""
    truth = sampled.truth["SHPCNF.S000417"]
    reasons = {one["order_no"]: {line.get("reason") for line in one["lines"]} for one in truth["shipments"]}
    for number, amount in order_amounts(truth).items():
        order = shown[number]
        assert Decimal(str(order["Invoiced_Amount__c"])) == amount
        assert order["Gateway_Status__c"] == ("Partially Invoiced" if "BO" in reasons[number] else "Invoiced"), order
    untouched = {one["order_no"] for one in sampled.world["orders"]} - order_amounts(truth).keys()
    assert {shown[number]["Gateway_Status__c"] for number in untouched} <= {None, "Submitted"}


def test_salesforce_shows_how_far_each_order_line_is(sampled: SampleWorld, shown: dict[str, Json]) -> None:
    """O1, O2, O3: shipped, billed and backordered stand on the line, what may still be billed on the order."""
    for number, lines in lines_shipped(sampled.truth["SHPCNF.S000417"]).items():
        left = Decimal(0)
        for ordered in sampled.order(number)["lines"]:
            shipped, is_backordered = lines.get(ordered["line"], (Decimal(0), False))
            open_quantity = Decimal(ordered["quantity"]) - shipped
            left += (open_quantity * Decimal(ordered["unit_price"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
            line = shown[number]["lines"][ordered["line"]]
            stated = [line[name] for name in ("Qty_Shipped__c", "Qty_Invoiced__c", "Qty_Backordered__c")]
            expected = [shipped, shipped, open_quantity if is_backordered else Decimal(0)]
            assert [Decimal(str(one or 0)) for one in stated] == expected, (number, ordered)
        assert Decimal(str(shown[number]["Open_Amount__c"])) == left, number


def test_the_same_bytes_under_another_name_change_nothing(sampled: SampleWorld, clean: Billed) -> None:
    """Case F4."""
    gateway = sampled.gateway
    before, last = gateway.quickbooks.ledger(), gateway.quickbooks.last_request()
    answer = gateway.post_file("copy of shipments.txt", (sampled.folder / "SHPCNF.S000417").read_bytes())
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["file_id"], said["duplicate"]) == (clean.file["file_id"], True)
    gateway.pull_orders()  # a round through Temporal and the worker: whatever was started is under way
    assert gateway.quickbooks.ledger() == before
    assert [one for one in gateway.quickbooks.requests(last) if one["method"] == "POST"] == []
    names = [one["filename"] for one in gateway.get(said["status_url"])["names"]]
    assert names == ["SHPCNF.S000417", "copy of shipments.txt"]


def test_everything_can_be_traced(sampled: SampleWorld, clean: Billed) -> None:
    gateway, file = sampled.gateway, clean.file
    invoice = next(one for one in clean.ledger if shipment_of(one) == "SH5504184")
    wait_until(
        "the trace tells of Salesforce",
        lambda: {one["what"] for one in gateway.trace("SH5504184")["events"]},
        lambda told: "invoice_published" in told,
    )
    keys = {
        "SH5504184": ("shipment", ["SH5504184"]),
        "SO700331": ("order", ["SH5504226", "SH5504233"]),
        invoice["id"]: ("invoice", ["SH5504184"]),
        file["file_id"]: ("file", [one["shipment_no"] for one in sampled.truth["SHPCNF.S000417"]["shipments"]]),
        file["filename"]: ("file", [one["shipment_no"] for one in sampled.truth["SHPCNF.S000417"]["shipments"]]),
    }
    for key, (kind, shipments) in keys.items():
        found = gateway.trace(key)
        assert (found["kind"], found["shipments"]) == (kind, shipments)
        moments = [datetime.fromisoformat(one["at"]) for one in found["events"]]
        assert moments == sorted(moments)
    told = gateway.trace("SH5504184")
    assert (told["orders"], told["invoices"]) == (["SO700313"], ["SH5504184"])
    what = [one["what"] for one in told["events"]]
    for earlier, later in itertools.pairwise(
        ["file_received", "shipment_stated", "decision_billing", "invoice_booked", "invoice_published"]
    ):
        assert what.index(earlier) < what.index(later), what
    booked = next(one for one in told["events"] if one["what"] == "invoice_booked")
    assert booked["reference"] == invoice["id"]
