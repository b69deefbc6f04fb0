"""The sentences of the feed: what a change of a row means to people; most changes mean nothing to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from store.tables.changes import ChangeRow
from store.tables.exceptions import ExceptionRow


class Told(NamedTuple):
    """What is said of a change."""

    flow: str
    tone: str
    sentence: str
    record_type: str
    record_key: str


Item = ExceptionRow | None


def told(change: ChangeRow, item: Item = None) -> Told | None:
    """What a change means, None for nothing; `item` is the exception that changed, as it is now."""
    teller = _TELLERS.get(change.table_name)
    return teller(change, change.after or {}, item) if teller and change.operation != "delete" else None


def _file(change: ChangeRow, after: Mapping[str, Any], _: Item) -> Told | None:
    if change.operation == "insert":
        return Told("files", "news", f"{after['filename']} arrived.", "file", change.row_key)
    state = after.get("state")
    words = {
        "applied": ("good", "A file was applied to its end."),
        "refused": ("wrong", "A file was refused."),
        "held": ("waits", "A file is held until a person looks at it."),
    }
    tone, sentence = words.get(str(state), ("", ""))
    return Told("files", tone, sentence, "file", change.row_key) if tone else None


def _shipment(change: ChangeRow, after: Mapping[str, Any], _: Item) -> Told | None:
    key = change.row_key
    if change.operation == "insert":
        sentence = f"Shipment {key} of order {after['order_number']} arrived."
        return Told("shipments", "news", sentence, "shipment", key)
    reason = f": {after['hold_reason']}" if after.get("hold_reason") else "."
    if after.get("state") == "held":
        return Told("shipments", "waits", f"Shipment {key} waits{reason}", "shipment", key)
    if after.get("state") == "not_billed":
        return Told("shipments", "news", f"Shipment {key} is not billed{reason}", "shipment", key)
    return None


def _invoice(change: ChangeRow, after: Mapping[str, Any], _: Item) -> Told | None:
    number = change.row_key.rpartition("|")[0]
    if change.operation == "insert":
        name = after.get("doc_number") or after["quickbooks_id"]
        sentence = f"Shipment {number} became invoice {name} over {_money(after['total'])}."
        return Told("invoices", "good", sentence, "invoice", str(name))
    if "status" in after:
        tone = "wrong" if after["status"] in {"deleted", "voided"} else "news"
        sentence = f"The invoice of shipment {number} is {after['status']} in QuickBooks."
        return Told("invoices", tone, sentence, "invoice", number)
    if after.get("edited"):
        sentence = f"The invoice of shipment {number} was edited in QuickBooks."
        return Told("invoices", "waits", sentence, "invoice", number)
    return None


def _credit(change: ChangeRow, after: Mapping[str, Any], _: Item) -> Told | None:
    number = change.row_key.rpartition("|")[0]
    if change.operation != "insert":
        return None
    sentence = f"A credit over {_money(after['total'])} was written for shipment {number}."
    return Told("invoices", "news", sentence, "shipment", number)


def _order(change: ChangeRow, after: Mapping[str, Any], _: Item) -> Told | None:
    if "state" not in after:
        return None
    sentence = f"Order {change.row_key} is {str(after['state']).replace('_', ' ')}."
    return Told("orders", "news", sentence, "order", change.row_key)


def _exception(change: ChangeRow, after: Mapping[str, Any], item: Item) -> Told | None:
    if item is None:
        return None
    about = f"{item.record_type} {item.record_key}"
    if change.operation == "insert":
        names_it = item.record_type not in {"shipment", "order"} or item.record_key in item.sentence
        sentence = item.sentence if names_it else f"{item.record_type.capitalize()} {item.record_key}: {item.sentence}"
        return Told("exceptions", "waits", sentence, "exception", change.row_key)
    if after.get("state") == "resolved":
        decided = after.get("resolution") or {}
        choice, by = str(decided.get("choice", "")).replace("_", " "), decided.get("decided_by")
        return Told("exceptions", "good", f"{by} decided about {about}: {choice}.", "exception", change.row_key)
    if after.get("state") == "self_resolved":
        sentence = f"{about} waits no more: {item.closed_because or 'its cause went away.'}"
        return Told("exceptions", "good", sentence, "exception", change.row_key)
    return None


def _money(value: object) -> str:
    return f"{Decimal(str(value)):,.2f}"


_TELLERS: Final[Mapping[str, Callable[[ChangeRow, Mapping[str, Any], Item], Told | None]]] = {
    "source_files": _file,
    "shipments": _shipment,
    "invoices": _invoice,
    "credits": _credit,
    "order_states": _order,
    "exceptions": _exception,
}
