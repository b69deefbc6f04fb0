"""Items, customers and the company file."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.company import Company
from domain.customers import normal_name
from domain.items import Item
from tests import build
from tests.domain.sample_world import COMPANY_FILE

factors = st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)


@given(factors)
def test_converting_there_and_back_is_exact(factor: Fraction) -> None:
    """Case E3: rational factors lose nothing."""
    item = build.item(units_per_sell_uom=factor)
    there, back = item.convert("BX", "EA"), item.convert("EA", "BX")
    assert there == factor
    assert back is not None
    assert there * back == 1


@given(factors)
def test_a_factor_survives_json(factor: Fraction) -> None:
    item = build.item(units_per_sell_uom=factor)
    assert Item.model_validate_json(item.model_dump_json()) == item


@pytest.mark.parametrize(
    ("written", "factor"), [("1/12", Fraction(1, 12)), (100, Fraction(100)), ("0.5", Fraction(1, 2))]
)
def test_a_factor_is_read_as_it_is_written(written: object, factor: Fraction) -> None:
    assert build.item(units_per_sell_uom=written).units_per_sell_uom == factor


def test_an_unknown_unit_converts_only_to_itself() -> None:
    item = build.item()
    assert item.convert("PL", "PL") == 1
    assert item.convert("PL", "EA") is None
    assert item.convert("EA", "PL") is None


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Müller & Söhne GmbH", "muller and sohne gmbh"),
        ("  ACME,   Inc. ", "acme inc"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("O’Neil_Supply", "o neil supply"),
        ("ＡＣＭＥ", "acme"),
        ("𝐀cme", "acme"),
    ],
)
def test_names_are_compared_without_case_blanks_accents_and_punctuation(name: str, normal: str) -> None:
    assert normal_name(name) == normal


def test_the_shipped_company_file_is_read() -> None:
    company = Company.parse(COMPANY_FILE.read_text())
    assert company.terms["N30"].due_days == 30
    assert company.billing.price_tolerance_percent == 0


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ('timezone = "America/New_York"', 'timezone = "Mars/Olympus"'),
        ('timezone = "America/New_York"', 'timezone = "America"'),
        ('invoice_date = "ship_date"', 'invoice_date = "someday"'),
        ("due_days = 30", "due_days = -1"),
        ("price_places = 4", "price_places = 9"),
        ('code = "THW"', 'code = "THW"\nunheard_of = 1'),
    ],
)
def test_a_slip_in_the_company_file_is_refused(found: str, wrong: str) -> None:
    text = COMPANY_FILE.read_text()
    assert found in text
    with pytest.raises(ValidationError):
        Company.parse(text.replace(found, wrong))


def test_the_business_day_needs_an_instant() -> None:
    """Case F14: a time without a zone would be read in the zone of whatever machine runs this."""
    assert build.company().local_date(build.SHIPPED_AT) == date(2026, 11, 20)
    with pytest.raises(ValueError, match="names no instant"):
        build.company().local_date(datetime(2026, 11, 20, 12))  # noqa: DTZ001 - that is the slip under test
