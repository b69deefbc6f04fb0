"""Kits: as many as the scarcest component allows; demand for kits is demand for their components (case O13)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.demand import OpenDemand
from domain.freshness import Confidence, worst
from domain.money import Quantity, plain
from domain.promises import Availability


class KitPart(BaseModel):
    """So much of a component, in its base units, goes into one kit."""

    model_config = ConfigDict(frozen=True)

    sku: str
    per_kit: Quantity = Field(gt=0)


class Kit(BaseModel):
    """An item that is sold as one and kept as its components."""

    model_config = ConfigDict(frozen=True)

    sku: str
    parts: tuple[KitPart, ...] = Field(min_length=1)

    def per_kit(self) -> dict[str, Decimal]:
        """How much of each component one kit takes; a component that is listed twice is summed."""
        summed: dict[str, Decimal] = {}
        for part in self.parts:
            summed[part.sku] = summed.get(part.sku, Decimal(0)) + part.per_kit
        return summed


def exploded(demand: OpenDemand, kits: Mapping[str, Kit]) -> list[OpenDemand]:
    """An order line for a kit as demand for each of its components; any other line as it is.

    What the ERP allocates or ships of the line is in kits too, so the same factor turns it into components.
    """
    if demand.sku not in kits:
        return [demand]
    per_kit = kits[demand.sku].per_kit().items()
    factor = demand.factor
    return [
        demand.model_copy(update={"sku": sku, "factor": None if factor is None else factor * Fraction(quantity)})
        for sku, quantity in per_kit
    ]


class PartAvailability(BaseModel):
    """How many kits one component allows; negative where it is promised beyond what there is."""

    model_config = ConfigDict(frozen=True)

    sku: str
    available: Quantity
    per_kit: Quantity
    kits: Quantity


class KitAvailability(BaseModel):
    """How many whole kits can be promised in one warehouse, by which component, and how well that is known."""

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str | None
    value: Quantity
    published: Quantity | None
    confidence: Confidence
    as_of_at: AwareDatetime | None
    limited_by: str
    parts: tuple[PartAvailability, ...]
    held: str | None = None
    policy_version: str


def whole_kits(available: Decimal, per_kit: Decimal) -> Decimal:
    """How many kits so much of a component allows, rounded down also below zero."""
    return Decimal(math.floor(Fraction(available) / Fraction(per_kit)))


def kit_availability(kit: Kit, components: Mapping[str, Availability]) -> KitAvailability:
    """The minimum over the components; as old and as doubtful as the worst of them. A missing one is a KeyError.

    Of one warehouse: kits are not put together across warehouses, so their total is `kit_total`.
    """
    parts = tuple(
        PartAvailability(
            sku=sku,
            available=components[sku].value,
            per_kit=quantity,
            kits=whole_kits(components[sku].value, quantity),
        )
        for sku, quantity in kit.per_kit().items()
    )
    limiting = min(parts, key=lambda one: one.kits)
    used = [components[one.sku] for one in kit.parts]
    word = worst(tuple(one.confidence for one in used))
    instants = [one.as_of_at for one in used if one.as_of_at]
    return KitAvailability(
        sku=kit.sku,
        warehouse=used[0].warehouse,
        value=limiting.kits,
        published=None if word is Confidence.UNKNOWN else max(limiting.kits, Decimal(0)),
        confidence=word,
        as_of_at=min(instants) if len(instants) == len(used) else None,
        limited_by=limiting.sku,
        parts=parts,
        held=next((one.held for one in used if one.held), None),
        policy_version=used[0].policy_version,
    )


def kit_total(by_warehouse: list[KitAvailability], across: KitAvailability) -> Decimal | None:
    """Kits over all warehouses: what each can put together, and no more than the components' totals (`across`) allow.

    The totals know of orders without a warehouse. None where a warehouse or a total is unknown.
    """
    published = [one.published for one in by_warehouse]
    known = [one for one in published if one is not None]
    if across.published is None or len(known) < len(published):
        return None
    return min(sum(known, Decimal(0)), across.published)


def explain_kit(said: KitAvailability) -> str:
    """Say which component limits the kit, and what each of them allows."""
    each = "; ".join(
        f"{one.sku}: {plain(one.available)} / {plain(one.per_kit)} = {plain(one.kits)}" for one in said.parts
    )
    head = "unknown; it would be " if said.published is None else ""
    return f"{head}{plain(said.value)} kits, limited by {said.limited_by} ({each})."
