"""Stock to state: statements by number, over as many items as a test wants, and what the twin shows afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from domain.freshness import Confidence
from domain.publication import StockStatement
from tests.adapters.salesforce.harness import Twin

AS_OF = datetime(2026, 11, 25, 18, 0, 7, tzinfo=UTC)


def sku(number: int) -> str:
    return f"SKU-{number:04d}"


def level(item: str, warehouse: str = "ATL", available: str | None = "8.25", **more: Any) -> StockStatement:
    values: dict[str, Any] = {
        "key": f"{item}|{warehouse}",
        "sku": item,
        "warehouse": warehouse,
        "on_hand": Decimal("12.5"),
        "allocated": Decimal("4.25"),
        "available": None if available is None else Decimal(available),
        "as_of_at": AS_OF,
        "sequence": 77,
        "confidence": Confidence.FRESH,
        "basis": "12.5 on hand less 4.25 allocated",
    }
    return StockStatement(**{**values, **more})


def levels(count: int, per_item: int = 3) -> list[StockStatement]:
    """So many levels, of items with so many warehouses each, in no order."""
    made = [level(sku(number // per_item), f"W{number % per_item}") for number in range(count)]
    return made[::2] + made[1::2]


def place_items(twin: Twin, count: int) -> None:
    """Give the org so many items."""
    records = [{"ERP_SKU__c": sku(number), "Name": sku(number)} for number in range(count)]
    twin.control("PUT", "/records/Product2", {"key": "ERP_SKU__c", "records": records})


def shown(twin: Twin) -> dict[str, dict[str, Any]]:
    """The levels that the org shows, by key."""
    records = twin.control("GET", "/records/Inventory_Level__c")["records"]
    return {record["Key__c"]: record for record in records}
