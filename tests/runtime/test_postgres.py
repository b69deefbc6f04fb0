"""The embedded PostgreSQL: start, several clients, crash, restart, persistence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from runtime.embedded.postgres import EmbeddedPostgres, PostgresError
from tests.folders import own_folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with own_folder("postgres") as folder:
        yield folder


def test_no_other_run_of_pytest_closes_the_folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert not data_dir.is_relative_to(tmp_path_factory.getbasetemp().parent)


def test_it_starts_serves_persists_and_survives_a_crash(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        with psycopg.connect(server.url) as one, psycopg.connect(server.url) as two:
            one.execute("create table t (n int)")
            one.execute("insert into t values (1)")
            one.commit()
            row = two.execute(
                "select n, current_setting('timezone'), current_setting('listen_addresses') from t"
            ).fetchone()
            assert row == (1, "UTC", "")
        engine = create_engine(server.url)
        with engine.connect() as connection:
            assert connection.execute(text("select count(*) from t")).scalar_one() == 1
        engine.dispose()
        process = server._process
        assert process is not None
        process.kill()
        process.wait()
    with EmbeddedPostgres(data_dir, durable=False) as server, psycopg.connect(server.url) as again:
        assert again.execute("select n from t").fetchall() == [(1,)]


def test_a_long_path_still_gets_a_socket(data_dir: Path) -> None:
    folder = data_dir / ("deep" * 20)
    with EmbeddedPostgres(folder, durable=False) as server, psycopg.connect(server.url) as session:
        assert session.execute("select 1").fetchone() == (1,)


def test_files_of_an_unknown_version_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match="made by PostgreSQL 9"):
        EmbeddedPostgres(tmp_path).start()


def test_the_address_is_unknown_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="not started"):
        _ = EmbeddedPostgres(tmp_path).url
