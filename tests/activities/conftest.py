"""Fixtures: a furnished company on real PostgreSQL, QuickBooks over real HTTP, and a worker of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from store import items
from store.session import transaction
from tests.activities.mastery import Mastery, running_mastery
from tests.activities.order_desk import Desk
from tests.activities.salesroom import BY
from tests.activities.stockroom import Stockroom
from tests.activities.worker import Worker
from tests.activities.world import House, running_house
from tests.adapters.salesforce import world
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to, serving
from tests.build import company, item
from tests.database import cloned
from twins.salesforce.app import create_app


@pytest.fixture(scope="session")
def furnished(postgres_url: str) -> Iterator[House]:
    """One company for all tests of a process; they keep apart by the numbers of their shipments."""
    with cloned(postgres_url) as url, running_house(url) as house:
        yield house


@pytest.fixture
def house(furnished: House) -> Iterator[House]:
    """The company in calm weather, before and after."""
    furnished.books.calm()
    yield furnished
    furnished.books.calm()


@pytest.fixture
def worker(house: House) -> Iterator[Worker]:
    one = Worker(house)
    yield one
    one.close()


@pytest.fixture(scope="session")
def served_org() -> Iterator[Twin]:
    """One Salesforce twin for all tests of stock in this process."""
    with serving(create_app()) as url:
        twin = Twin(url)
        yield twin
        twin.close()


@pytest.fixture
def stockroom(engine: Engine, served_org: Twin, tmp_path: Path) -> Iterator[Stockroom]:
    """An empty store and an empty org."""
    served_org.reset()
    gateway = gateway_to(served_org.url, MemoryVault())
    yield Stockroom(engine, served_org, gateway, tmp_path, company())
    gateway.close()


@pytest.fixture
def mastery(engine: Engine, served_org: Twin) -> Iterator[Mastery]:
    """An empty store whose masters are linked to those of both twins."""
    with running_mastery(engine, served_org) as one:
        yield one


@pytest.fixture
def desk(engine: Engine, database_url: str, served_org: Twin) -> Iterator[Desk]:
    served_org.reset()
    served_org.control("POST", "/seed", world.world([]))
    with transaction(engine, BY) as session:
        items.upsert(session, [item(sku, sell_uom="BX") for sku in world.SKUS])
    gateway = gateway_to(served_org.url, MemoryVault(), read_timeout=2)
    yield Desk(engine, database_url, served_org, gateway)
    gateway.close()
