"""What is to happen in the week: so many orders, each with a fate of its own, spread over the days by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

# Of a hundred orders about so many meet each fate; every fate is met at least once when there are enough orders.
FATES: Mapping[str, int] = {
    "whole": 14,
    "partial": 7,
    "split": 6,
    "backordered": 7,
    "short_closed": 5,
    "over_shipped": 4,
    "sample": 4,
    "kit": 4,
    "changed_before": 6,
    "changed_after": 5,
    "cancelled_at_once": 3,
    "cancelled_before": 4,
    "cancelled_rest": 4,
    "credit_hold": 5,
    "rejected": 3,
    "returned": 4,
    "returned_damaged": 3,
    "returned_whole": 2,
    "corrected_down": 3,
    "corrected_up": 2,
    "reversed": 2,
    "reversed_paid": 1,
    "drop_shipped": 3,
}
PAYMENTS: Mapping[str, int] = {"unpaid": 30, "part": 20, "whole": 50}
UNPAID = frozenset({"reversed", "cancelled_at_once", "cancelled_before", "rejected"})
# What the warehouse is told before the order comes, by its purchase order.
WAYS: Mapping[str, str] = {
    "partial": "part",
    "split": "split",
    "short_closed": "short",
    "over_shipped": "over",
    "credit_hold": "hold",
    "cancelled_before": "hold",  # so that the cancellation is not too late
    "rejected": "reject",
    "drop_shipped": "drop_ship",
}
SCARCE, KITS = 2, 2  # how many of the world's items are hardly there, and how many are sold as kits
DISCOUNTS = tuple(Decimal(text) for text in ("1", "1", "0.95", "0.9", "0.875"))
PRICE_STEP = Decimal("0.0001")
WEEK_DAYS = 5  # in which orders are placed; the rest of the week is for what comes after


@dataclass(frozen=True)
class PlannedLine:
    """One line as the rep enters it: no number, no unit."""

    sku: str
    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True)
class PlannedOrder:
    """One order of the week; `at` is the part of the week after which it is placed."""

    purchase_order: str
    customer: str
    fate: str
    payment: str
    at: float
    lines: tuple[PlannedLine, ...]


@dataclass(frozen=True)
class Shelf:
    """The items of a world by what the week uses them for."""

    plenty: tuple[dict[str, Any], ...]
    scarce: tuple[dict[str, Any], ...]
    kits: Mapping[str, Mapping[str, int]]

    @property
    def kit_items(self) -> tuple[str, ...]:
        """The SKUs that are sold as one and kept as their components."""
        return tuple(self.kits)


def shelf_of(items: list[dict[str, Any]]) -> Shelf:
    """Sort a world's items: the first ones that are sold by the piece are kits and what is scarce."""
    single = [item for item in items if item["units_per_sell_uom"] == 1 and item["base_uom"] == "EA"]
    kits, scarce = single[:KITS], single[KITS : KITS + SCARCE]
    plenty = [item for item in items if item not in kits and item not in scarce]
    parts = [item["sku"] for item in plenty]
    return Shelf(
        plenty=tuple(plenty),
        scarce=tuple(scarce),
        kits={kit["sku"]: {parts[2 * place]: 2, parts[2 * place + 1]: 1} for place, kit in enumerate(kits)},
    )


def plan_week(world: dict[str, Any], orders: int, seed: int) -> list[PlannedOrder]:
    """The orders of the week in the order in which they are placed."""
    rng, shelf = Random(f"{seed}|week"), shelf_of(world["items"])
    fates = _drawn(rng, orders)
    times = sorted(_office_time(rng) for _ in range(orders))
    return [
        _order(Random(f"{seed}|order|{place}"), place, fate, at, world, shelf)
        for place, (fate, at) in enumerate(zip(fates, times, strict=True))
    ]


def _drawn(rng: Random, count: int) -> list[str]:
    fates = list(FATES)[:count]
    fates += rng.choices(list(FATES), list(FATES.values()), k=count - len(fates))
    rng.shuffle(fates)
    return fates


def _office_time(rng: Random) -> float:
    """A moment between eight and eighteen of one of the first days, as a part of the week."""
    return (rng.randrange(WEEK_DAYS) + rng.uniform(8, 18) / 24) / 7


def _order(rng: Random, place: int, fate: str, at: float, world: dict[str, Any], shelf: Shelf) -> PlannedOrder:
    payment = "unpaid" if fate in UNPAID else rng.choices(list(PAYMENTS), list(PAYMENTS.values()))[0]
    return PlannedOrder(
        purchase_order=f"WK-{place + 1:05d}",
        customer=rng.choice(world["customers"])["erp_no"],
        fate=fate,
        payment="whole" if fate == "reversed_paid" else payment,
        at=at,
        lines=tuple(_lines(rng, fate, shelf, {item["sku"]: item for item in world["items"]})),
    )


def _lines(rng: Random, fate: str, shelf: Shelf, items: Mapping[str, dict[str, Any]]) -> list[PlannedLine]:
    chosen = rng.sample(shelf.plenty, rng.choice((1, 2, 2, 3)))
    lines = [_line(rng, item, Decimal(rng.choice((4, 6, 10, 20)))) for item in chosen]
    if fate == "over_shipped":  # a piece more stays within the tolerance
        lines[0] = _line(rng, chosen[0], Decimal(20))
    if fate in {"backordered", "cancelled_rest"}:
        lines.append(_line(rng, rng.choice(shelf.scarce), Decimal(rng.choice((2000, 3000)))))
    if fate == "kit":
        lines.append(_line(rng, items[rng.choice(shelf.kit_items)], Decimal(3)))
    if fate == "sample":
        item = rng.choice([one for one in shelf.plenty if one not in chosen])
        lines.append(PlannedLine(item["sku"], Decimal(1), Decimal(0)))
    return lines


def _line(rng: Random, item: dict[str, Any], quantity: Decimal) -> PlannedLine:
    price = (Decimal(item["list_price"]) * rng.choice(DISCOUNTS)).quantize(PRICE_STEP, rounding=ROUND_HALF_UP)
    return PlannedLine(item["sku"], quantity, price)
