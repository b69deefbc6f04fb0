"""Accepting an order that was born in Salesforce: what the ERP needs of it, its number, those of its lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from domain.items import Item
from domain.money import Money, Quantity

NUMBER = re.compile(r"[A-Z]{2}\d{1,8}")  # what the ERP's files can hold of an order number


class NumberRules(BaseModel):
    """How orders are numbered (`[order_numbers]` of company.toml): the prefix, the first number, and its digits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = Field(default="SO", pattern=r"^[A-Z]{2}$")
    first: int = Field(default=900001, ge=1)
    digits: int = Field(default=6, ge=1, le=8)

    def number(self, sequence: int) -> str:
        """The order number of a sequence; longer than `digits` once they are used up, never longer than eight."""
        return f"{self.prefix}{sequence:0{self.digits}d}"


class NewLine(BaseModel):
    """A line of an order as Salesforce has it before it is accepted."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    line_no: int | None = None
    sku: str | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    uom: str | None = None


class NewOrder(BaseModel):
    """An order of Salesforce that may be accepted; `number` where somebody gave it one meanwhile."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    name: str
    active: bool
    deleted: bool = False
    number: str | None = None
    customer_number: str | None = None
    lines: tuple[NewLine, ...] = ()


class NumberedLine(BaseModel):
    """The number and the unit that a line gets."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    line_no: int
    uom: str


class NumberedOrder(BaseModel):
    """What is written on an order when it is accepted; only what is still blank there."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    number: str
    lines: tuple[NumberedLine, ...] = ()


def what_lacks(order: NewOrder, items: Mapping[str, Item]) -> str | None:
    """Say in words what keeps an order from being accepted, all of it at once; None: it can be."""
    lacks = [] if order.customer_number else ["its account has no ERP number"]
    if not order.lines:
        lacks.append("it has no lines")
    for place, line in enumerate(order.lines, start=1):
        of_line = [
            words for words, given in (("product with an ERP SKU", line.sku), ("quantity", line.quantity)) if not given
        ]
        if line.unit_price is None:
            of_line.append("price")
        if not line.uom and line.sku and line.sku not in items:
            of_line.append(f"unit, and item {line.sku} is not in the item master")
        if of_line:
            lacks.append(f"line {place} ({line.external_id}) has no {', no '.join(of_line)}")
    return "; ".join(lacks) or None


def numbered_lines(lines: Sequence[NewLine], items: Mapping[str, Item], used: int = 0) -> tuple[NumberedLine, ...]:
    """The numbers of lines that have none, one after the other, never one that was used; and units that are blank.

    `used` is the highest number that the order's lines ever had. A blank unit is the item's selling unit.
    """
    last = max([used, *(line.line_no for line in lines if line.line_no)])
    found = []
    for line in sorted(lines, key=lambda one: one.external_id):
        number = line.line_no
        if number is None:
            last += 1
            number = last
        item = items.get(line.sku or "")
        uom = line.uom or (item.sell_uom if item else "")
        if (number, uom) != (line.line_no, line.uom):
            found.append(NumberedLine(external_id=line.external_id, line_no=number, uom=uom))
    return tuple(found)
