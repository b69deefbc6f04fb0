"""Who stops first when the day's calls run low (case X4): pure rules, and the gateway that keeps to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.pool import CallPool, PoolPolicy, Priority
from adapters.salesforce.transport import ApiUsage
from domain import errors
from domain.links import LinkKind
from domain.publication import ItemStatement
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to
from tests.adapters.salesforce.test_statements import event, invoice, publish, stated
from tests.adapters.salesforce.world import SKUS, order, world

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def seen(used: int, *, ago: timedelta = timedelta(0), now: datetime = NOW) -> ApiUsage:
    return ApiUsage(used=used, limit=1000, seen_at=now - ago)


def permitted(used: int, calls: int = 1) -> set[Priority]:
    return {priority for priority in Priority if PoolPolicy().permits(priority, seen(used), calls, NOW)}


@pytest.mark.parametrize(
    ("used", "stopped"),
    [
        (0, []),
        (699, []),
        (700, ["master_data"]),
        (799, ["master_data"]),
        (800, ["stock", "master_data"]),
        (899, ["stock", "master_data"]),
        (900, ["status", "stock", "master_data"]),
        (1500, ["status", "stock", "master_data"]),
    ],
)
def test_the_less_important_stops_first_and_invoices_never_do(used: int, stopped: list[str]) -> None:
    assert sorted(p.value for p in set(Priority) - permitted(used)) == sorted(stopped)


def test_the_calls_to_come_count() -> None:
    assert Priority.STOCK in permitted(780, calls=20)
    assert Priority.STOCK not in permitted(781, calls=20)


def test_what_was_seen_long_ago_stops_nobody() -> None:
    """Otherwise a pool that nobody asks about would stay empty after midnight."""
    policy = PoolPolicy()
    assert policy.permits(Priority.STOCK, None, 1, NOW)
    assert not policy.permits(Priority.STOCK, seen(999, ago=timedelta(minutes=14)), 1, NOW)
    assert policy.permits(Priority.STOCK, seen(999, ago=timedelta(minutes=15)), 1, NOW)


def test_the_shares_can_be_set() -> None:
    policy = PoolPolicy(stock_percent=50)
    assert not policy.permits(Priority.STOCK, seen(600), 1, NOW)
    with pytest.raises(ValidationError):
        PoolPolicy(stock_percent=101)


def test_who_is_stopped_is_told_why_and_for_how_long() -> None:
    pool = CallPool(lambda: seen(850, now=datetime.now(UTC)))
    pool.draw(Priority.STATUS)
    with pytest.raises(errors.Unavailable, match="850 of 1000 Salesforce calls") as stopped:
        pool.draw(Priority.STOCK)
    assert (stopped.value.reason, stopped.value.retry_after) == ("daily_pool", timedelta(minutes=15))


@pytest.fixture
def gateway(twin: Twin, vault: MemoryVault) -> Iterator[SalesforceGateway]:
    twin.control("POST", "/seed", world([order("SO1")]))
    gateway = gateway_to(twin.url, vault)
    yield gateway
    gateway.close()


def test_stock_stops_first_then_statuses_and_invoices_go_on(gateway: SalesforceGateway, twin: Twin) -> None:
    item = ItemStatement(sku=SKUS[0], available=Decimal(1))
    assert gateway.publish_items([item])[0].accepted  # nothing was seen of the pool before the first answer
    twin.control("PATCH", "/settings", {"daily_limit": 7})
    publish(gateway, event("e1", "SO1"))
    for _ in range(3):  # 5 of 7 used: 20 percent would be 1.4, and the next call leaves 1
        publish(gateway, invoice("5000101/1", "SO1"))
    before = len(twin.journal())
    for stopped_one in (lambda: gateway.publish_items([item]), lambda: list(gateway.candidates(LinkKind.ITEM))):
        with pytest.raises(errors.Unavailable) as stopped:
            stopped_one()
        assert stopped.value.reason == "daily_pool"
    assert len(twin.journal()) == before  # not one call was spent on it
    assert publish(gateway, event("e2", "SO1"))[0].accepted
    with pytest.raises(errors.Unavailable) as stopped:
        publish(gateway, stated("SO1"))
    assert stopped.value.reason == "daily_pool"
    assert publish(gateway, invoice("5000101/1", "SO1"))[0].accepted
    with pytest.raises(errors.RateLimited) as refused:  # from here on it is Salesforce that says no
        publish(gateway, invoice("5000101/1", "SO1"))
    assert refused.value.reason == "daily_limit"
