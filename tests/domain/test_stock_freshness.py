"""How a number ages: words, missed exports, the instant of the next word, the buffer (case I7)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.freshness import (
    FROM_BEST,
    BufferPolicy,
    Confidence,
    FeedSchedule,
    Quiet,
    age,
    buffer,
    changes_at,
    confidence,
    late_by,
    missed_exports,
    worst,
)
from tests.domain.stock_world import T0, at

HOURLY = FeedSchedule()
NIGHT = FeedSchedule(quiet=(Quiet(starts_at=at(30), ends_at=at(510)), Quiet(starts_at=at(400), ends_at=at(520))))


@pytest.mark.parametrize(
    ("minutes", "word", "missed"),
    [
        (0, "fresh", 0),
        (75, "fresh", 0),
        (76, "aging", 1),
        (195, "aging", 2),
        (196, "stale", 3),
        (315, "stale", 4),
        (316, "unknown", 5),
    ],
)
def test_a_number_ages_with_each_missed_export(minutes: int, word: str, missed: int) -> None:
    assert confidence(T0, at(minutes), HOURLY) is Confidence(word)
    assert missed_exports(T0, at(minutes), HOURLY) == missed


def test_nothing_is_unknown_and_the_future_is_fresh() -> None:
    assert confidence(None, T0, HOURLY) is Confidence.UNKNOWN
    assert confidence(at(5), T0, HOURLY) is Confidence.FRESH


def test_a_night_without_exports_does_not_age_a_number() -> None:
    assert age(T0, at(530), NIGHT) == timedelta(minutes=40)
    assert confidence(T0, at(565), NIGHT) is Confidence.FRESH
    assert confidence(T0, at(566), NIGHT) is Confidence.AGING
    assert changes_at(T0, at(10), NIGHT) == at(565)


def test_a_schedule_ages_before_it_is_stale() -> None:
    with pytest.raises(ValueError, match="aging before it is stale"):
        FeedSchedule(aging_exports=3, stale_exports=2)


@given(st.integers(0, 2_000), st.sampled_from([HOURLY, NIGHT]))
def test_a_number_stands_until_the_instant_that_is_named(minutes: int, schedule: FeedSchedule) -> None:
    """A timer set on it finds the next late export one moment later, and no timer is ever missing."""
    word, until = confidence(T0, at(minutes), schedule), changes_at(T0, at(minutes), schedule)
    if until is None:
        assert word is Confidence.UNKNOWN
        return
    late = late_by(T0, at(minutes), schedule)
    assert until >= at(minutes)
    assert (confidence(T0, until, schedule), late_by(T0, until, schedule)) == (word, late)
    after = until + timedelta(seconds=1)
    assert late_by(T0, after, schedule) == late + schedule.every
    assert FROM_BEST.index(confidence(T0, after, schedule)) - FROM_BEST.index(word) in {0, 1}


def test_the_worst_word_counts() -> None:
    assert worst((Confidence.FRESH, Confidence.STALE, Confidence.AGING)) is Confidence.STALE
    assert worst(()) is Confidence.UNKNOWN


def test_a_buffer_is_capped_stepped_and_nothing_of_nothing() -> None:
    policy = BufferPolicy(units=Decimal(1), percent=Decimal(5), percent_per_hour=Decimal(10), cap_percent=Decimal(50))
    assert buffer(Decimal(100), timedelta(0), policy) == 6
    assert buffer(Decimal(100), timedelta(minutes=90), policy) == 21
    assert buffer(Decimal(100), timedelta(hours=30), policy) == 50
    assert buffer(Decimal(-3), timedelta(hours=30), policy) == 0
    feet = policy.model_copy(update={"step": Decimal("0.25")})
    assert buffer(Decimal("100.1"), timedelta(0), feet) == Decimal("6.25")


@given(st.integers(-50, 500), st.integers(0, 600), st.integers(0, 600), st.integers(0, 9), st.integers(0, 100))
def test_a_buffer_never_shrinks_with_age(on_hand: int, minutes: int, more: int, hourly: int, cap: int) -> None:
    policy = BufferPolicy(units=Decimal(1), units_per_hour=Decimal(hourly), cap_percent=Decimal(cap))
    young = buffer(Decimal(on_hand), timedelta(minutes=minutes), policy)
    old = buffer(Decimal(on_hand), timedelta(minutes=minutes + more), policy)
    assert 0 <= young <= old
