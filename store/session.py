"""Engines and transactions: how the store is opened, written with a cause, and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import NoReturn

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from domain.errors import Misconfigured, Unavailable
from store.causes import Cause
from store.errors import translated

_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg"}
CONNECT_TIMEOUT_SECONDS = "10"
# Times come back in UTC; a forgotten transaction or a lost lock holder cannot block the others for ever.
_SESSION_OPTIONS = "-c timezone=UTC -c lock_timeout=30s -c statement_timeout=300s"


def make_engine(url: str, pool_size: int = 10) -> Engine:
    """Make an engine on psycopg 3; takes `postgresql://` addresses, over TCP or a socket folder (`?host=/folder`).

    JSON numbers with a fraction are read as Decimal. Statements' values never appear in errors.
    """
    return create_engine(
        _psycopg_url(url),
        pool_size=pool_size,
        max_overflow=5,
        pool_pre_ping=True,
        hide_parameters=True,
        json_deserializer=partial(json.loads, parse_float=Decimal),
    )


def close_engine(engine: Engine) -> None:
    """Let every connection go, for good: what threads still work with is closed when they give it back.

    A task that is cancelled leaves its thread behind; who asks for a connection from now on gets Unavailable.
    """
    event.listen(engine.pool, "checkin", _close)
    event.listen(engine, "do_connect", _refuse)
    engine.dispose()


def _close(connection: psycopg.Connection | None, _: object) -> None:
    if connection is not None:
        connection.close()


def _refuse(*_: object) -> NoReturn:
    raise Unavailable("The store of this process is closed: it is ending.")


def _psycopg_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("The database address cannot be read: use postgresql://user@host/name.") from None
    if parsed.drivername not in _SCHEMES:
        raise Misconfigured("The database address must begin with postgresql://.")
    given = parsed.query.get("options", "")
    options = f"{_SESSION_OPTIONS} {given if isinstance(given, str) else ' '.join(given)}".strip()
    query = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, **parsed.query, "options": options}
    return parsed.set(drivername="postgresql+psycopg", query=query)


@contextmanager
def transaction(engine: Engine, cause: Cause) -> Iterator[Session]:
    """Open one transaction, state its cause, and commit at the end; any error rolls everything back.

    Every canonical row that the body changes gets `cause` in the change log. Database errors come out as the error
    tree; Unavailable at the commit itself leaves open whether it took effect, so bodies are written to be run again.
    """
    with translated(), Session(engine, expire_on_commit=False) as session, session.begin():
        session.execute(
            text("SELECT set_config('threeway.cause', :cause, true)"),
            {"cause": cause.model_dump_json(exclude_none=True)},
        )
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a read-only session that sees one instant of the store, however many statements it runs."""
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with translated(), Session(snapshot, expire_on_commit=False) as session:
        yield session


@contextmanager
def exclusive(engine: Engine, names: Sequence[str]) -> Iterator[None]:
    """Hold these names alone among all processes while the body runs; waits for whoever holds one of them.

    The locks are PostgreSQL's own and belong to one connection: a process that dies lets them go. In one order, so
    that two holders never wait in a circle.
    """
    with translated(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET lock_timeout = '120s'"))
        for key in sorted({_lock_key(name) for name in names}):
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.execute(text("RESET lock_timeout"))


@contextmanager
def if_alone(engine: Engine, name: str) -> Iterator[bool]:
    """Hold a name alone while the body runs, where nobody else holds it; answers whether it does. Waits for nobody."""
    with translated(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"key": _lock_key(name)}
        is_alone = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield is_alone
        finally:
            if is_alone:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
