"""The state of the schema: bring a database to this version of the product, and tell whether it is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from store.errors import translated
from store.session import make_engine

MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = Lock()  # Alembic keeps its context in one place for the whole process


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Running it again, or from two processes at once, changes nothing more."""
    engine = make_engine(url, pool_size=1)
    try:
        with _ONE_AT_A_TIME, translated(), engine.connect() as connection:
            command.upgrade(_config(connection), revision)
    finally:
        engine.dispose()


def roll_back(url: str, revision: str) -> None:
    """Take the database back to `revision` (`base` for an empty one): data of later tables and columns is lost."""
    engine = make_engine(url, pool_size=1)
    try:
        with _ONE_AT_A_TIME, translated(), engine.connect() as connection:
            command.downgrade(_config(connection), revision)
    finally:
        engine.dispose()


def is_current(database: str | Engine) -> bool:
    """True when the database has exactly the schema of this version. An engine is left open, an address is not."""
    if isinstance(database, Engine):
        return _revisions(database) == _heads()
    engine = make_engine(database, pool_size=1)
    try:
        return _revisions(engine) == _heads()
    finally:
        engine.dispose()


def _revisions(engine: Engine) -> frozenset[str]:
    with translated(), engine.connect() as connection:
        return frozenset(MigrationContext.configure(connection).get_current_heads())


@cache
def _heads() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(_config()).get_heads())


def _config(connection: object = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
