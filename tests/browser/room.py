"""One seeded gateway for all tests in a browser: the real app on a real database, behind its real web server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
import uvicorn
from pydantic import SecretStr
from sqlalchemy import Engine

from api.app import create_app
from api.services import Services
from runtime.settings import Settings
from store import people
from store.session import transaction
from store.tables.people import Role
from tests.api.served import ADMIN_KEY, CAUSE, ROOT

PASSWORD = "a good long pass-phrase 42"
PEOPLE = {"vera": Role.VIEWER, "oskar": Role.OPERATOR, "adele": Role.ADMIN}


@dataclass
class Room:
    """A running gateway, and how to reach behind it."""

    url: str
    services: Services

    @property
    def engine(self) -> Engine:
        return self.services.engine

    @contextmanager
    def write(self) -> Iterator[object]:
        """A transaction on its store."""
        with transaction(self.engine, CAUSE) as session:
            yield session


@contextmanager
def running(database_url: str, folder: Path, temporal: str) -> Iterator[Room]:
    """The app under its web server in a thread of its own, with three people who may sign in."""
    with socket.socket() as listener, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # no .env of somebody's
        patch.setenv("TEMPORAL_ADDRESS", temporal)
        app = create_app(_settings(database_url, folder))
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        _until_started(server)
        patch.undo()
        room = Room(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.services)
        with transaction(room.engine, CAUSE) as session:
            for name, role in PEOPLE.items():
                people.create(session, name, name.capitalize(), role, SecretStr(PASSWORD))
        yield room
        server.should_exit = True
        thread.join(15)


def _settings(database_url: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        data_dir=folder / "data",
        config_dir=ROOT / "config",
        admin_key=SecretStr(ADMIN_KEY),
        temporal_ui_url="http://127.0.0.1:9",
    )


def _until_started(server: uvicorn.Server) -> None:
    deadline = monotonic() + 30
    while not server.started:
        if monotonic() > deadline:
            raise TimeoutError("the app does not start")
        sleep(0.05)
