"""Record ids: one spelling for each record, and nothing that would spoil a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.salesforce.ids import full_id
from twins.salesforce.ids import make_id, normalise


@given(prefix=st.sampled_from(["801", "802", "a0X", "04l"]), number=st.integers(1, 10**15))
def test_short_and_long_are_one_id(prefix: str, number: int) -> None:
    whole = make_id(prefix, number)
    assert full_id(whole) == full_id(whole[:15]) == full_id(whole[:15] + whole[15:].lower()) == whole


@given(st.text(alphabet="aZ09x'-", max_size=20))
def test_what_is_an_id_is_what_the_org_says(text: str) -> None:
    assert full_id(text) == normalise(text)


@pytest.mark.parametrize(
    "wrong", [None, 7, "", "801", "801000000000001AAB", "801000000000001AAA\n", "８01000000000001"]
)
def test_what_is_none_is_none(wrong: object) -> None:
    assert full_id(wrong) is None
