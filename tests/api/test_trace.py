"""The trace of a key: whatever a person has in hand leads to the whole story."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.served import Served, assert_problem

STORY = ["file_visible", "shipment_stated", "invoice_intended", "invoice_booked"]


async def trace(served: Served, key: str) -> dict[str, Any]:
    answer = await served.client.get(f"/trace/{key}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize(("key", "kind"), [("SH1", "shipment"), ("SO1", "order"), ("145", "invoice")])
async def test_a_number_leads_to_the_whole_story(filled: Served, key: str, kind: str) -> None:
    found = await trace(filled, key)
    assert (found["key"], found["kind"]) == (key, kind)
    assert (found["shipments"], found["orders"], found["invoices"]) == (["SH1"], ["SO1"], ["SH1"])
    told = [event["what"] for event in found["events"]]
    assert set(STORY) < set(told)
    assert "decision_billing" in told


async def test_events_come_in_order_with_their_system_and_id(filled: Served) -> None:
    events = (await trace(filled, "SH1"))["events"]
    times = [event["at"] for event in events]
    assert times == sorted(times)
    (booked,) = (event for event in events if event["what"] == "invoice_booked")
    assert (booked["system"], booked["reference"], booked["record"]) == ("quickbooks", "145", "SH1")


async def test_a_file_leads_to_its_shipments_by_id_hash_or_name(filled: Served) -> None:
    (file_id,) = (await trace(filled, "SH1"))["files"]
    file = (await filled.client.get(f"/erp/files/{file_id}")).json()
    for key in (file_id, file["sha256"], file["filename"]):
        found = await trace(filled, key)
        assert (found["kind"], found["files"]) == ("file", [file_id])
        assert found["shipments"] == ["SH1", "SH2"]


async def test_an_item_leads_to_the_shipments_that_hold_it(filled: Served) -> None:
    found = await trace(filled, "BOLT")
    assert (found["kind"], sorted(found["shipments"])) == ("item", ["SH1", "SH2"])
    assert set(STORY) < {event["what"] for event in found["events"]}
    never_shipped = await trace(filled, "NUT/3-8")
    assert (never_shipped["kind"], never_shipped["shipments"], never_shipped["events"]) == ("item", [], [])


async def test_an_exception_is_part_of_the_story(filled: Served) -> None:
    found = await trace(filled, "SH2")
    assert "exception_unknown_item" in [event["what"] for event in found["events"]]
    assert found["invoices"] == []


@pytest.mark.parametrize("key", ["nope", "no/such", "00000000-0000-4000-8000-000000000000", "%20"])
async def test_an_unknown_key(filled: Served, key: str) -> None:
    assert_problem(await filled.client.get(f"/trace/{key}"), 404, "missing")
