"""What a document means, and what happened to it between two readings (E8, E9, E18)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.document_content import (
    Content,
    ContentLine,
    DocumentChange,
    DocumentState,
    change_of,
    differences,
    is_marked,
    marker_in,
    stake,
)

NAMES = {"item 1": "BOLT", "customer 5": "00000042", "customer 6": "00000043"}


def line(quantity: str = "10", price: str = "1.115", amount: str = "11.15", item: str | None = "1") -> ContentLine:
    return ContentLine(item_id=item, quantity=Decimal(quantity), unit_price=Decimal(price), amount=Decimal(amount))


def content(*lines: ContentLine, **changes: Any) -> Content:
    given_lines = lines or (line(),)
    total = sum((one.amount for one in given_lines), Decimal(0))
    fields: dict[str, Any] = {
        "customer_id": "5",
        "doc_number": "S1",
        "dated": date(2026, 11, 20),
        "lines": given_lines,
        "tax": Decimal(0),
        "total": total,
    }
    return Content(**{**fields, **changes})


def state(one: Content | None = None, **changes: Any) -> DocumentState:
    shown = one or content()
    return DocumentState(**{"content": shown, "balance": shown.total, **changes})


MEANT = content()
LESS = content(line("8", amount="8.92"))


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (state(), state(), "cosmetic"),
        (state(), state(content(doc_number="X")), "relabelled"),
        (state(), state(content(due_on=date(2027, 1, 1))), "relabelled"),
        (state(), state(sent=True), "released"),
        (state(), state(balance=Decimal("1.15")), "partly_paid"),
        (state(), state(balance=Decimal(0)), "paid"),
        (state(), state(balance=Decimal(-1)), "overpaid"),
        (state(balance=Decimal(0)), state(), "unpaid"),
        (state(), state(LESS), "edited"),
        (state(), state(content(dated=date(2026, 10, 1))), "edited"),
        (state(), state(content(customer_id="6")), "edited"),
        (state(), state(content(tax=Decimal(1), total=Decimal("12.15"))), "edited"),
        (state(LESS), state(), "restored"),
        (state(LESS), state(content(line("7", amount="7.81"))), "edited"),
        (state(), state(content(line("0", "0", "0")), voided=True), "voided"),
        (state(voided=True), state(voided=True), "cosmetic"),
        (state(voided=True), state(), "restored"),
        (state(voided=True), state(LESS), "edited"),
        (state(), state(LESS, balance=Decimal(0), sent=True), "edited"),
    ],
)
def test_what_happened_is_the_gravest_of_it(before: DocumentState, now: DocumentState, change: str) -> None:
    """E8, E9, E18."""
    assert change_of(before, now, MEANT) is DocumentChange(change)


LINES = st.lists(
    st.builds(
        line,
        quantity=st.integers(1, 99).map(str),
        price=st.integers(1, 999).map(str),
        amount=st.integers(1, 9999).map(str),
        item=st.sampled_from(["1", "2", None]),
    ),
    min_size=1,
    max_size=6,
)


@given(LINES, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_the_spelling_of_numbers_mean_nothing(lines: list[ContentLine], random: Any) -> None:
    """E8: 10 and 10.000 are the same number."""
    shuffled = [one.model_copy(update={"quantity": (one.quantity or Decimal(0)) * Decimal("1.000")}) for one in lines]
    random.shuffle(shuffled)
    one, other = content(*lines), content(*shuffled)
    assert one.digest == other.digest
    assert stake(one, other) == 0
    assert differences(one, other, {}) == ""


@given(LINES, LINES)
def test_contents_differ_in_words_when_they_differ_in_money(
    first: list[ContentLine], second: list[ContentLine]
) -> None:
    """E8: nothing that counts goes without a word, and no word is without a difference."""
    one, other = content(*first), content(*second)
    assert (one.digest == other.digest) == (differences(one, other, {}) == "")
    assert stake(one, other) == abs(one.total - other.total)


def test_both_sides_are_told_in_our_names() -> None:
    """E8."""
    words = differences(MEANT, content(line("8", amount="8.92"), customer_id="6"), NAMES)
    assert words == (
        "the customer was 00000042 and is 00000043; shipped and booked was 10 BOLT at 1.115, "
        "there stands 8 BOLT at 1.115; the total was 11.15 and is 8.92"
    )
    assert stake(MEANT, content(customer_id="6")) == Decimal("11.15")
    many = [line(str(number), amount=str(number)) for number in range(1, 10)]
    assert "3 more" in differences(content(line("99")), content(*many), NAMES)
    assert "nothing" in differences(content(line(), line("1")), content(), NAMES)
    unknown = differences(MEANT, content(line(item="77")), NAMES)
    assert "item 77 of QuickBooks, which we do not know," in unknown


@pytest.mark.parametrize(
    ("note", "found"),
    [
        ("threeway:SH1:1\nshipment SH1", ("SH1", 1)),
        ("Voided - threeway:SH1:12", ("SH1", 12)),
        ("threeway:SH1:C1", None),
        ("threeway:SH1", None),
        ("", None),
    ],
)
def test_markers_are_read_whole(note: str, found: tuple[str, int] | None) -> None:
    """E19."""
    assert marker_in(note) == found
    assert is_marked(note) == ("threeway:SH1:" in note)
