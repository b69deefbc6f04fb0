"""Money and quantities: exact decimals, one rounding rule, rational units of measure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

CENT = Decimal("0.01")


def _refuse_float(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("a float is not exact: give a decimal string")  # noqa: TRY004 - pydantic turns ValueError into a field error
    return value


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros: `4`, `201.25`, `47.7119`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_DecimalText = WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, mode="serialization")

# An amount of money in the company's currency, to the cent when it is booked.
Money = Annotated[
    Decimal,
    BeforeValidator(_refuse_float),
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
    _DecimalText,
]

# A quantity in the unit of measure that stands beside it.
Quantity = Annotated[
    Decimal,
    BeforeValidator(_refuse_float),
    PlainSerializer(plain, return_type=str, when_used="json"),
    _DecimalText,
]


def to_cents(amount: Decimal) -> Decimal:
    """Round half up to two places (case E4; QuickBooks refuses other roundings with its code 6070)."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def line_amount(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """The amount of a line: quantity times price, rounded half up once (case E4)."""
    return to_cents(quantity * unit_price)


def agree_at_scale(left: Decimal, right: Decimal, places: int) -> bool:
    """True when both numbers are equal after rounding half up to `places`: systems keep prices at different scales."""
    unit = Decimal(1).scaleb(-places)
    return left.quantize(unit, rounding=ROUND_HALF_UP) == right.quantize(unit, rounding=ROUND_HALF_UP)


def exact_decimal(value: Fraction, places: int) -> Decimal | None:
    """The rational as a decimal of at most `places` places, or None when it cannot be written exactly (case E3)."""
    scaled = value * 10**places
    return Decimal(scaled.numerator).scaleb(-places) if scaled.denominator == 1 else None


def rounded_decimal(value: Fraction, places: int) -> Decimal:
    """The rational rounded half up to so many places, for what is shown and not billed."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
