"""Money and quantities: exact, rounded half up once, never a float (case E4)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.invoices import BookedInvoice, InvoiceDraft, InvoiceLine
from domain.items import Item
from domain.money import Money, Quantity, agree_at_scale, exact_decimal, line_amount, plain, to_cents
from domain.orders import OrderLine
from domain.shipments import Shipment, ShipmentLine
from tests import build

decimals = st.decimals(-10_000_000, 10_000_000, allow_nan=False, allow_infinity=False, places=7)


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.005", "0.01"), ("0.00499999", "0.00"), ("1.005", "1.01"), ("-1.005", "-1.01"), ("2.675", "2.68")],
)
def test_half_a_cent_goes_up(amount: str, cents: str) -> None:
    """Case E4: half up, away from zero, where binary numbers and half-even would go down."""
    assert str(to_cents(Decimal(amount))) == cents


@given(st.decimals(0, 100_000, places=2), st.decimals(0, 100_000, places=4))
def test_an_amount_is_within_half_a_cent_of_the_exact_product(quantity: Decimal, price: Decimal) -> None:
    amount = line_amount(quantity, price)
    assert amount.as_tuple().exponent == -2
    assert -Fraction(1, 200) <= Fraction(quantity) * Fraction(price) - Fraction(amount) < Fraction(1, 200)


@given(decimals)
def test_a_plain_number_is_the_same_number(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert "E" not in text.upper()
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize(("value", "text"), [("4.00", "4"), ("1E+2", "100"), ("0.00", "0"), ("201.250", "201.25")])
def test_a_plain_number_has_no_exponent_and_no_idle_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(decimals, st.integers(2, 7))
def test_a_number_agrees_with_itself_rounded(value: Decimal, places: int) -> None:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    assert agree_at_scale(value, rounded, places)
    assert not agree_at_scale(value, rounded + Decimal(1).scaleb(-places), places)


@given(st.fractions(-1_000_000, 1_000_000, max_denominator=2_000))
def test_a_fraction_becomes_a_decimal_exactly_or_not_at_all(value: Fraction) -> None:
    """Case E3."""
    exact = exact_decimal(value, 7)
    assert exact is None or Fraction(exact) == value
    assert (exact is None) == ((value * 10**7).denominator != 1)


@pytest.mark.parametrize("kind", [Money, Quantity])
def test_a_float_is_refused_in_python_and_in_json(kind: Any) -> None:
    adapter: TypeAdapter[Decimal] = TypeAdapter(kind)
    for wrong in (0.1, 2.0, float("nan")):
        with pytest.raises(ValidationError, match="not exact"):
            adapter.validate_python(wrong)
    with pytest.raises(ValidationError, match="not exact"):
        adapter.validate_json("0.1")
    assert adapter.validate_json('"0.10"') == Decimal("0.10")


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "1,5", ""])
def test_what_is_no_number_is_refused(wrong: str) -> None:
    adapter: TypeAdapter[Decimal] = TypeAdapter(Money)
    with pytest.raises(ValidationError):
        adapter.validate_python(wrong)


@pytest.mark.parametrize("model", [Shipment, ShipmentLine, OrderLine, Item, InvoiceLine, InvoiceDraft, BookedInvoice])
def test_no_model_of_money_has_a_float(model: type[BaseModel]) -> None:
    assert "'type': 'number'" not in str(model.model_json_schema(mode="serialization"))


def test_money_travels_as_text() -> None:
    line = build.line(quantity_shipped=Decimal("4.50"), unit_price=Decimal("1E+2"))
    shown = line.model_dump(mode="json")
    assert (shown["quantity_shipped"], shown["unit_price"]) == ("4.5", "100")
    assert ShipmentLine.model_validate(shown) == line
