"""What a worker does beside its work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities import housekeeping
from activities.housekeeping import keep_beating, process_name, write_company
from domain.company import Company
from runtime.healthy import beat_path
from store import heartbeats, warehouses
from store.session import close_engine, make_engine, reading
from tests.workflows.stage import until
from tests.workflows.steps import COMPANY


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BEAT_SECONDS", 0.02)


def processes(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as session:
        return [(one.process, one.role) for one in heartbeats.alive(session, timedelta(minutes=1))]


async def test_a_process_says_that_it_is_alive(engine: Engine, quickly: None, tmp_path: Path) -> None:
    task = asyncio.create_task(keep_beating(engine, "worker", tmp_path))
    await until(lambda: processes(engine) == [(process_name(), "worker")], "it beats")
    assert beat_path(tmp_path).exists()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_beating_outlives_a_store_that_is_away(quickly: None, tmp_path: Path) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    task = asyncio.create_task(keep_beating(nowhere, "worker", tmp_path))
    await asyncio.sleep(0.3)

    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    close_engine(nowhere)


def test_the_warehouses_of_the_company_are_in_the_store(engine: Engine) -> None:
    company = Company.parse(COMPANY.read_text(encoding="utf-8"))

    for _ in range(2):
        write_company(engine, company)

    with reading(engine) as session:
        assert warehouses.get_all(session) == dict(sorted(company.warehouses.items()))
