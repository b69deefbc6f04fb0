"""What an order lacks before it can be accepted, and the numbers that it and its lines get."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.order_acceptance import (
    LAST_SEQUENCE,
    NewLine,
    NewOrder,
    NumberedLine,
    NumberRules,
    numbered_lines,
    what_lacks,
)
from tests.build import items

KNOWN = items("BOLT", "NUT")


def line(place: int, **changes: Any) -> NewLine:
    fields = {"external_id": f"802-{place}", "sku": "BOLT", "quantity": Decimal(1), "unit_price": Decimal(1)}
    return NewLine(**{**fields, **changes})


def order(*lines: NewLine, **changes: Any) -> NewOrder:
    fields = {"external_id": "801-1", "name": "00000100", "status": "Activated", "active": True}
    return NewOrder(**{**fields, "customer_number": "00000042", "lines": lines, **changes})


@pytest.mark.parametrize(
    ("given_order", "said"),
    [
        (order(line(1), customer_number=None), "its account has no ERP number"),
        (order(), "it has no lines"),
        (order(line(1, sku=None)), "line 1 (802-1) has no product with an ERP SKU"),
        (order(line(1, quantity=None)), "line 1 (802-1) has no quantity above zero"),
        (order(line(1, quantity=Decimal(-1))), "line 1 (802-1) has no quantity above zero"),
        (order(line(1), line(2, unit_price=None)), "line 2 (802-2) has no price"),
        (order(line(1, sku="WHO")), "line 1 (802-1) has no unit, and item WHO is not in the item master"),
        (order(line(1, line_no=3), line(2, line_no=3)), "2 lines have the number 3"),
        (order(line(1, line_no=-1)), "a line has the number -1"),
    ],
)
def test_what_lacks_is_said_in_words(given_order: NewOrder, said: str) -> None:
    assert what_lacks(given_order, KNOWN) == said


def test_all_that_lacks_is_said_at_once() -> None:
    said = what_lacks(order(line(1, sku=None, unit_price=None), customer_number=None), KNOWN)
    assert said == "its account has no ERP number; line 1 (802-1) has no product with an ERP SKU, no price"


def test_nothing_lacks_where_the_item_master_helps() -> None:
    assert what_lacks(order(line(1), line(2, sku="WHO", uom="EA")), KNOWN) is None


def test_a_sample_at_no_price_is_fine() -> None:
    """O16."""
    assert what_lacks(order(line(1, unit_price=Decimal(0))), KNOWN) is None


def test_lines_get_the_next_numbers_and_the_selling_unit() -> None:
    found = numbered_lines([line(1), line(2, line_no=7, uom="EA"), line(3, uom="EA")], KNOWN, {})
    assert found == (
        NumberedLine(external_id="802-1", line_no=8, uom="BX"),
        NumberedLine(external_id="802-3", line_no=9, uom=None),
    )


def test_a_line_keeps_the_number_that_it_was_given() -> None:
    found = numbered_lines([line(2), line(1)], KNOWN, {"802-1": 1, "802-2": 2}, used=2)
    assert [one.line_no for one in found] == [2, 1]


def test_a_number_of_a_line_that_is_gone_does_not_come_again() -> None:
    assert numbered_lines([line(9)], KNOWN, {}, used=5)[0].line_no == 6


STATED = st.lists(st.none() | st.integers(1, 9), max_size=8).filter(
    lambda numbers: len({one for one in numbers if one}) == len([one for one in numbers if one])
)


@given(stated=STATED, used=st.integers(0, 12), again=st.booleans())
def test_numbers_of_lines_never_meet(stated: list[int | None], used: int, again: bool) -> None:
    lines = [line(place, line_no=number) for place, number in enumerate(stated)]
    found = numbered_lines(lines, KNOWN, {}, used)
    new = {one.external_id: one.line_no for one in found if one.line_no is not None}
    numbers = [new.get(one.external_id, one.line_no) for one in lines]

    assert len(set(numbers)) == len(numbers)
    assert all(number > used for number in new.values())
    assert sorted(new.values()) == list(range(min(new.values(), default=1), min(new.values(), default=1) + len(new)))
    if again:  # the process died before they were written
        later = max([used, *new.values()])
        assert numbered_lines(lines, KNOWN, new, later) == found


@given(
    stated=STATED,
    before=st.lists(st.integers(1, 12), unique=True, max_size=8),
    used=st.integers(0, 12),
)
def test_a_number_given_before_is_kept_unless_another_line_has_it(
    stated: list[int | None], before: list[int], used: int
) -> None:
    """Between two attempts people number lines by hand, add some and remove others."""
    lines = [line(place, line_no=number) for place, number in enumerate(stated)]
    given_before = {f"802-{place}": number for place, number in enumerate(before)}
    found = numbered_lines(lines, KNOWN, given_before, used)
    new = {one.external_id: one.line_no for one in found if one.line_no is not None}
    numbers = [new.get(one.external_id, one.line_no) for one in lines]

    assert None not in numbers
    assert len(set(numbers)) == len(numbers)
    by_hand = {number for number in stated if number is not None}
    for external_id, number in new.items():
        earlier = given_before.get(external_id)
        if earlier is not None and earlier not in by_hand:
            assert number == earlier
        else:
            assert number > max([used, *before, *by_hand])


@given(sequence=st.integers(1, LAST_SEQUENCE), digits=st.integers(1, 8))
def test_a_number_fits_into_the_files_of_the_erp(sequence: int, digits: int) -> None:
    number = NumberRules(prefix="SO", digits=digits).number(sequence)
    assert number is not None
    assert re.fullmatch(r"[A-Z]{2}\d{1,8}", number)
    assert int(number[2:]) == sequence


def test_numbers_end() -> None:
    assert NumberRules().number(LAST_SEQUENCE + 1) is None


@pytest.mark.parametrize("wrong", [{"prefix": "so"}, {"prefix": "ORD"}, {"digits": 9}, {"first": 0}, {"first": 10**8}])
def test_rules_that_no_file_could_hold_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NumberRules(**wrong)


def test_statuses_count_by_their_category_unless_they_are_named() -> None:
    assert NumberRules().accepts("Activated", active=True)
    assert not NumberRules().accepts("Draft", active=False)
    named = NumberRules(statuses=("Submitted",))
    assert named.accepts("Submitted", active=False)
    assert not named.accepts("Activated", active=True)
