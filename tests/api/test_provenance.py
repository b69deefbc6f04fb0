"""Provenance, lineage, the audit trail and the past by HTTP (features G-B4, G-B5, G-B6, G-H7)."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.files import StagedGroup
from store import customers, keys, links, orders, shipments
from store.session import reading
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem


async def read(served: Served, path: str, **params: object) -> Any:
    answer = await served.client.get(path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def stated(served: Served, number: str = "SH1", *, first_line: int = 20, name: str = "SHPCNF.S000418") -> UUID:
    """A file states a shipment of two lines, each in a line of its own; billed with an order."""
    given = build.shipment(
        build.line(1, quantity_shipped=Decimal(4)), build.line(2, quantity_shipped=Decimal(6)), number=number
    )
    with served.write() as session:
        orders.upsert(session, [build.order_for(given)])
        file_id = filling.source_file(session, filename=name)
        group = StagedGroup(
            seq=1,
            key=number,
            line_from=first_line,
            line_to=first_line + 2,
            byte_from=0,
            byte_to=1,
            payload=given.model_dump(mode="json"),
            item_lines=(first_line + 1, first_line + 2),
        )
        stating = shipments.Stating(file_id=file_id, seen_at=filling.AT, stated_at=filling.AT)
        shipments.record(session, stating, [group])
    return file_id


def bill(served: Served, number: str = "SH1") -> None:
    with served.write() as session:
        filling.billed(session, number)


async def test_an_invoice_line_leads_to_the_line_of_its_file_in_one_call(served: Served) -> None:
    """G-H7: and to the decision, the order and the records in Salesforce."""
    file_id = stated(served)
    bill(served)
    for key in ("SH1", "145"):
        found = await read(served, f"/invoices/{key}/lines/2/lineage")
        assert (found["file"]["file_id"], found["file"]["line_from"], found["file"]["line_to"]) == (
            str(file_id),
            22,
            22,
        )
        assert (found["shipment_number"], found["shipment_line_no"], found["quantity_shipped"]) == ("SH1", 2, "6")
        (billed,) = found["invoiced"]
        assert (billed["line_no"], billed["quickbooks_id"], billed["quantity"]) == (2, "145", "6")
        assert found["decision_id"]
        assert [one["object"] for one in found["salesforce"]] == ["Order", "OrderItem", "Invoice__c"]
        assert found["salesforce"][0]["id"] == build.order().external_id
    past = await served.client.get("/invoices/SH1/lines/2/lineage", params={"as_of": "2020-01-01T00:00:00Z"})
    assert_problem(past, 404, "missing")
    assert (await read(served, "/invoices/SH1/lines/2/lineage?as_of=2100-01-01T00:00:00Z"))["invoiced"]
    assert_problem(await served.client.get("/invoices/SH1/lines/9/lineage"), 404, "missing")
    assert_problem(await served.client.get("/invoices/none/lines/1/lineage"), 404, "missing")


async def test_a_line_of_a_file_leads_to_the_invoice_line_and_back(served: Served) -> None:
    """G-H7: the same line from the file, the shipment, the order, the invoice and Salesforce."""
    file_id = stated(served)
    stated(served, "SH2", first_line=30, name="SHPCNF.S000419")
    bill(served)
    for key in ("SHPCNF.S000418:22", f"{file_id}:22"):
        (line,) = (await read(served, f"/trace/{key}"))["lineage"]
        assert (line["shipment_line_no"], line["invoiced"][0]["line_no"]) == (2, 2), key
    order_id = build.order().external_id
    for key in ("SH1", "145", "SH1:1", order_id):
        trace = await read(served, f"/trace/{key}")
        places = {
            (one["file"]["line_from"], one["invoiced"][0]["line_no"]) for one in trace["lineage"] if one["invoiced"]
        }
        assert places == {(21, 1), (22, 2)}, key
    head = await read(served, f"/trace/{file_id}:20")
    assert [one["shipment_line_no"] for one in head["lineage"]] == [1, 2]
    assert head["kind"] == "line"
    assert_problem(await served.client.get(f"/trace/{file_id}:99"), 404, "missing")


async def test_a_trace_tells_what_was_known_at_a_time(served: Served) -> None:
    """G-B5: the shipment was there, its invoice was not."""
    before = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    stated(served)
    then = datetime.now(UTC)
    with served.write() as session:
        row = shipments.lock_many(session, ["SH1"])["SH1"]
        row.received_at = then
    bill(served)
    trace = await read(served, "/trace/SH1", as_of=then.isoformat())
    assert (trace["shipments"], trace["invoices"]) == (["SH1"], [])
    assert {one["what"] for one in trace["events"]} & {"invoice_booked", "invoice_intended"} == set()
    assert [one["invoiced"] for one in trace["lineage"]] == [[], []]
    assert_problem(await served.client.get("/trace/SH1", params={"as_of": before}), 404, "missing")


async def test_shipments_and_invoices_are_read_as_of_a_time(served: Served) -> None:
    """G-B5: with their lines and filters as they stood."""
    before = datetime.now(UTC)
    stated(served)
    then = datetime.now(UTC)
    bill(served)
    billed_at = datetime.now(UTC)
    with served.write() as session:
        session.execute(text("UPDATE invoices SET status = 'paid', balance = 0"))

    shipment = await read(served, "/shipments/SH1", as_of=then.isoformat())
    assert (shipment["state"], shipment["invoices"], len(shipment["lines"])) == ("received", [], 2)
    received = await read(served, "/shipments", as_of=then.isoformat(), state="received", order_number="SO1")
    assert [one["number"] for one in received["items"]] == ["SH1"]
    assert (await read(served, "/shipments", as_of=then.isoformat(), state="invoiced"))["items"] == []
    assert (await read(served, "/shipments", as_of=before.isoformat()))["items"] == []
    assert_problem(await served.client.get("/shipments/SH1", params={"as_of": before.isoformat()}), 404, "missing")

    invoice = await read(served, "/invoices/SH1", as_of=billed_at.isoformat())
    assert (invoice["status"], len(invoice["lines"])) == ("drafted", 2)
    assert (await read(served, "/invoices/SH1"))["status"] == "paid"
    drafted = await read(served, "/invoices", as_of=billed_at.isoformat(), status="drafted")
    assert [one["shipment_number"] for one in drafted["items"]] == ["SH1"]
    assert (await read(served, "/invoices", as_of=then.isoformat()))["items"] == []
    assert_problem(await served.client.get("/invoices/SH1", params={"as_of": then.isoformat()}), 404, "missing")


async def test_links_are_read_as_of_a_time(served: Served) -> None:
    """G-B5."""
    with served.write() as session:
        filling.proposals(session, "BOLT")
    then = datetime.now(UTC).isoformat()
    with served.write() as session:
        found = links.page(session).items[0]
        links.confirm(session, found, "ana", filling.AT)
    past = await read(served, "/links", as_of=then, state="proposed")
    assert [one["local_key"] for one in past["items"]] == ["BOLT"]
    assert (await read(served, "/links", state="proposed"))["items"] == []


async def test_a_field_tells_its_line_and_every_value_that_it_had(served: Served) -> None:
    """G-B4."""
    stated(served)
    with served.write() as session:
        customers.upsert(session, [build.customer(name="Old")])
    with served.write() as session:
        customers.upsert(session, [build.customer(name="New")])
    fields = (await read(served, "/provenance/shipments/SH1", row="SH1|2"))["items"]
    assert {one["origin"]["file"]["line_from"] for one in fields} == {22}
    (name,) = (await read(served, "/provenance/customers/00000042", field="name"))["items"]
    assert (name["value"], name["origin"]["actor"]) == ("New", "tests")
    had = (await read(served, "/provenance/customers/00000042/history", field="name"))["items"]
    assert [(one["before"], one["value"]) for one in had] == [("Old", "New"), (None, "Old")]
    for path in ("/provenance/items/none", "/provenance/items/none/history"):
        assert_problem(await served.client.get(path), 404, "missing")
    assert_problem(await served.client.get("/provenance/nothing/x"), 422, "invalid_request")


async def test_what_people_decide_is_listed_and_the_chain_checked(served: Served) -> None:
    """G-B6."""
    item_id = await decide(served)
    (entry,) = (await read(served, "/audit", record_key=item_id))["items"]
    assert (entry["action"], entry["actor"]) == ("exception_resolved", "admin")
    found = await read(served, "/audit/verify")
    assert (found["broken"], found["complete"], found["newest"]["hash"]) == (None, True, entry["hash"])
    head = f"{found['newest']['position']}:{found['newest']['hash']}"
    assert (await read(served, "/audit/verify", head=head))["broken"] is None
    lost = await read(served, "/audit/verify", head=f"99:{'0' * 64}")
    assert "lost its end" in lost["broken"]["sentence"]

    with served.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_entries SET actor = 'eve' WHERE record_type = 'exception'"))
    broken = (await read(served, "/audit/verify"))["broken"]
    assert (broken["position"], "is not what it was" in broken["sentence"]) == (entry["position"], True)


async def decide(served: Served) -> str:
    with served.write() as session:
        item_id = filling.exception(session, "SH1")
    body = {"choice": "do_not_bill", "reason": "it was a slip"}
    assert (await served.client.post(f"/exceptions/{item_id}/resolve", json=body)).status_code == 200
    return item_id


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
async def test_the_export_runs_nothing_in_a_spreadsheet(served: Served, name: str) -> None:
    """G-B6: a cell that begins like a formula is text; everything else is as it is."""
    with served.write() as session:
        keys.create(session, "plain", ["viewer"])
        session.execute(text("SELECT set_config('threeway.cause', :cause, true)"), {"cause": _cause(name)})
        keys.create(session, "odd", ["viewer"])
    answer = await served.client.get("/audit/export", params={"action": "key_created"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0]["actor"] == f"'{name}"
    assert rows[1]["actor"] == "tests"
    with reading(served.engine) as session:
        assert len(keys.list_all(session)) == len(rows)


def _cause(actor: str) -> str:
    return json.dumps({"source": "user", "actor": actor})
