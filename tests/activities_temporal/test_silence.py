"""What falls silent becomes work, seen at a real Temporal server and in the store (cases F13, X1)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text
from temporalio.client import Client

from activities import alerting
from activities.alert_channels import Alerting
from activities.alerting import AlertDesk, keep_alerting
from activities.schedules import SCHEDULES, PollSeconds, keep_schedules
from activities.silence import SilenceWatch
from domain.alerts import AlertRules
from domain.company import Company
from domain.exceptions import Cause, Choice, Resolution
from domain.silence import SILENT_CAUSES
from store import exceptions, files, heartbeats
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.session import reading, transaction
from tests.workflows.stage import until
from tests.workflows.steps import COMPANY

BY = ChangeCause(source=CauseSource.GATEWAY, actor="tests")
RULES = AlertRules.parse("[watch.exports.shpcnf]\nevery_minutes = 60\ngrace_minutes = 0\n")


def company() -> Company:
    return Company.parse(COMPANY.read_text(encoding="utf-8"))


def watch(engine: Engine, client: Client) -> SilenceWatch:
    return SilenceWatch(engine, client, company(), RULES.watch)


def silent(engine: Engine) -> dict[Cause, list[str]]:
    with reading(engine) as session:
        found = exceptions.open_of_causes(session, SILENT_CAUSES)
    causes = {one.cause for one in found}
    return {cause: sorted(one.record_key for one in found if one.cause is cause) for cause in causes}


def change(engine: Engine, statement: str) -> None:
    with transaction(engine, BY) as session:
        session.execute(text(statement))


def watching_for(engine: Engine, time: str) -> None:
    """It is watched for so long already, and somebody looked just now."""
    change(
        engine,
        "UPDATE sync_cursors SET position = position || jsonb_build_object("
        f"'watching_since', to_char(now() - interval '{time}', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"'))",
    )


@pytest.fixture
async def looked(engine: Engine, client: Client) -> SilenceWatch:
    """A watch that has looked once, on a worker that lives and with all schedules in place."""
    await keep_schedules(client, PollSeconds(3600, 3600, 3600), company())
    with transaction(engine, BY) as session:
        heartbeats.beat(session, "here/1", "worker")
    one = watch(engine, client)
    desk = AlertDesk(engine, Alerting(RULES, {}), one, ZoneInfo("UTC"))
    assert (await desk.watch()).silent == 0
    return one


async def test_every_schedule_of_the_product_is_watched(looked: SilenceWatch, client: Client) -> None:
    listed = {one.id async for one in await client.list_schedules()}
    assert listed == set(SCHEDULES)


async def test_a_worker_that_dies_is_work_until_one_lives(engine: Engine, looked: SilenceWatch) -> None:
    """X1."""
    watching_for(engine, "30 minutes")
    change(engine, "UPDATE heartbeats SET seen_at = now() - interval '10 minutes'")
    for _ in range(2):
        await looked.look()
        assert silent(engine) == {Cause.WORKER_SILENT: ["all"]}
    with reading(engine) as session:
        (item,) = exceptions.open_of_causes(session, [Cause.WORKER_SILENT])
    assert item.seen_count == 1, "looking again writes nothing"
    with transaction(engine, BY) as session:
        heartbeats.beat(session, "here/2", "worker")
    await looked.look()
    assert silent(engine) == {}


async def test_what_a_person_says_is_in_order_stays_so_until_the_next_time(
    engine: Engine, looked: SilenceWatch
) -> None:
    watching_for(engine, "30 minutes")
    change(engine, "UPDATE heartbeats SET seen_at = now() - interval '10 minutes'")
    await looked.look()
    with transaction(engine, BY) as session:
        (item,) = exceptions.open_of_causes(session, [Cause.WORKER_SILENT])
        now = session.execute(text("SELECT now()")).scalar_one()
        said = Resolution(exception_id=item.id, choice=Choice.HANDLED, reason="we move", decided_by="a", decided_at=now)
        exceptions.resolve(session, said)
    await looked.look()
    assert silent(engine) == {}
    change(engine, "UPDATE heartbeats SET seen_at = now() + interval '1 second'")
    await looked.look()
    change(engine, 'UPDATE exceptions SET resolution = resolution || \'{"decided_at": "2026-01-01T00:00:00Z"}\'')
    change(engine, "UPDATE heartbeats SET seen_at = now() - interval '5 minutes'")
    await looked.look()
    assert silent(engine) == {Cause.WORKER_SILENT: ["all"]}, "it was heard of since, and fell silent again"


async def test_a_schedule_that_is_paused_or_gone_is_work(engine: Engine, looked: SilenceWatch, client: Client) -> None:
    watching_for(engine, "30 minutes")
    await client.get_schedule_handle("orders-pull").pause()
    await client.get_schedule_handle("masters-pull").delete()
    await looked.look()
    assert silent(engine) == {Cause.SCHEDULE_SILENT: ["masters-pull", "orders-pull"]}
    await client.get_schedule_handle("orders-pull").unpause()
    await keep_schedules(client, PollSeconds(3600, 3600, 3600), company())
    await looked.look()
    assert silent(engine) == {}


async def test_a_temporal_that_is_away_is_work_once_it_lasts(
    engine: Engine, looked: SilenceWatch, away: Client
) -> None:
    """X1: nobody who lives on Temporal could say so."""
    without = watch(engine, away)
    await without.look()
    assert silent(engine) == {}
    change(
        engine,
        "UPDATE sync_cursors SET position = position || jsonb_build_object("
        "'away_since', to_char(now() - interval '5 minutes', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"'))",
    )
    await without.look()
    assert silent(engine) == {Cause.SCHEDULE_SILENT: ["server"]}
    await looked.look()
    assert silent(engine) == {}


async def test_an_export_that_does_not_come_is_work_until_it_does(engine: Engine, looked: SilenceWatch) -> None:
    """F13: the same bytes again under another name are an export that came, too."""
    arrival: dict[str, Any] = {
        "sha256": "a" * 64,
        "filename": "SHPCNF.S1",
        "layout": "shpcnf",
        "entity": None,
        "byte_count": 1,
        "arrived_by": "http",
        "visible_at": None,
    }
    with transaction(engine, BY) as session:
        files.register(session, files.FileArrival(**arrival))
    watching_for(engine, "5 hours")
    await looked.look()
    assert silent(engine) == {}
    change(engine, "UPDATE source_file_names SET received_at = now() - interval '2 hours'")
    await looked.look()
    assert silent(engine) == {Cause.EXPORT_MISSING: ["shpcnf"]}
    with transaction(engine, BY) as session:
        files.register(session, files.FileArrival(**{**arrival, "filename": "SHPCNF.S2"}))
    await looked.look()
    assert silent(engine) == {}


async def test_a_reconciliation_that_is_not_made_is_work(engine: Engine, looked: SilenceWatch) -> None:
    watching_for(engine, "30 hours")
    await looked.look()
    assert silent(engine)[Cause.RECONCILIATION_MISSED] == ["nightly"]


async def test_the_api_looks_where_no_worker_does(
    engine: Engine, away: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X1: and of several processes one."""
    monkeypatch.setattr(alerting, "LOOK_EVERY", timedelta(milliseconds=20))
    desks = [AlertDesk(engine, Alerting(RULES, {}), watch(engine, away), ZoneInfo("UTC")) for _ in range(3)]
    tasks = [asyncio.create_task(keep_alerting(desk)) for desk in desks]

    def looks() -> int:
        with reading(engine) as session:
            return int(
                session.execute(text("SELECT count(*) FROM sync_cursors WHERE position ? 'looked_at'")).scalar_one()
            )

    await until(lambda: looks() == 1, "one of them looks")
    before = position(engine)
    await asyncio.sleep(0.3)
    assert position(engine) == before, "a turn lasts two minutes"
    change(engine, "UPDATE sync_cursors SET position_at = position_at - interval '2 minutes'")
    await until(lambda: position(engine) != before, "the turn is free again")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def position(engine: Engine) -> object:
    with reading(engine) as session:
        return session.execute(text("SELECT position ->> 'looked_at' FROM sync_cursors")).scalar_one()
