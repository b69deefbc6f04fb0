"""What the API's tests share: a Temporal server for the session, and apps on databases of their own."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from runtime.embedded.ports import free_port
from runtime.embedded.temporal_server import TemporalServer
from runtime.temporal import answering
from tests.api import filling
from tests.api.served import Served, serving, until
from tests.database import cloned


@pytest.fixture(scope="session")
def temporal_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Temporal server; ask `temporal`, which waits for it."""
    server = TemporalServer(tmp_path_factory.mktemp("temporal"), port=free_port(), ui_port=None)
    server.prepare()
    process = subprocess.Popen(server.command(), env=server.environment(), stdout=subprocess.DEVNULL)
    yield server.address
    process.terminate()
    process.wait(15)


@pytest.fixture(scope="session")
async def temporal(temporal_process: str) -> str:
    """The address of a real Temporal server without workers: what is started stays where it is."""
    await until(lambda: answering(temporal_process), seconds=30)
    return temporal_process


@pytest.fixture(scope="session")
def nowhere() -> Iterator[str]:
    """An address where nobody answers, kept free of others for the session."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: every connection is refused
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
async def served(database_url: str, temporal: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An app of this test alone."""
    async with serving(database_url, temporal, tmp_path) as running:
        yield running


@pytest.fixture
async def without_temporal(database_url: str, nowhere: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An app whose Temporal server is away."""
    async with serving(database_url, nowhere, tmp_path) as running:
        yield running


@pytest.fixture
def client(served: Served) -> httpx.AsyncClient:
    """The admin's client of `served`."""
    return served.client


@pytest.fixture(scope="module")
async def filled(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app for the tests of a module that need no empty store: one of everything lies in it."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("api")) as running:
            with running.write() as session:
                filling.one_of_everything(session)
            yield running
