"""When alerts may be sent: quiet hours and digests by the wall's clock, through both changes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alert_times import due_at, is_quiet
from domain.alerts import Channel, ChannelKind, Severity, When
from domain.stock_rules import QuietHours

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(starts=time(22), ends=time(6))


def channel(**given: Any) -> Channel:
    return Channel(kind=ChannelKind.SLACK, **given)


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK, fold=fold).astimezone(UTC)


def due(one: Channel, at: datetime, when: When = When.AT_ONCE, severity: Severity = Severity.HIGH) -> datetime:
    return due_at(one, when, severity, at, NEW_YORK)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-26T21:59", "2026-11-26T21:59"),
        ("2026-11-26T22:00", "2026-11-27T06:00"),
        ("2026-11-27T05:59", "2026-11-27T06:00"),
        ("2026-11-27T06:00", "2026-11-27T06:00"),
    ],
)
def test_what_comes_in_quiet_hours_waits_for_their_end(at: str, expected: str) -> None:
    """G-I7."""
    assert due(channel(quiet_hours=(NIGHT,)), local(at)) == local(expected)


def test_what_is_critical_comes_in_quiet_hours_too() -> None:
    at = local("2026-11-26T23:00")
    assert due(channel(quiet_hours=(NIGHT,)), at, severity=Severity.CRITICAL) == at
    loud = channel(quiet_hours=(NIGHT,), lets_through=Severity.HIGH)
    assert due(loud, at, severity=Severity.HIGH) == at
    assert due(loud, at, severity=Severity.NORMAL) > at


def test_quiet_days_and_holidays_end_with_the_next_ordinary_morning() -> None:
    one = channel(quiet_hours=(NIGHT,), quiet_days=("saturday", "sunday"), holidays=(date(2026, 11, 30),))
    assert due(one, local("2026-11-27T22:30")) == local("2026-12-01T06:00"), "a weekend and a Monday off"


def test_quiet_hours_end_by_the_clock_on_the_day_it_is_put_forward() -> None:
    """F14: on 2026-03-08 the clock goes from 02:00 to 03:00; 02:30 does not come."""
    early = channel(quiet_hours=(QuietHours(starts=time(22), ends=time(2, 30)),))
    assert due(early, local("2026-03-08T01:59")) == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    assert due(channel(quiet_hours=(NIGHT,)), local("2026-03-08T01:00")) == datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


def test_quiet_hours_end_by_the_clock_on_the_day_it_is_put_back() -> None:
    """F14: on 2026-11-01 the hour from 01:00 comes twice."""
    one = channel(quiet_hours=(QuietHours(starts=time(22), ends=time(1, 30)),))
    assert due(one, local("2026-11-01T01:10")) == local("2026-11-01T01:30")
    second = local("2026-11-01T01:10", fold=1)
    assert is_quiet(one, second, NEW_YORK), "the clock on the wall says 01:10 again"
    assert due(one, second) == local("2026-11-01T01:30", fold=1)
    assert due(channel(quiet_hours=(NIGHT,)), local("2026-11-01T00:30")) == datetime(2026, 11, 1, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-26T07:00", "2026-11-26T08:00"),
        ("2026-11-26T08:00", "2026-11-26T16:00"),
        ("2026-11-26T16:00", "2026-11-27T08:00"),
    ],
)
def test_a_digest_waits_for_its_next_time(at: str, expected: str) -> None:
    """G-I7."""
    one = channel(digest_at=(time(8), time(16)), quiet_hours=(QuietHours(starts=time(0), ends=time(23)),))
    assert due(one, local(at), When.DIGEST) == local(expected)


def test_a_digest_comes_once_a_day_whatever_the_clock_does() -> None:
    """F14: neither left out where its time is, nor sent twice."""
    forward = channel(digest_at=(time(2, 30),))
    assert due(forward, local("2026-03-08T00:00"), When.DIGEST) == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    back = channel(digest_at=(time(1, 30),))
    first = due(back, local("2026-11-01T00:00"), When.DIGEST)
    assert first == local("2026-11-01T01:30")
    assert due(back, first, When.DIGEST) == local("2026-11-02T01:30")


def test_midnight_is_a_time_of_a_digest() -> None:
    assert due(channel(digest_at=(time(0),)), local("2026-11-26T12:00"), When.DIGEST) == local("2026-11-27T00:00")


@given(st.sampled_from(["2026-03-07T12:00", "2026-10-31T12:00"]), st.integers(0, 60 * 36))
def test_nothing_is_due_in_quiet_hours_or_in_the_past(eve: str, minutes: int) -> None:
    at, one = local(eve) + timedelta(minutes=minutes), channel(quiet_hours=(NIGHT,))
    found = due(one, at)
    assert found >= at
    assert not is_quiet(one, found, NEW_YORK)
    assert found - at <= timedelta(hours=9, minutes=1)


def test_a_channel_that_is_quiet_for_ever_is_told_in_the_end() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    at = local("2026-11-26T12:00")
    assert due(channel(quiet_days=days), at) == at + timedelta(days=15)
