"""CSV is safe to open: whatever a cell holds, no spreadsheet computes it, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.spreadsheets import number, row, rows, safe

SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
def test_a_formula_becomes_text(sign: str) -> None:
    cell = f'{sign}HYPERLINK("http://evil.example","click")'
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "  =1", "-", "--5", "-1"]
)
def test_known_attacks_are_text(cell: str) -> None:
    (read,) = csv.reader(io.StringIO(row([cell]), newline=""))
    assert read == [f"'{cell}"]


@pytest.mark.parametrize("cell", ["", "12.50", "0", "BOLT", "a=b", "O'Hara & Sons", "3-8", " x"])
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert safe(cell) == cell


def test_an_amount_keeps_its_sign_and_text_that_looks_like_one_does_not() -> None:
    assert row([number("-5.00"), Decimal("-1E+3"), "-5.00"]) == "-5.00,-1000,'-5.00\r\n"
    assert number("-\u0661") == "-\u0661"
    assert row([number("-1+1")]) == "'-1+1\r\n"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), min_size=1, max_size=4))
def test_no_cell_begins_like_a_formula_and_none_is_lost(cells: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(row(cells), newline=""))
    for given_cell, shown in zip(cells, read, strict=True):
        assert shown.removeprefix("'") == given_cell.removeprefix("'")
        assert not shown.startswith(SIGNS)


def test_nothing_is_blank_and_objects_are_json() -> None:
    assert rows([["a", None], [{"x": "=1"}, [1]]]) == 'a,\r\n"{""x"": ""=1""}",[1]\r\n'
