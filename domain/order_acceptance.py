"""Accepting an order that was born in Salesforce: what the ERP needs of it, its number, those of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from domain.items import Item
from domain.money import Money, Quantity

LAST_SEQUENCE = 99_999_999  # the ERP's files hold two letters and eight digits


class NumberRules(BaseModel):
    """How orders are numbered (`[order_numbers]` of company.toml): the prefix, the first number, and its digits.

    `statuses`: the words of Salesforce under which an order is accepted; none: all of the category Activated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = Field(default="SO", pattern=r"^[A-Z]{2}$")
    first: int = Field(default=900001, ge=1, le=LAST_SEQUENCE)
    digits: int = Field(default=6, ge=1, le=8)
    statuses: tuple[str, ...] = ()

    def number(self, sequence: int) -> str | None:
        """The order number of a sequence, longer than `digits` once these are used up; None when all are."""
        return f"{self.prefix}{sequence:0{self.digits}d}" if sequence <= LAST_SEQUENCE else None

    def accepts(self, status: str, *, active: bool) -> bool:
        """Whether an order in this status is accepted."""
        return status in self.statuses if self.statuses else active


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
    """An order of Salesforce that may be accepted; `number` where it has one by now, from whomever."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    name: str
    status: str
    active: bool
    deleted: bool = False
    number: str | None = None
    customer_number: str | None = None
    lines: tuple[NewLine, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left for the gateway to write: order and lines have their numbers, and lines units."""
        return self.number is not None and all(line.line_no is not None and line.uom for line in self.lines)


class NumberedLine(BaseModel):
    """What a line is given: a number and a unit, each None where the line has its own."""

    model_config = ConfigDict(frozen=True)

    external_id: str
    line_no: int | None = None
    uom: str | None = None


class NumberedOrder(BaseModel):
    """What is written on an order when it is accepted; only what is still blank there.

    `has_number`: the order bears its number already, and only lines are written.
    """

    model_config = ConfigDict(frozen=True)

    external_id: str
    number: str
    has_number: bool = False
    lines: tuple[NumberedLine, ...] = ()


def what_lacks(order: NewOrder, items: Mapping[str, Item]) -> str | None:
    """Say in words what keeps an order from being accepted, all of it at once; None: it can be."""
    lacks = [] if order.customer_number else ["its account has no ERP number"]
    if not order.lines:
        lacks.append("it has no lines")
    for place, line in enumerate(order.lines, start=1):
        of_line = _of_line(line, items)
        if of_line:
            lacks.append(f"line {place} ({line.external_id}) has no {', no '.join(of_line)}")
    numbers = Counter(line.line_no for line in order.lines if line.line_no is not None)
    lacks += [f"{count} lines have the number {number}" for number, count in sorted(numbers.items()) if count > 1]
    lacks += [f"a line has the number {number}" for number in sorted(numbers) if number < 1]
    return "; ".join(lacks) or None


def _of_line(line: NewLine, items: Mapping[str, Item]) -> list[str]:
    """A price of nothing is a price (case O16); a quantity of nothing is none."""
    lacks = [] if line.sku else ["product with an ERP SKU"]
    if line.quantity is None or line.quantity <= 0:
        lacks.append("quantity above zero")
    if line.unit_price is None:
        lacks.append("price")
    if not line.uom and line.sku and line.sku not in items:
        lacks.append(f"unit, and item {line.sku} is not in the item master")
    return lacks


def numbered_lines(
    lines: Sequence[NewLine], items: Mapping[str, Item], given: Mapping[str, int], used: int = 0
) -> tuple[NumberedLine, ...]:
    """What lines that lack a number or a unit are given: the number that they were given before, else the next one.

    `given` holds those by the lines' own Ids, and `used` is the highest that the order ever had: no number comes twice,
    not even that of a line that is gone. One that another line got by hand meanwhile is that line's.
    A blank unit is the item's selling unit. Lines that lack nothing are left out.
    """
    by_hand = {line.line_no for line in lines}
    last = max([used, *given.values(), *(line.line_no for line in lines if line.line_no is not None)])
    found = []
    for line in lines:
        number = None
        if line.line_no is None:
            number = given.get(line.external_id)
            if number is None or number in by_hand:
                last += 1
                number = last
        item = items.get(line.sku or "")
        uom = item.sell_uom if item and not line.uom else None
        if number is not None or uom is not None:
            found.append(NumberedLine(external_id=line.external_id, line_no=number, uom=uom))
    return tuple(found)
