"""Where things stand in the dashboard, how its pages are grouped, and which tone a word of ours has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from store.people import Person
from store.tables.people import Role

Group = tuple[str, tuple[tuple[str, str], ...]]

_MENU: Final[tuple[Group, ...]] = (
    ("Now", (("Overview", "/"), ("Exceptions", "/ui/exceptions"), ("Live feed", "/ui/feed"))),
    (
        "Records",
        (
            ("Orders", "/ui/orders"),
            ("Shipments", "/ui/shipments"),
            ("Invoices", "/ui/invoices"),
            ("Files", "/ui/files"),
            ("Stock", "/ui/stock"),
        ),
    ),
    (
        "Proof",
        (("Reconciliation", "/ui/reconciliations"), ("Latency", "/ui/latency"), ("Audit", "/ui/audit")),
    ),
    ("System", (("Connections", "/ui/connections"), ("Policies", "/ui/policies"))),
)
_PEOPLE: Final = ("People", "/ui/people")

_FOLDERS: Final[Mapping[str, str]] = {
    "shipment": "shipments",
    "order": "orders",
    "invoice": "invoices",
    "file": "files",
    "item": "stock",
    "exception": "exceptions",
    "reconciliation": "reconciliations",
}
_TRACED: Final = frozenset({"trace", "return", "credit"})
_TONES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("good", "fresh", "applied", "invoiced", "paid", "resolved", "self_resolved", "finished"), "good"),
    **dict.fromkeys(("drafted", "released", "matched", "confirmed", "booked", "closed", "active", "done"), "good"),
    **dict.fromkeys(("shipped", "delivered", "would_resolve", "approved"), "good"),
    **dict.fromkeys(("watch", "waits", "aging", "held", "hold", "conflict", "edited", "partly_paid"), "watch"),
    **dict.fromkeys(("open", "credit_hold", "on_hold", "in_doubt", "waived", "backordered", "warning"), "watch"),
    **dict.fromkeys(("unknown", "proposed"), "watch"),
    **dict.fromkeys(("bad", "wrong", "stale", "refused", "failed", "dead_letter", "uncertain"), "bad"),
    **dict.fromkeys(("voided", "deleted", "drift", "overdue", "cancelled", "group", "file", "rejected"), "bad"),
    **dict.fromkeys(("news", "received", "read", "intended", "running", "in_flight", "accepted", "allocated"), "news"),
}


def menu(person: Person) -> tuple[Group, ...]:
    """The pages in groups, as far as a person may open them."""
    if person.role is not Role.ADMIN:
        return _MENU
    *others, (name, pages) = _MENU
    return (*others, (name, (*pages, _PEOPLE)))


def place(kind: str, key: object) -> str:
    """The address of a record's page; its trace where it has none of its own."""
    name = str(key)
    if kind.startswith("stock"):
        kind, name = "item", name.rpartition("|")[0] or name
    if kind == "customer":
        return f"/ui/orders?customer_number={quote(name, safe='')}"
    folder = _FOLDERS.get(kind)
    if folder is None and kind in _TRACED:
        folder = "trace"
    if folder is None:
        return f"/ui/exceptions?record_type={quote(kind, safe='')}&record_key={quote(name, safe='')}&state=all"
    return f"/ui/{folder}/{quote(name, safe='')}"


def tone(word: object) -> str:
    """The tone of a word: good, watch, bad, news; plain for all others."""
    return _TONES.get(str(word), "plain")
