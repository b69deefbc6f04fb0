"""Items and their units of measure, as rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from domain.money import Money, Quantity

# Base units in one selling unit, exact: `100`, `1/12`.
Factor = Annotated[
    Fraction,
    BeforeValidator(lambda value: value if isinstance(value, Fraction) else Fraction(str(value))),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(/\d+)?$"}, mode="serialization"),
]


class Item(BaseModel):
    """An item. `list_price` is per `sell_uom`, of which one holds `units_per_sell_uom` base units (case E3)."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    sku: str
    description: str
    base_uom: str
    sell_uom: str
    units_per_sell_uom: Factor
    list_price: Money | None = None
    taxable: bool = True
    weight_lb: Quantity | None = None

    def convert(self, uom_from: str, uom_to: str) -> Fraction | None:
        """How many `uom_to` one `uom_from` is; None when this item knows no such conversion."""
        sizes = {self.base_uom: Fraction(1), self.sell_uom: self.units_per_sell_uom}
        if uom_from not in sizes or uom_to not in sizes:
            return Fraction(1) if uom_from == uom_to else None
        return sizes[uom_from] / sizes[uom_to]
