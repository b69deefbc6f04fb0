"""Fixtures: a scripted server with a gateway on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.quickbooks.gateway import QuickBooksGateway
from tests.adapters.quickbooks.support import MemoryVault, ScriptedServer, connection, scripted_server


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def vault() -> MemoryVault:
    return MemoryVault()


@pytest.fixture
def gateway(script: ScriptedServer, vault: MemoryVault) -> Iterator[QuickBooksGateway]:
    one = QuickBooksGateway(connection(script.root), vault)
    yield one
    one.close()
