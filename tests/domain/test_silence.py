"""What is missed when it falls silent (cases F13, X1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.alerts import WatchRules
from domain.exceptions import Cause
from domain.silence import ScheduleSeen, Seen, silences
from domain.stock_rules import FeedRules

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RULES = WatchRules(exports={"shpcnf": FeedRules(every_minutes=60, grace_minutes=15)})


def seen(**given: Any) -> Seen:
    fields: dict[str, Any] = {
        "at": NOW,
        "watching_since": NOW - timedelta(days=7),
        "workers": 1,
        "worker_seen_at": NOW,
        "exports": {"shpcnf": NOW - HOUR},
        "reconciled_at": NOW - 12 * HOUR,
    }
    return Seen(**{**fields, **given})


def found(given: Seen, rules: WatchRules = RULES) -> list[tuple[Cause, tuple[str, str]]]:
    return [(one.cause, one.record) for one in silences(given, rules, ZONE)]


def schedule(**given: Any) -> ScheduleSeen:
    return ScheduleSeen(**{"name": "sweep", "every": timedelta(seconds=30), "fired_at": NOW - MINUTE, **given})


def test_where_all_is_heard_of_nothing_is_silent() -> None:
    assert found(seen(schedules=(schedule(),))) == []


def test_a_dead_worker_is_missed_after_its_patience() -> None:
    """X1: with the time at which it was heard of last, in the company's zone."""
    (one,) = silences(seen(workers=0, worker_seen_at=NOW - 10 * MINUTE), RULES, ZONE)
    assert (one.cause, one.record, one.since) == (Cause.WORKER_SILENT, ("worker", "all"), NOW - 10 * MINUTE)
    assert "2026-11-26 09:50" in one.sentence
    assert found(seen(workers=0, watching_since=NOW - MINUTE)) == [], "everything was off until just now"
    assert found(seen(workers=1), RULES.model_copy(update={"workers": 2})) == [(Cause.WORKER_SILENT, ("worker", "all"))]
    assert found(seen(workers=0), RULES.model_copy(update={"workers": 0})) == []


@pytest.mark.parametrize(
    ("given", "silent"),
    [
        ({"fired_at": NOW - 4 * MINUTE}, False),
        ({"fired_at": NOW - 6 * MINUTE}, True),
        ({"fired_at": NOW - 6 * MINUTE, "under_way": True}, False),
        ({"fired_at": NOW - 13 * HOUR, "under_way": True}, True),
        ({"every": timedelta(days=1), "fired_at": NOW - 25 * HOUR}, False),
        ({"every": timedelta(days=1), "fired_at": NOW - 27 * HOUR}, True),
        ({"every": None, "fired_at": None}, True),
        ({"paused": True}, True),
    ],
)
def test_a_schedule_that_does_not_fire_is_missed(given: dict[str, Any], silent: bool) -> None:
    expected = [(Cause.SCHEDULE_SILENT, ("schedule", "sweep"))] if silent else []
    assert found(seen(schedules=(schedule(**given),))) == expected


def test_after_everything_was_off_schedules_have_time_to_fire() -> None:
    old = schedule(fired_at=NOW - 14 * HOUR)
    assert found(seen(schedules=(old,), watching_since=NOW - 4 * MINUTE)) == []
    assert found(seen(schedules=(old,), watching_since=NOW - 6 * MINUTE)) != []


def test_a_temporal_that_does_not_answer_is_missed() -> None:
    assert found(seen(temporal_away_since=NOW - MINUTE)) == []
    assert found(seen(temporal_away_since=NOW - 3 * MINUTE)) == [(Cause.SCHEDULE_SILENT, ("temporal", "server"))]


def test_an_export_that_does_not_come_is_missed() -> None:
    """F13: by the times at which it is due."""
    assert found(seen(exports={"shpcnf": NOW - 75 * MINUTE})) == []
    late = seen(exports={"shpcnf": NOW - 76 * MINUTE})
    assert found(late) == [(Cause.EXPORT_MISSING, ("export", "shpcnf"))]
    night = FeedRules(every_minutes=60, quiet_hours=[{"starts": "00:00", "ends": "09:30"}])
    assert found(late, RULES.model_copy(update={"exports": {"shpcnf": night}})) == []


def test_an_export_that_never_came_is_missed_from_when_it_is_watched() -> None:
    """F13."""
    (one,) = silences(seen(exports={}, watching_since=NOW - 2 * HOUR), RULES, ZONE)
    assert "None ever came" in one.sentence
    assert found(seen(exports={}, watching_since=NOW - HOUR)) == []


def test_a_reconciliation_that_was_not_made_is_missed() -> None:
    assert found(seen(reconciled_at=NOW - 27 * HOUR)) == [(Cause.RECONCILIATION_MISSED, ("reconciliation", "nightly"))]
    assert found(seen(reconciled_at=None)) != []
    assert found(seen(reconciled_at=None, watching_since=NOW - 20 * HOUR)) == []
