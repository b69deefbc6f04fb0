"""The schema: migrations up and down, the tables as the code knows them, and the guards in the database itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from domain.errors import Misconfigured, Unavailable
from store.schema import is_current, migrate, roll_back
from store.session import make_engine
from store.tables import METADATA
from tests.database import created

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def empty_url(postgres_url: str):
    with created(postgres_url) as url:
        yield url


def test_migrations_make_exactly_the_tables_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": METADATA}
        )
        assert compare_metadata(context, METADATA) == []


def test_check_constraints_are_the_ones_that_the_code_knows(engine: Engine) -> None:
    found = {(table, one["name"]) for table in METADATA.tables for one in inspect(engine).get_check_constraints(table)}
    wanted = {
        (table.name, str(one.name))
        for table in METADATA.sorted_tables
        for one in table.constraints
        if isinstance(one, CheckConstraint)
    }
    assert found == wanted


def test_up_and_down_and_up_again(empty_url: str) -> None:
    assert not is_current(empty_url)
    migrate(empty_url)
    migrate(empty_url)
    assert is_current(empty_url)
    roll_back(empty_url, "base")
    assert not is_current(empty_url)
    engine = make_engine(empty_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    with engine.connect() as connection:
        left = connection.execute(
            text("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'")
        )
        assert left.scalar_one() == 0
    engine.dispose()
    migrate(empty_url)
    assert is_current(empty_url)


def test_two_processes_may_migrate_at_once(empty_url: str) -> None:
    program = "import sys; from store.schema import migrate; migrate(sys.argv[1])"
    started = [subprocess.Popen([sys.executable, "-c", program, empty_url], cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    assert is_current(empty_url)


def test_an_engine_is_checked_without_being_closed(engine: Engine) -> None:
    assert is_current(engine)


def test_a_database_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        is_current("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize("url", ["mysql://somewhere/x", "not an address"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        make_engine(url)
