"""Customers, items and terms of QuickBooks as sides of a merge: read, and brought to what was agreed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.exact_json import dumps
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.query import literal, rows
from domain.errors import Misconfigured, Missing, Rejected, StaleToken
from domain.links import LinkKind
from domain.master_seen import MasterSeen
from domain.master_values import Value
from domain.merging import SideState
from domain.money import plain

ENTITIES = {LinkKind.CUSTOMER: "Customer", LinkKind.ITEM: "Item", LinkKind.TERMS: "Term"}
NAME_LIMIT = 500
_NAMES = {"line1": "Line1", "city": "City", "state": "CountrySubDivisionCode", "postal_code": "PostalCode"}
_UNSUPPORTED = str.maketrans({":": "-", "\t": " ", "\n": " "})  # names may not have them


def read_master(client: QuickBooksClient, kind: LinkKind, external_id: str) -> MasterSeen:
    """The record as it is now; one that is gone comes back as deleted."""
    entity = ENTITIES[kind]
    try:
        return _seen(kind, client.read(f"{entity.lower()}/{external_id}")[entity])
    except Missing:
        return MasterSeen(kind=kind, external_id=external_id, state=SideState.DELETED)


def changed_masters(client: QuickBooksClient, kind: LinkKind, since: datetime | None) -> Iterator[MasterSeen]:
    """Every record that changed at or after an instant, inactive ones too (None: all of them)."""
    changed = f" AND MetaData.LastUpdatedTime >= {literal(since.isoformat(timespec='seconds'))}" if since else ""
    condition = f"Active IN (true, false){changed}"
    found = rows(lambda statement: client.select(statement, Priority.MASTERS), ENTITIES[kind], condition)
    return (_seen(kind, row) for row in found)


def update_master(
    client: QuickBooksClient, kind: LinkKind, external_id: str, based_on: str | None, fields: Mapping[str, Value]
) -> MasterSeen:
    """Write these fields and no other, but for those `left_alone`; answers the record as QuickBooks has it then.

    Raises StaleToken where it is not the version any more that the decision was based on, Duplicate for a name that
    somebody else has (6240), Rejected where QuickBooks kept another value than it was given.
    """
    entity = ENTITIES[kind]
    standing = client.read(f"{entity.lower()}/{external_id}")[entity]
    if based_on is not None and str(standing["SyncToken"]) != based_on:
        raise StaleToken("The record changed in QuickBooks since it was decided about.", reason="version")
    left = left_alone(fields)
    given = _properties(kind, {name: value for name, value in fields.items() if name not in left}, standing)
    if not given:
        return _seen(kind, standing)
    body = {"Id": external_id, "SyncToken": str(standing["SyncToken"]), "sparse": True, **given}
    answer = client.update_master(entity, dumps(body))[entity]
    kept_otherwise = [name for name, value in given.items() if not _is_kept(value, answer.get(name))]
    if kept_otherwise:
        raise Rejected(
            f"QuickBooks kept another {', '.join(kept_otherwise)} than it was given: correct it there.",
            reason="kept_otherwise",
        )
    return _seen(kind, answer)


def left_alone(fields: Mapping[str, Value]) -> list[str]:
    """The fields of money that have no value any more: QuickBooks would take that for zero or for a no."""
    return [name for name, value in fields.items() if name in _OF_MONEY and _is_cleared(value)]


def _is_cleared(value: Value) -> bool:
    return not value.get("amount") if isinstance(value, dict) else value is None or value == ""


def _seen(kind: LinkKind, row: Mapping[str, Any]) -> MasterSeen:
    changed = (row.get("MetaData") or {}).get("LastUpdatedTime")
    read = {LinkKind.CUSTOMER: _customer, LinkKind.ITEM: _item, LinkKind.TERMS: _terms}[kind]
    return MasterSeen(
        kind=kind,
        external_id=str(row["Id"]),
        name=str(row.get("DisplayName") or row.get("Name") or ""),
        state=SideState.PRESENT if row.get("Active", True) else SideState.INACTIVE,
        values=read(row),
        version=str(row["SyncToken"]),
        changed_at=datetime.fromisoformat(changed).astimezone(UTC) if changed else None,
    )


def _customer(row: Mapping[str, Any]) -> dict[str, Value]:
    address = row.get("BillAddr") or {}
    return {
        "name": row.get("DisplayName"),
        "bill_to": {ours: str(address.get(theirs) or "") for ours, theirs in _NAMES.items()},
        "phone": (row.get("PrimaryPhone") or {}).get("FreeFormNumber"),
        "terms": (row.get("SalesTermRef") or {}).get("value"),
        "tax_exempt": row.get("Taxable") is False,
    }


def _item(row: Mapping[str, Any]) -> dict[str, Value]:
    return {
        "description": row.get("Description"),
        "price": {"amount": plain(Decimal(str(row.get("UnitPrice", 0))))},
        "taxable": row.get("Taxable") is True,
    }


def _terms(row: Mapping[str, Any]) -> dict[str, Value]:
    days = row.get("DueDays")
    return {"name": row.get("Name"), "due_days": plain(Decimal(str(days))) if days is not None else None}


def _properties(kind: LinkKind, fields: Mapping[str, Value], standing: Mapping[str, Any]) -> dict[str, object]:
    """Fields in the vendor's words; parts of an address that we do not keep stay as they are."""
    found: dict[str, object] = {}
    for name, value in fields.items():
        if name == "bill_to":
            found["BillAddr"] = {**(standing.get("BillAddr") or {}), **_address(value)}
        elif (kind, name) in _WRITTEN:
            known, written = _WRITTEN[kind, name]
            found[known] = written(value)
        else:
            raise Misconfigured(f"The gateway does not write {name} of {kind} in QuickBooks.", reason="field")
    return found


def _address(value: Value) -> dict[str, str]:
    parts = value if isinstance(value, dict) else {}
    return {theirs: parts.get(ours) or "" for ours, theirs in _NAMES.items()}


def _amount(value: Value) -> Decimal:
    return Decimal((value.get("amount") if isinstance(value, dict) else None) or "0")


_OF_MONEY = frozenset({"price", "taxable", "terms", "tax_exempt"})
_WRITTEN: Mapping[tuple[LinkKind, str], tuple[str, Callable[[Value], object]]] = {
    (LinkKind.CUSTOMER, "name"): ("DisplayName", lambda value: str(value or "").translate(_UNSUPPORTED)[:NAME_LIMIT]),
    (LinkKind.CUSTOMER, "phone"): ("PrimaryPhone", lambda value: {"FreeFormNumber": str(value or "")}),
    (LinkKind.CUSTOMER, "terms"): ("SalesTermRef", lambda value: {"value": str(value or "")}),
    (LinkKind.CUSTOMER, "tax_exempt"): ("Taxable", lambda value: not value),
    (LinkKind.ITEM, "description"): ("Description", lambda value: str(value or "")),
    (LinkKind.ITEM, "price"): ("UnitPrice", _amount),
    (LinkKind.ITEM, "taxable"): ("Taxable", bool),
}


def _is_kept(given: object, kept: object) -> bool:
    """Whether QuickBooks has what it was given; an empty text is no value there, and a reference gains a name."""
    if isinstance(given, Mapping):
        has = kept if isinstance(kept, Mapping) else {}
        return all(_is_kept(value, has.get(name)) for name, value in given.items() if name != "Id")
    if isinstance(given, Decimal):
        return kept is not None and Decimal(str(kept)) == given
    return (given or None) == (kept or None) or str(given).strip() == str(kept or "").strip()
