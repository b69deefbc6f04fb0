"""Batches: independent items, faults beside successes, queries, the limit of thirty (S35)."""

from __future__ import annotations

from typing import Any

from .conftest import Client, invoice, line, refused


def _run(twin: Client, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = twin.post("batch?minorversion=75", {"BatchItemRequest": list(items)})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["BatchItemResponse"])


def test_items_are_independent_and_keep_their_ids(twin: Client) -> None:
    made, bad, found = _run(
        twin,
        {"bId": "a", "operation": "create", "Invoice": invoice(DocNumber="D-1")},
        {"bId": "b", "operation": "create", "Invoice": invoice(line(1, item="99"))},
        {"bId": "c", "Query": "select * from Invoice"},
    )
    assert (made["bId"], made["Invoice"]["DocNumber"]) == ("a", "D-1")
    assert (bad["bId"], bad["Fault"]["Error"][0]["code"], bad["Fault"]["type"]) == ("b", "2500", "ValidationFault")
    assert (found["bId"], found["QueryResponse"]["totalCount"]) == ("c", 1)


def test_update_and_delete(twin: Client) -> None:
    made = twin.create(invoice())
    first = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    changed, stale, gone = _run(
        twin,
        {"bId": "1", "operation": "update", "Invoice": first},
        {"bId": "2", "operation": "update", "Invoice": first},
        {"bId": "3", "operation": "delete", "Invoice": {"Id": made["Id"], "SyncToken": "1"}},
    )
    assert changed["Invoice"]["SyncToken"] == "1"
    assert stale["Fault"]["Error"][0]["code"] == "5010"
    assert gone["Invoice"]["status"] == "Deleted"


def test_thirty_items_at_most(twin: Client) -> None:
    items = [{"bId": str(n), "operation": "create", "Invoice": invoice()} for n in range(31)]
    refused(twin.post("batch", {"BatchItemRequest": items}), 1040)
    assert twin.count() == 0
    assert len(_run(twin, *items[:30])) == 30
    assert twin.count() == 30


def test_malformed_batches(twin: Client) -> None:
    refused(twin.post("batch", {}), 2020)
    refused(twin.post("batch", {"BatchItemRequest": [1]}), 2010)
    (nothing,) = _run(twin, {"bId": "1", "operation": "create"})
    assert nothing["Fault"]["Error"][0]["code"] == "2020"
    (unknown,) = _run(twin, {"bId": "1", "operation": "explode", "Invoice": invoice()})
    assert unknown["Fault"]["Error"][0]["code"] == "2170"
