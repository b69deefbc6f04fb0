"""Fixtures of the Salesforce adapter's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.salesforce.harness import MemoryVault, Twin, serving
from tests.adapters.salesforce.scripted import Scripted, scripted_server
from twins.salesforce.app import create_app


@pytest.fixture
def vault() -> MemoryVault:
    """An empty vault in memory."""
    return MemoryVault()


@pytest.fixture
def script() -> Iterator[Scripted]:
    """A server that answers what the test says."""
    with scripted_server() as server:
        yield server


@pytest.fixture(scope="session")
def served_twin() -> Iterator[Twin]:
    """One twin for all tests."""
    with serving(create_app()) as url:
        twin = Twin(url)
        yield twin
        twin.close()


@pytest.fixture
def twin(served_twin: Twin) -> Twin:
    """The twin as on its first day."""
    served_twin.reset()
    return served_twin
