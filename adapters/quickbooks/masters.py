"""The records of QuickBooks that may be ours: customers, items and terms, as candidates for links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.query import literal, rows
from domain.links import Candidate, LinkKind
from domain.money import to_cents
from domain.sources import System

UNBILLABLE_ITEM_TYPES = frozenset({"Category", "Group"})  # a category is a folder; a bundle has its own kind of line


@dataclass(frozen=True)
class _Kind:
    entity: str
    name: str
    strong_key: str | None


_KINDS = {
    LinkKind.CUSTOMER: _Kind("Customer", "DisplayName", None),
    LinkKind.ITEM: _Kind("Item", "Name", "Sku"),
    LinkKind.TERMS: _Kind("Term", "Name", "DueDays"),
}


def candidates(client: QuickBooksClient, kind: LinkKind) -> Iterator[Candidate]:
    """Every record of this kind, inactive ones too: lists hide those unless the query names `Active`."""
    shape = _KINDS[kind]
    found = rows(lambda statement: client.select(statement, Priority.MASTERS), shape.entity, "Active IN (true, false)")
    return (_candidate(kind, shape, row) for row in found if row.get("Type") not in UNBILLABLE_ITEM_TYPES)


def balances(client: QuickBooksClient, since: datetime | None) -> Iterator[tuple[str, Decimal, datetime]]:
    """What customers owe: id, balance and since when, of those that changed at or after an instant (None: of all)."""
    changed = f" AND MetaData.LastUpdatedTime >= {literal(since.isoformat(timespec='seconds'))}" if since else ""
    condition = f"Active IN (true, false){changed}"
    for row in rows(lambda statement: client.select(statement, Priority.MASTERS), "Customer", condition):
        at = datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"]).astimezone(UTC)
        yield str(row["Id"]), to_cents(Decimal(str(row.get("Balance", 0)))), at


def _candidate(kind: LinkKind, shape: _Kind, row: Mapping[str, Any]) -> Candidate:
    strong_key = row.get(shape.strong_key) if shape.strong_key else None
    return Candidate(
        kind=kind,
        system=System.QUICKBOOKS,
        external_id=str(row["Id"]),
        name=str(row.get(shape.name, "")),
        strong_key=None if strong_key in {None, ""} else str(strong_key),
        active=bool(row.get("Active", True)),
        version_token=str(row["SyncToken"]) if "SyncToken" in row else None,
    )
