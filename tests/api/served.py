"""The real app on a real database and a real Temporal server, spoken to in this process or over a socket."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session

from api.app import create_app
from api.services import Services
from runtime.logs import redact_text
from runtime.settings import Settings
from store import keys
from store.causes import Cause, CauseSource
from store.session import transaction

ADMIN_KEY = "an-admin-key-of-these-tests-0123456789"
CAUSE = Cause(source=CauseSource.GATEWAY, actor="tests")
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Served:
    """An app that runs, and its parts."""

    app: FastAPI
    settings: Settings
    client: httpx.AsyncClient
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        found: Services = self.app.state.services
        return found

    @property
    def engine(self) -> Engine:
        return self.services.engine

    @property
    def files(self) -> list[Path]:
        """Every file that lies where received files are kept."""
        folder = self.settings.data_dir / "files"
        return [path for path in folder.rglob("*") if path.is_file()]

    def write(self) -> Any:
        """A transaction on the app's store."""
        return transaction(self.engine, CAUSE)

    def key_for(self, scope: str) -> str:
        """An API key with this scope alone, made at the first call."""
        if scope not in self.keys:
            with self.write() as session:
                self.keys[scope] = new_key(session, scope)
        return self.keys[scope]

    def as_scope(self, scope: str) -> dict[str, str]:
        """The header of a request with such a key."""
        return {"X-API-Key": self.key_for(scope)}


def new_key(session: Session, scope: str, **more: Any) -> str:
    """A new key's secret."""
    _, plain = keys.create(session, f"{scope} of the tests", [scope], **more)
    return plain.get_secret_value()


@asynccontextmanager
async def serving(database_url: str, temporal: str, folder: Path, **more: Any) -> AsyncIterator[Served]:
    """An app in this process, with a client that has the admin's key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # no .env of somebody's
        patch.setenv("TEMPORAL_ADDRESS", temporal)
        settings = Settings(
            database_url=SecretStr(database_url),
            data_dir=folder / "data",
            admin_key=SecretStr(ADMIN_KEY),
            **{"config_dir": ROOT / "config", **more},
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            patch.undo()
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url="http://threeway.test",
                headers={"X-API-Key": ADMIN_KEY},
            ) as client:
                yield Served(app, settings, client)


@asynccontextmanager
async def over_a_socket(app: FastAPI) -> AsyncIterator[int]:
    """The same app behind its real web server; answers the port."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # so that asyncio sends what it has at once
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until this is so (a function, or one that answers an awaitable); raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.02)


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem (RFC 9457); answers the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert (document["code"], document["type"]) == (code, f"urn:threeway:problem:{code}")
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == redact_text(answer.request.url.path)
    assert document["trace_id"] == answer.headers["x-trace-id"]
    return document
