"""Pulling orders: what one attempt kept is not lost to the shipments that wait when the attempt dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.orders import TO_WAKE, OrderActivities
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.orders import OrderPage
from domain.errors import Unavailable
from domain.order_acceptance import NumberRules
from domain.order_work import OrdersPulled, OrdersWork
from store import cursors
from store.causes import Cause, CauseSource
from store.session import transaction
from tests.build import SHIPPED_AT, order


class Org:
    """Two pages of orders; between them the connection may break."""

    def __init__(self) -> None:
        self.breaks = False
        self.pages = [
            OrderPage(orders=(order(number=number, external_id=number, version_at=at),), newest_version_at=at)
            for number, at in (("SO1", SHIPPED_AT), ("SO2", SHIPPED_AT + timedelta(minutes=1)))
        ]

    def changed_orders(self, *_: object) -> Iterator[OrderPage]:
        for place, page in enumerate(self.pages):
            if place and self.breaks:
                raise Unavailable("Salesforce is away.")
            yield page


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.fixture
def pulling(engine: Engine, org: Org) -> OrderActivities:
    return OrderActivities(engine, cast("SalesforceGateway", org), NumberRules())


def pull(pulling: OrderActivities) -> OrdersPulled:
    pulled: OrdersPulled = ActivityEnvironment().run(pulling.pull_orders, OrdersWork())
    return pulled


def strike(engine: Engine, *numbers: str) -> None:
    """What waits for these was woken."""
    with transaction(engine, Cause(source=CauseSource.GATEWAY, actor="test")) as session:
        cursors.strike(session, TO_WAKE, numbers)


def test_what_was_kept_before_an_attempt_died_is_woken_for_by_the_next(pulling: OrderActivities, org: Org) -> None:
    org.breaks = True
    with pytest.raises(ApplicationError):
        pull(pulling)
    org.breaks = False
    assert pull(pulling).changed == ["SO1", "SO2"]


def test_what_was_woken_for_is_not_named_again(engine: Engine, pulling: OrderActivities) -> None:
    assert pull(pulling).changed_count == 2
    strike(engine, "SO1")
    assert pull(pulling).changed == ["SO2"]
    strike(engine, "SO1", "SO2")
    assert pull(pulling).changed_count == 0


def test_nothing_is_noted_where_nothing_changed(engine: Engine, pulling: OrderActivities, org: Org) -> None:
    """The gateway's own statements come back as new versions of an order that differ in nothing else."""
    pull(pulling)
    strike(engine, "SO1", "SO2")
    at: Any = SHIPPED_AT + timedelta(hours=1)
    org.pages = [OrderPage(orders=(order(number="SO1", external_id="SO1", version_at=at),), newest_version_at=at)]
    assert pull(pulling).changed_count == 0
