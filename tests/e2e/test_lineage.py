"""Two questions at a gateway between its stand-ins: where a line of an invoice comes from, what a rep saw and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.activities.stock_truth import figures, stated
from tests.e2e.books import assert_billed_once
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until


@pytest.fixture(scope="module")
def small() -> Iterator[GeneratedWorld]:
    """A gateway with a small world of its own."""
    with stacked_gateway() as gateway:
        world = gateway.erp.make_world(seed=20261126, customers=4, items=12, orders=12, sequence=301)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        yield GeneratedWorld(gateway, world)


def line_of(content: bytes, number: int) -> str:
    """A line of a file as it was delivered, the first one is 1."""
    return content.decode("latin-1").splitlines()[number - 1]


def test_a_line_of_an_invoice_comes_from_the_line_that_was_delivered(small: GeneratedWorld) -> None:
    """Features G-B4, G-H7: asked once; the answers against the file, the books and the org by their own words."""
    gateway, export = small.gateway, small.ship(3)
    gateway.hand_in_and_wait(export.filename, export.content)
    small.wait_until_billed(export)
    expected = export.truth["expected_invoices"][0]
    number, billed = expected["shipment_no"], expected["lines"][0]
    wait_until(
        "Salesforce was told of the invoice",
        lambda: gateway.get(f"/shipments/{number}")["published_at"],
        lambda at: at is not None,
    )
    in_books = assert_billed_once(gateway.quickbooks.ledger(), [number])[number]
    (document,) = (one for one in gateway.items("/invoices") if one["shipment_number"] == number)
    line_no = next(one["line_no"] for one in document["lines"] if one["sku"] == billed["sku"])

    found = gateway.get(f"/invoices/{quote(in_books['doc_number'], safe='')}/lines/{line_no}/lineage")

    assert (found["shipment_number"], found["sku"]) == (number, billed["sku"])
    assert Decimal(found["quantity_shipped"]) == Decimal(billed["quantity"])
    assert found["file"]["filename"] == export.filename
    assert billed["sku"] in line_of(export.content, found["file"]["line_from"])
    assert [one["quickbooks_id"] for one in found["invoiced"]] == [in_books["id"]]
    assert Decimal(found["invoiced"][0]["amount"]) == Decimal(billed["amount"])
    org = {name: {one["Id"]: one for one in gateway.salesforce.records(name)} for name in ("Order", "OrderItem")}
    shown = {one["object"]: one for one in found["salesforce"]}
    assert org["Order"][shown["Order"]["id"]]["ERP_Order_Id__c"] == found["order_number"]
    assert org["OrderItem"][shown["OrderItem"]["id"]]["OrderId"] == shown["Order"]["id"]
    again = gateway.get("/decisions/verify", kind="billing")
    assert (again["checked"] >= 3, again["differing"]) == (True, [])


def test_what_a_rep_saw_at_an_instant_is_what_the_export_before_it_said(small: GeneratedWorld) -> None:
    """Features G-B5, G-F4: between two exports, told afterwards; the number by the org, the reason by the file."""
    gateway, now = small.gateway, datetime.now(UTC).replace(microsecond=0)
    first = gateway.erp.export("INV410R", created_at=(now - timedelta(minutes=40)).isoformat())
    gateway.hand_in_and_wait(*first)
    settled(small, len(gateway.erp.truth(first[0])["rows"]))
    saw, at = levels(small), datetime.now(UTC)
    second = gateway.erp.export("INV410R", created_at=now.isoformat(), rows_changed=8)
    gateway.hand_in_and_wait(*second)
    said = (stated(gateway.erp.truth(first[0])), stated(gateway.erp.truth(second[0])))
    # Where nothing has left since, so that the file alone says what is there.
    still = [one for one in said[0].keys() & said[1].keys() if saw[one][0] == said[0][one][0]]
    key = next(one for one in sorted(still) if said[0][one][2] != said[1][one][2])
    wait_until("the rep sees another number", lambda: levels(small)[key], lambda one: one[2] != saw[key][2])
    sku, warehouse = key.split("|")

    then = gateway.get(f"/stock/{quote(sku, safe='')}", warehouse=warehouse, as_of=at.isoformat())["rows"][0]
    today = gateway.get(f"/stock/{quote(sku, safe='')}", warehouse=warehouse)["rows"][0]

    assert Decimal(then["salesforce"]["available"]) == saw[key][2]
    assert Decimal(then["on_hand"]) == said[0][key][0]
    place = re.search(rf"{re.escape(first[0])} line (\d+)", then["salesforce_explanation"])
    assert place, then["salesforce_explanation"]
    assert sku in line_of(first[1], int(place[1]))
    assert second[0] not in then["salesforce_explanation"]
    assert Decimal(today["salesforce"]["available"]) == levels(small)[key][2]
    assert second[0] in today["salesforce_explanation"]


def levels(small: GeneratedWorld) -> dict[str, tuple[Decimal | None, ...]]:
    """On hand, allocated and available of each row, as a rep sees it."""
    rows: list[Json] = small.gateway.salesforce.records("Inventory_Level__c")
    return figures(rows)


def settled(small: GeneratedWorld, rows: int) -> None:
    """Wait until Salesforce shows every row of the export, and the gateway knows that it does."""
    wait_until("Salesforce shows every row", lambda: len(levels(small)), lambda found: found >= rows)
    wait_until("the export is measured", lambda: small.gateway.items("/stock/exports"), bool)
