"""One word for each flow, and the number that caused it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain import health
from domain.freshness import Confidence
from domain.health import Health, Waiting

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def waiting(seconds: int, count: int = 1) -> Waiting:
    return Waiting(count=count, oldest_at=NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("oldest", "late", "word"),
    [(90, 0, Health.GOOD), (91, 0, Health.BAD), (5, 2, Health.WATCH), (300, 2, Health.BAD)],
)
def test_invoicing_is_measured_by_the_promise_of_90_seconds(oldest: int, late: int, word: Health) -> None:
    assert health.invoicing(waiting(oldest), late, 10, NOW).health is word


def test_the_sentence_names_the_number() -> None:
    assert (
        health.invoicing(waiting(300, 7), 0, 0, NOW).sentence == "7 on the way, the oldest for 5 min: longer than 90 s."
    )
    assert health.invoicing(Waiting(count=0), 3, 40, NOW).sentence.startswith("3 of 40 invoices")


@pytest.mark.parametrize(
    ("feeds", "word"),
    [
        ({}, Health.UNKNOWN),
        ({"ATL": Confidence.FRESH}, Health.GOOD),
        ({"ATL": Confidence.FRESH, "DAL": Confidence.AGING}, Health.WATCH),
        ({"ATL": Confidence.STALE, "DAL": Confidence.AGING}, Health.BAD),
    ],
)
def test_stock_is_as_good_as_its_oldest_feed(feeds: dict[str, Confidence], word: Health) -> None:
    assert health.stock(feeds).health is word


def test_overdue_work_is_bad_and_open_work_is_to_be_looked_at() -> None:
    words = [health.work(*numbers).health for numbers in ((0, 0), (4, 0), (4, 1))]
    assert words == [Health.GOOD, Health.WATCH, Health.BAD]


def test_a_reconciliation_is_good_while_it_is_new_and_found_no_drift() -> None:
    fresh, old = NOW - timedelta(hours=9), NOW - timedelta(hours=27)
    cases = ((None, True), (fresh, True), (fresh, False), (old, True))
    words = [health.reconciliation(at, zero_drift=zero, now=NOW).health for at, zero in cases]
    assert words == [Health.UNKNOWN, Health.GOOD, Health.BAD, Health.WATCH]


def test_files_and_workers_are_bad_when_they_stand_still() -> None:
    assert health.files(waiting(91), 0, NOW).health is Health.BAD
    assert health.files(waiting(9), 2, NOW).health is Health.WATCH
    assert health.files(Waiting(count=0), 0, NOW).health is Health.GOOD
    assert health.workers(None, NOW).health is health.workers(NOW - timedelta(seconds=31), NOW).health is Health.BAD
    assert health.workers(NOW - timedelta(seconds=9), NOW).health is Health.GOOD


def test_a_system_that_nobody_looked_at_is_unknown() -> None:
    words = [health.connection("quickbooks", ok=ok, sentence="").health for ok in (None, True, False)]
    assert words == [Health.UNKNOWN, Health.GOOD, Health.BAD]


def test_the_worst_word_counts() -> None:
    assert health.worst([Health.GOOD, Health.UNKNOWN, Health.WATCH]) is Health.WATCH
    assert health.worst([]) is Health.UNKNOWN


@pytest.mark.parametrize(("span", "words"), [(119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 days")])
def test_spans_are_said_as_people_say_them(span: int, words: str) -> None:
    assert health.seconds(timedelta(seconds=span)) == words
