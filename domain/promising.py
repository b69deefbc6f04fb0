"""No piece is promised twice: a batch of lines against what is available, components of kits summed (cases I6, O13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from domain.freshness import Confidence
from domain.items import Factor
from domain.kits import Kit, whole_kits
from domain.money import Money, Quantity
from domain.promises import Availability
from domain.stock_events import stock_key

NO_KITS: Mapping[str, Kit] = {}


class Wanted(BaseModel):
    """A line that asks for a promise, in base units; `unit_price` is per unit of `price_factor` base units."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    order_number: str
    line_no: int
    sku: str
    warehouse: str | None
    quantity: Quantity = Field(ge=0)
    promise_on: date | None = None
    unit_price: Money = Decimal(0)
    price_factor: Factor = Fraction(1)


class Promise(BaseModel):
    """What one line got, and what it is short of, in base units; `limited_by` names the scarce item."""

    model_config = ConfigDict(frozen=True)

    wanted: Wanted
    promised: Quantity
    short: Quantity
    limited_by: str | None = None


def supply_of(availabilities: Iterable[Availability]) -> dict[str, Decimal]:
    """What may be promised by key; the total of an item has a blank warehouse. The unknown cannot be promised."""
    return {
        stock_key(one.sku, one.warehouse or ""): Decimal(0)
        if one.confidence is Confidence.UNKNOWN
        else max(one.value, Decimal(0))
        for one in availabilities
    }


def component_demand(lines: Iterable[Wanted], kits: Mapping[str, Kit] = NO_KITS) -> dict[str, Decimal]:
    """All that a batch asks of each component, in total and by warehouse: summed before any check."""
    asked: dict[str, Decimal] = {}
    for line in lines:
        for key, quantity in _needs(line, kits):
            asked[key] = asked.get(key, Decimal(0)) + quantity
    return asked


def promise(lines: Iterable[Wanted], supply: Mapping[str, Decimal], kits: Mapping[str, Kit] = NO_KITS) -> list[Promise]:
    """Promise what there is, line after line in the order given: each piece once, also across lines and orders.

    A line that is short gets what is left. A line of a warehouse takes from it and from the total; one without takes
    from the total. A key that the supply lacks has nothing; a total that it lacks does not limit a line of a warehouse.
    A kit's own total, where the supply has it, limits kits too: they are not put together across warehouses.
    """
    left = dict(supply)
    return [_promise_line(line, left, kits) for line in lines]


def _promise_line(line: Wanted, left: dict[str, Decimal], kits: Mapping[str, Kit]) -> Promise:
    parts = _per_one(line, kits)
    is_kit = line.sku in kits
    whole = stock_key(line.sku, "")
    allowed, limited_by = line.quantity, None
    if is_kit and whole in left and left[whole] < allowed:
        allowed, limited_by = max(left[whole], Decimal(0)), line.sku
    for sku, per_one in parts.items():
        for key in _keys(sku, line.warehouse, left):
            there = left.get(key, Decimal(0))
            here = whole_kits(there, per_one) if is_kit else there
            if here < allowed:
                allowed, limited_by = max(here, Decimal(0)), sku
    if is_kit and whole in left:
        left[whole] -= allowed
    for sku, per_one in parts.items():
        for key in _keys(sku, line.warehouse, left):
            left[key] = left.get(key, Decimal(0)) - allowed * per_one
    return Promise(wanted=line, promised=allowed, short=line.quantity - allowed, limited_by=limited_by)


def _per_one(line: Wanted, kits: Mapping[str, Kit]) -> dict[str, Decimal]:
    """What one of the line's item is made of."""
    return kits[line.sku].per_kit() if line.sku in kits else {line.sku: Decimal(1)}


def _keys(sku: str, warehouse: str | None, left: Mapping[str, Decimal]) -> list[str]:
    total = stock_key(sku, "")
    if not warehouse:
        return [total]
    return [stock_key(sku, warehouse), *([total] if total in left else [])]


def _needs(line: Wanted, kits: Mapping[str, Kit]) -> Iterable[tuple[str, Decimal]]:
    for sku, per_one in _per_one(line, kits).items():
        yield stock_key(sku, ""), line.quantity * per_one
        if line.warehouse:
            yield stock_key(sku, line.warehouse), line.quantity * per_one
