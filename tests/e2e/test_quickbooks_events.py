"""QuickBooks says what people do there, and the gateway knows it at once: the next look is a day away."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from tests.api.book_events import PATH, cloud, event, signature
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until

SOON = 20


@pytest.fixture(scope="module")
def generated() -> Iterator[GeneratedWorld]:
    """A gateway with some invoices, told of everything that happens in its books."""
    with stacked_gateway(THREEWAY_INVOICES_POLL_SECONDS="86400") as gateway:
        world = gateway.erp.make_world(seed=12, customers=3, items=4, orders=16, sequence=701)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        made = GeneratedWorld(gateway, world)
        gateway.quickbooks.patch("/settings", {"webhooks": True, "hook_url": gateway.url})
        export = made.ship(14)
        gateway.hand_in(export.filename, export.content)
        made.wait_until_billed(export)
        yield made


@pytest.fixture(scope="module")
def invoices(generated: GeneratedWorld) -> Iterator[Json]:
    """The invoices of the ledger, each for one test."""
    return iter(generated.gateway.quickbooks.ledger())


def edit(generated: GeneratedWorld, invoice: Json, operation: str = "update", **changes: object) -> None:
    body = {"entity": "Invoice", "id": invoice["id"], "operation": operation, "changes": changes}
    generated.gateway.quickbooks.post("/edit", body)


def status_of(generated: GeneratedWorld, invoice: Json, wanted: str) -> Json:
    """Wait until the canonical invoice has this status, and until Salesforce shows it."""
    found: Json = wait_until(
        f"invoice {invoice['id']} is {wanted}",
        lambda: generated.gateway.get(f"/invoices/{invoice['id']}"),
        lambda one: one["status"] == wanted,
        seconds=SOON,
        explain=generated.standing,
    )
    word = wanted.replace("_", " ").title()
    wait_until(
        f"Salesforce shows {word}",
        lambda: [
            one["Status__c"]
            for one in generated.gateway.salesforce.records("Invoice__c")
            if one["QuickBooks_Id__c"] == invoice["id"]
        ],
        lambda shown: [one.lower() for one in shown] == [word.lower()],
        seconds=SOON,
        explain=generated.standing,
    )
    return found


def work_of(generated: GeneratedWorld, found: Json, cause: str, state: str = "open") -> Json:
    """Wait for the exception of this cause on the invoice's shipment."""
    (item,) = wait_until(
        f"{cause} is {state}",
        lambda: [
            one
            for one in generated.gateway.exceptions(state)
            if (one["record_key"], one["cause"]) == (found["shipment_number"], cause)
        ],
        bool,
        seconds=SOON,
        explain=generated.standing,
    )
    return dict(item)


def half_of(invoice: Json) -> list[Json]:
    """The first line of an invoice, one piece of it less."""
    line = next(one for one in invoice["lines"] if one["kind"] == "SalesItemLineDetail")
    quantity = Decimal(line["quantity"]) + 1
    detail = {"ItemRef": {"value": line["item_id"]}, "Qty": str(quantity), "UnitPrice": line["unit_price"]}
    return [{"DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}]


def test_an_edit_is_work_at_once_and_a_person_accepts_it(generated: GeneratedWorld, invoices: Iterator[Json]) -> None:
    """E8."""
    invoice = next(invoices)
    edit(generated, invoice, Line=half_of(invoice))
    found = status_of(generated, invoice, "edited")
    item = work_of(generated, found, "invoice_edited")
    assert item["choices"] == ["accept_as_booked", "handled"]
    decision = {"choice": "accept_as_booked", "reason": "The customer took one more"}
    generated.gateway.post(f"/exceptions/{item['id']}/resolve", decision)
    edit(generated, invoice, CustomerMemo={"value": "Thanks"})
    edit(generated, next(invoices), operation="void")
    work_of(generated, found, "invoice_edited", "resolved")
    assert [one for one in generated.gateway.exceptions() if one["id"] == item["id"]] == []


def test_an_edit_that_is_undone_closes_by_itself(generated: GeneratedWorld, invoices: Iterator[Json]) -> None:
    """E8."""
    invoice = next(invoices)
    before = [
        {
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {
                "ItemRef": {"value": one["item_id"]},
                "Qty": one["quantity"],
                "UnitPrice": one["unit_price"],
            },
        }
        for one in invoice["lines"]
    ]
    edit(generated, invoice, Line=half_of(invoice))
    found = status_of(generated, invoice, "edited")
    work_of(generated, found, "invoice_edited")
    edit(generated, invoice, Line=before)
    item = work_of(generated, found, "invoice_edited", "self_resolved")
    assert "it was undone there" in item["sentence"]
    status_of(generated, invoice, "drafted")


@pytest.mark.parametrize(("operation", "status"), [("void", "voided"), ("delete", "deleted")])
def test_a_removed_invoice_is_work_at_once(
    generated: GeneratedWorld, invoices: Iterator[Json], operation: str, status: str
) -> None:
    """E9."""
    invoice = next(invoices)
    edit(generated, invoice, operation)
    found = status_of(generated, invoice, status)
    work_of(generated, found, "invoice_removed")


@pytest.mark.parametrize("form", ["cloudevents", "legacy"])
def test_payments_show_at_once_however_events_come(
    generated: GeneratedWorld, invoices: Iterator[Json], form: str
) -> None:
    """E18, X3: together, the newest first, twice, and once more because the answer did not arrive."""
    twin = generated.gateway.quickbooks
    paid = [next(invoices), next(invoices)]
    switches = {"hook_format": form, "hook_shuffle": True, "hook_repeat": 1, "hook_deaf_next": 1, "hook_hold": True}
    twin.patch("/settings", switches)
    for invoice in paid:
        line = {"Amount": invoice["balance"], "LinkedTxn": [{"TxnId": invoice["id"], "TxnType": "Invoice"}]}
        changes = {"CustomerRef": {"value": invoice["customer_id"]}, "TotalAmt": invoice["balance"], "Line": [line]}
        twin.post("/pay", changes)
    twin.patch("/settings", {"hook_hold": False})
    for invoice in paid:
        assert Decimal(status_of(generated, invoice, "paid")["balance"]) == 0
    twin.patch("/clock", {"advance_seconds": 11})
    wait_until(
        "everything is acknowledged",
        lambda: {one["state"] for one in twin.get("/hooks")["messages"]},
        lambda states: states == {"acknowledged"},
        seconds=SOON,
    )
    twin.patch("/settings", {"hook_shuffle": False, "hook_repeat": 0, "hook_deaf_next": 0})


def test_what_is_forged_is_refused_and_doctor_can_tell_that_events_come(generated: GeneratedWorld) -> None:
    """X3."""
    body = cloud(event())
    headers = {"intuit-signature": signature(body, "another-verifier")}
    answer = httpx.post(f"{generated.gateway.url}{PATH}", content=body, headers=headers, trust_env=False)
    assert answer.status_code == 401
    found = generated.gateway.get("/hooks")
    assert found["events_on"]
    assert found["last_event_at"]
