"""A real server around the ERP's twin, on a loopback port of its own; and warehouses without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from tests.twins.erp.town import CALM, Town, consistent
from twins.erp.app import create_app

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Founded = Callable[..., Town]


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Founded]:
    """Found a town with these settings; at the end its sums must hold and nothing may have failed in it."""
    towns: list[Town] = []

    def founded(**settings: Any) -> Town:
        towns.append(Town(tmp_path, **{**CALM, **settings}).open())
        return towns[-1]

    yield founded
    for town in towns:
        consistent(town.truth())
        assert town.problems() == []
        town.close()


@pytest.fixture
def serve() -> Serve:
    """Serve a twin for as long as the block lasts: `async with serve(database, folder) as client`."""

    @asynccontextmanager
    async def served(database: str = ":memory:", folder: Path | None = None) -> AsyncIterator[httpx.AsyncClient]:
        config = uvicorn.Config(create_app(database, folder), port=0, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/__twin__") as client:
                yield client
        finally:
            server.should_exit = True
            await task

    return served
