"""What is known of one order line, document by document: the facts that its ledger is derived from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.items import Factor
from domain.kits import Kit
from domain.money import Quantity
from domain.orders import OrderLine
from domain.shipments import LineReason

Fact = TypeVar("Fact", bound="Stated")

PLACES = 6
ONE = Fraction(1)


class Stated(BaseModel):
    """A quantity that one line of one document states. One unit of it is `factor` units of the order line (case E3).

    `reference` names that line of that document: stated twice it counts once, and of several revisions the highest.
    `sku` may differ from the ordered one: a substitute counts for the line that it replaces. Of a kit's component
    `factor` is the component's base units in one unit of the document.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    reference: str
    revision: int = 1
    sku: str
    quantity: Quantity
    factor: Factor = ONE


class LineShipped(Stated):
    """Goods that left. `ordered`: what the document says was ordered, in its own unit; a reason speaks of the rest."""

    shipped_at: AwareDatetime
    ordered: Quantity | None = None
    reason: LineReason | None = None


class ClosingReason(StrEnum):
    """Why what had not shipped will not."""

    CANCELLED = "cancelled"
    REJECTED = "rejected"


class LineClosed(BaseModel):
    """The rest of a line was given up. `ordered`: how much had been ordered by then, in the order's unit (case O8).

    None: all that is ordered now.
    """

    model_config = ConfigDict(frozen=True)

    reference: str
    reason: ClosingReason = ClosingReason.CANCELLED
    ordered: Quantity | None = None


class LineAcknowledged(BaseModel):
    """The ERP's newest word on the line, in the order's unit, from a file that was cut at `cut_at`."""

    model_config = ConfigDict(frozen=True)

    allocated: Quantity
    backordered: Quantity
    promise_on: date | None = None
    cut_at: AwareDatetime


class LineFacts(BaseModel):
    """Everything that counts for one order line. Of a corrected document only its newest statement belongs here.

    `waived`: shipped, and by a person's ruling never billed. `ruled`: a person ruled that more is billed than shipped.
    Shipments of a line that the order does not have are a line of quantity 0. `kit`: what the ordered SKU is made of.
    """

    model_config = ConfigDict(frozen=True)

    line: OrderLine
    kit: Kit | None = None
    shipped: tuple[LineShipped, ...] = ()
    acknowledged: LineAcknowledged | None = None
    closed: tuple[LineClosed, ...] = ()
    billed: tuple[Stated, ...] = ()
    waived: tuple[Stated, ...] = ()
    returned: tuple[Stated, ...] = ()
    credited: tuple[Stated, ...] = ()
    ruled: bool = False


def newest(facts: Iterable[Fact]) -> list[Fact]:
    """Each reference once, at its highest revision; the result does not depend on the order of the facts."""
    last: dict[str, Fact] = {}
    for one in facts:
        known = last.get(one.reference)
        if known is None or _rank(one) > _rank(known):
            last[one.reference] = one
    return [last[reference] for reference in sorted(last)]


def total(facts: Iterable[Stated], kit: Kit | None = None) -> Decimal:
    """The sum in units of the order line; components of a kit count as the whole kits that they make (case O13).

    Rounded half up to six places after summing, so twelve twelfths are exactly one.
    """
    parts: Mapping[str, Decimal] = kit.per_kit() if kit else {}
    whole = Fraction(0)
    components = dict.fromkeys(parts, Fraction(0))
    for one in newest(facts):
        counted = Fraction(one.quantity) * one.factor
        if one.sku in components:
            components[one.sku] += counted
        else:
            whole += counted
    if components:
        whole += min(math.floor(components[sku] / Fraction(parts[sku])) for sku in parts)
    return rounded(whole)


def rounded(value: Fraction) -> Decimal:
    """The quantity as a decimal of at most six places, rounded half up."""
    return Decimal(math.floor(value * 10**PLACES + Fraction(1, 2))).scaleb(-PLACES).normalize() + Decimal(0)


def _rank(one: Stated) -> tuple[int, str]:
    return (one.revision, one.model_dump_json())
