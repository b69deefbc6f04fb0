"""The overview: right numbers, and the same few statements however much there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, event

from domain.freshness import FeedSchedule
from domain.health import Health
from store import latency
from store.overview import Overview, overview
from store.session import reading, transaction
from tests import build
from tests.api import filling
from tests.api.served import CAUSE

NOW = datetime.now(UTC)


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that the body runs."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def look(engine: Engine) -> Overview:
    with reading(engine) as session:
        return overview(session, FeedSchedule(), NOW)


def trade(engine: Engine, first: int, count: int) -> None:
    with transaction(engine, CAUSE) as session:
        filling.masters(session)
        for n in range(first, first + count):
            seen_at = NOW - timedelta(minutes=10 + n)
            filling.confirmed(session, build.shipment(number=f"SH{n}"), seen_at=seen_at)
            filling.billed(session, f"SH{n}", seconds=2 + n, quickbooks_id=str(n))
            filling.exception(session, f"SX{n}")


def test_the_numbers_are_those_of_the_store(engine: Engine) -> None:
    trade(engine, 1, 4)
    with transaction(engine, CAUSE) as session:
        filling.confirmed(session, build.shipment(number="SH99"), seen_at=NOW - timedelta(minutes=5))
    found = look(engine)
    assert (found.invoices_of_the_day, found.invoiced_of_the_day) == (4, Decimal(100))
    assert (found.latency.count, found.latency.late, found.latency.p50_seconds) == (4, 0, 4.0)
    assert (found.on_the_way.count, found.on_the_way.age(NOW)) == (1, timedelta(minutes=5))
    assert [(one.count, one.money) for one in found.work] == [(4, Decimal("805.00"))]
    words = {one.flow: one.health for one in found.flows}
    assert words["invoicing"] is Health.BAD
    assert words["exceptions"] is Health.WATCH
    assert words["quickbooks"] is Health.UNKNOWN
    assert found.health is Health.BAD


def test_it_takes_the_same_statements_however_much_there_is(engine: Engine) -> None:
    """Feature G-I3: twelve statements, and one for the exceptions that the feed tells of."""
    trade(engine, 1, 2)
    with counted(engine) as few:
        look(engine)
    trade(engine, 3, 30)
    with counted(engine) as many:
        look(engine)
    assert len(few) == len(many) <= 15


def test_latency_is_told_over_time_in_buckets_and_by_the_slowest(engine: Engine) -> None:
    trade(engine, 1, 5)
    with transaction(engine, CAUSE) as session:
        filling.confirmed(session, build.shipment(number="LATE"), seen_at=NOW - timedelta(minutes=70))
        filling.billed(session, "LATE", seconds=95, quickbooks_id="95")
    with reading(engine) as session:
        found = latency.latency(session, NOW - timedelta(hours=2), timedelta(minutes=30))
    assert (found.whole.count, found.whole.late, found.whole.p99_seconds) == (6, 1, 95.0)
    assert sum(one.count for one in found.points) == sum(one.count for one in found.buckets) == 6
    assert {one.up_to: one.count for one in found.buckets if one.count} == {3: 1, 5: 2, 8: 2, 120: 1}
    assert [one.number for one in found.slowest][:2] == ["LATE", "SH5"]
