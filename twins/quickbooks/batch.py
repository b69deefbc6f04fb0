"""Batch requests: up to thirty independent items, each with its own answer or fault, replayed by request id and bId."""

from collections.abc import Mapping
from typing import Any

from twins.quickbooks.answers import BusinessFault, missing, unsupported
from twins.quickbooks.operations import READABLE, change, kind_of
from twins.quickbooks.replay import Outcome, check_request_id, once
from twins.quickbooks.search import run_query
from twins.quickbooks.state import Company
from twins.web import JsonObject, JsonText

MOST_ITEMS = 30


def run_batch(company: Company, body: Any, key: str | None) -> tuple[JsonObject, list[Outcome]]:
    """Return the answer of a batch and the outcome of each item; `key` names path and request id.

    Each item commits by itself, so a batch that is cut short leaves whole items with their records.
    Raises 1040 for more than thirty items and 2130 for a bId of more than ten characters beside a request id.
    """
    outcomes = [_run_item(company, item, key) for item in _items(body, key)]
    answers = [JsonText(outcome.text) for outcome in outcomes]
    return {"BatchItemResponse": answers, "time": company.time()}, outcomes


def _items(body: Any, key: str | None) -> list[Mapping[str, Any]]:
    items = body.get("BatchItemRequest") if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        raise missing("BatchItemRequest")
    if len(items) > MOST_ITEMS:
        detail = f"Maximum allowed batch size is {MOST_ITEMS}. Supplied: {len(items)}"
        raise BusinessFault(1040, detail, "BatchItemRequest")
    for item in items:
        if not isinstance(item, Mapping):
            raise unsupported("BatchItemRequest")
        if key is not None:
            check_request_id(str(item.get("bId", "")), 10)
    return items


def _run_item(company: Company, item: Mapping[str, Any], key: str | None) -> Outcome:
    identity = str(item.get("bId", ""))
    item_key = f"{key} {identity}" if key is not None and "Query" not in item else None
    return once(
        company,
        item_key,
        lambda: {**_work(company, item), "bId": identity},
        lambda fault: {"Fault": fault.body(), "bId": identity},
    )


def _work(company: Company, item: Mapping[str, Any]) -> JsonObject:
    if "Query" in item:
        return {"QueryResponse": run_query(company, str(item["Query"]))}
    names = [name for name in item if name.lower() in READABLE]
    if not names:
        raise missing("entity")
    operation = str(item.get("operation", "create")).lower()
    if operation not in ("create", "update", "delete"):
        raise BusinessFault(2170, f"Invalid Enumeration : {operation}", "operation")
    kind = kind_of(names[0], "batch")
    include = frozenset(str(item.get("optionsData", "")).split(","))
    return {kind: change(company, kind, operation, item[names[0]], include)}
