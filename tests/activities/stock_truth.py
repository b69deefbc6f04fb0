"""What Salesforce has to show of a stock export, from the words of whoever wrote the export."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Figures = dict[str, tuple[Decimal | None, ...]]  # on hand, allocated, available by key


def stated(truth: dict[str, Any]) -> Figures:
    """The rows of an export, where neither orders nor a late feed take something away.

    Of what is not sold from nothing is available (case I10), and below zero nothing is shown (case I5).
    """
    found: Figures = {}
    for row in truth["rows"]:
        on_hand, allocated = Decimal(row["on_hand"]), Decimal(row["allocated"])
        available = max(on_hand - allocated, Decimal(0)) if row["status"] == "A" else Decimal(0)
        found[f"{row['sku']}|{row['warehouse']}"] = (max(on_hand, Decimal(0)), allocated, available)
    return found


def gone(truth: dict[str, Any]) -> Figures:
    """What is shown of rows that an export lacks: the ERP has no stock record of them any more (case I2)."""
    return {f"{sku}|{warehouse}": (Decimal(0),) * 3 for sku, warehouse in truth.get("vanished", [])}


def totals(truth: dict[str, Any]) -> dict[str, Decimal]:
    """What can be promised of each item over all warehouses."""
    found: dict[str, Decimal] = {}
    for row in truth["rows"]:
        free = Decimal(row["on_hand"]) - Decimal(row["allocated"]) if row["status"] == "A" else Decimal(0)
        found[row["sku"]] = found.get(row["sku"], Decimal(0)) + free
    return {sku: max(free, Decimal(0)) for sku, free in found.items()}


def figures(rows: Iterable[dict[str, Any]]) -> Figures:
    """What Salesforce shows of these rows."""
    names = ("On_Hand__c", "Allocated__c", "Available__c")
    return {one["Key__c"]: tuple(number(one[name]) for name in names) for one in rows}


def number(value: object) -> Decimal | None:
    """A number as the twin shows it."""
    return None if value is None else Decimal(str(value))
