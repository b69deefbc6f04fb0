"""Fixtures: a furnished company on real PostgreSQL, QuickBooks over real HTTP, and a worker of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.activities.worker import Worker
from tests.activities.world import House, running_house
from tests.database import cloned


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
