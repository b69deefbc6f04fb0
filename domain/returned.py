"""Goods that came back, as billing and crediting see them, and the rule of what of them is credited (case O12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from domain.items import Item
from domain.money import Quantity, exact_decimal

QUANTITY_PLACES = 7  # QuickBooks keeps up to seven


class Condition(StrEnum):
    """In what condition goods came back, in the ERP's words."""

    RESTOCK = "RESTOCK"
    DAMAGED = "DAMAGED"


class ReturnedGoods(BaseModel):
    """One line of a return: so much of a shipment's line came back. `quantity` is per `uom`."""

    model_config = ConfigDict(frozen=True)

    rma: str
    shipment_number: str
    line_no: int
    sku: str
    quantity: Quantity
    uom: str
    condition: Condition
    received_on: date


class LineReturns(BaseModel):
    """What came back of one line and counts, in the unit that the line is billed in, and under which numbers."""

    model_config = ConfigDict(frozen=True)

    restock: Quantity = Decimal(0)
    damaged: Quantity = Decimal(0)
    rmas: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """All that counts of it."""
        return self.restock + self.damaged


def in_unit(quantity: Decimal, uom: str, billed_uom: str, item: Item | None) -> Decimal | None:
    """A quantity in the unit that is billed; None where the item knows no exact conversion (case E3)."""
    if uom == billed_uom:
        return quantity
    factor = item.convert(uom, billed_uom) if item else None
    return exact_decimal(Fraction(quantity) * factor, QUANTITY_PLACES) if factor else None


def returns_by_line(
    returns: Iterable[ReturnedGoods], billed_units: Mapping[int, tuple[str, Item | None]], *, credit_damaged: bool
) -> tuple[dict[int, LineReturns], list[ReturnedGoods]]:
    """What came back, by line of the shipment, and what cannot be counted in the line's unit.

    `billed_units` has each line's unit and item. Damaged goods count only where the policy credits them. A line that
    the shipment does not have takes nothing back: it is among the rest.
    """
    found: defaultdict[int, LineReturns] = defaultdict(LineReturns)
    odd: list[ReturnedGoods] = []
    for one in returns:
        if one.condition is Condition.DAMAGED and not credit_damaged:
            continue
        unit, item = billed_units.get(one.line_no, (None, None))
        quantity = in_unit(one.quantity, one.uom, unit, item) if unit is not None else None
        if quantity is None:
            odd.append(one)
            continue
        part = "damaged" if one.condition is Condition.DAMAGED else "restock"
        so_far = found[one.line_no]
        rmas = tuple(dict.fromkeys((*so_far.rmas, one.rma)))
        found[one.line_no] = so_far.model_copy(update={part: getattr(so_far, part) + quantity, "rmas": rmas})
    return dict(found), odd
