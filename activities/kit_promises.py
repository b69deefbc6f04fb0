"""Kits: promised as many as the scarcest component allows, decided with their components (case O13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.freshness import Confidence
from domain.kits import Kit, KitAvailability, explain_kit, kit_availability, kit_total
from domain.promises import Availability
from store.stock.promises import TOTAL, Decided, shown_hash


def sold_with(skus: Sequence[str], kits: Mapping[str, Kit]) -> list[str]:
    """These items, the kits that hold one of them become what they are made of, and all components of those kits."""
    wanted = {sku for sku in skus if sku not in kits}
    touched = [kit for sku, kit in kits.items() if sku in skus or wanted & set(kit.per_kit())]
    return sorted(wanted | {part for kit in touched for part in kit.per_kit()})


def kit_rows(decided: Sequence[Decided], kits: Mapping[str, Kit], at: datetime) -> list[dict[str, Any]]:
    """The rows of every kit whose components are all among these decisions: by warehouse, and over all of them."""
    by_key = {(one.said.sku, one.said.warehouse): one.said for one in decided}
    rows: list[dict[str, Any]] = []
    for kit in kits.values():
        if all((sku, None) in by_key for sku in kit.per_kit()):
            rows += _rows(kit, by_key, at)
    return rows


def _rows(kit: Kit, by_key: Mapping[tuple[str, str | None], Availability], at: datetime) -> list[dict[str, Any]]:
    parts = list(kit.per_kit())
    warehouses = sorted({where for sku, where in by_key if sku in parts and where})
    here = [
        kit_availability(kit, {sku: by_key[sku, where] for sku in parts})
        for where in warehouses
        if all((sku, where) in by_key for sku in parts)
    ]
    across = kit_availability(kit, {sku: by_key[sku, None] for sku in parts})
    total = kit_total(here, across)
    over_all = across.model_copy(update={"published": total, "value": across.value if total is None else total})
    return [_row(one, at) for one in [*here, over_all]]


def _row(said: KitAvailability, at: datetime) -> dict[str, Any]:
    on_hand = max(said.value, Decimal(0))
    confidence = Confidence.UNKNOWN if said.published is None else said.confidence
    return {
        "sku": said.sku,
        "warehouse": said.warehouse or TOTAL,
        "value": said.value,
        "published": said.published,
        "confidence": confidence.value,
        "as_of_at": said.as_of_at,
        "sequence": 0,
        "on_hand": on_hand,
        "allocated": Decimal(0),
        "basis": explain_kit(said)[:255],
        "held": said.held,
        "given": {"kit": said.model_dump(mode="json")},
        "policy_version": said.policy_version,
        "content_hash": shown_hash(said.published, on_hand, Decimal(0), confidence, total=said.warehouse is None),
        "decided_at": at,
    }
