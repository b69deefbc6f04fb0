"""How Alembic reaches the database: the caller's connection, or the one that THREEWAY_DATABASE_URL names."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import store.tables  # noqa: F401 - fills the metadata
from domain.errors import Misconfigured
from store.session import make_engine

# A migration that cannot get its locks gives up soon: waiting for them would block every reader behind it.
LOCK_TIMEOUT = "5s"
# Two processes that start at once migrate one after the other; the number is arbitrary and ours.
MIGRATION_LOCK = 7_338_104_211


def _run(connection: Connection) -> None:
    connection.execute(text("SELECT set_config('lock_timeout', :value, false)"), {"value": "60s"})
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
    connection.execute(text("SELECT set_config('lock_timeout', :value, false)"), {"value": LOCK_TIMEOUT})
    connection.execute(text("SELECT set_config('statement_timeout', '0', false)"))  # an index may take its time
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()


def _connect_and_run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    url = os.environ.get("THREEWAY_DATABASE_URL")
    if not url:
        raise Misconfigured("Set THREEWAY_DATABASE_URL to the PostgreSQL database to migrate.")
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        _run(connection)
    engine.dispose()


if context.is_offline_mode():
    raise Misconfigured("Migrations run against a database, not into a script.")
_connect_and_run()
