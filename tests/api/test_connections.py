"""Connections by HTTP: what a worker saw when it last looked; the API itself asks nobody."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from structlog.testing import capture_logs

from activities import connections
from activities.connections import DailyCalls, last_looks, look
from domain.errors import NotAuthorized, Unavailable
from store import heartbeats, people
from store.session import make_engine
from store.tables.people import Role
from tests.api.served import Served, until
from tests.api.test_dashboard import PASSWORD, signed_in


def refused() -> str:
    raise NotAuthorized("QuickBooks refuses our credentials.")


def answers() -> str:
    return "The org answers."


async def listed(served: Served) -> list[dict[str, Any]]:
    answer = await served.client.get("/connections")
    assert answer.status_code == 200
    assert answer.json()["next"] is None
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_nobody_has_looked_yet(served: Served) -> None:
    with served.write() as session:
        heartbeats.beat(session, "worker-1", "worker")
    assert await listed(served) == []


async def test_the_last_look_at_each_system_is_told(served: Served) -> None:
    before = datetime.now(UTC)
    look(served.engine, "salesforce", answers)
    look(served.engine, "quickbooks", refused)
    first, second = await listed(served)
    assert datetime.fromisoformat(first.pop("looked_at")) >= before
    assert first == {
        "system": "quickbooks",
        "ok": False,
        "sentence": "QuickBooks refuses our credentials.",
        "code": "not_authorized",
        "pool": None,
    }
    assert (second["system"], second["ok"], second["code"]) == ("salesforce", True, None)


async def test_a_later_look_replaces_an_earlier_one(served: Served) -> None:
    look(served.engine, "quickbooks", refused)
    look(served.engine, "quickbooks", answers)
    (found,) = await listed(served)
    assert (found["ok"], found["sentence"], found["code"]) == (True, "The org answers.", None)


SEEN = datetime.now(UTC).replace(microsecond=0)
POOL = DailyCalls.of(18_402, 100_000, SEEN)
TOLD = {"used": 18_402, "limit": 100_000, "left": 81_598, "seen_at": SEEN.isoformat().replace("+00:00", "Z")}


async def test_what_is_left_of_the_days_calls_is_told_with_when_it_was_said(served: Served) -> None:
    look(served.engine, "salesforce", answers, lambda: POOL)
    look(served.engine, "quickbooks", answers)
    first, second = await listed(served)
    assert (first["pool"], second["pool"]) == (None, TOLD)
    usage = {one["system"]: one for one in (await served.client.get("/connections/usage")).json()["items"]}
    assert usage["salesforce"]["pool"] == TOLD
    assert usage["salesforce"]["token_expires_at"] is None
    with served.write() as session:
        people.create(session, "the-viewer", "", Role.VIEWER, SecretStr(PASSWORD))
    shown = (await (await signed_in(served, "the-viewer")).get("/ui/connections")).text
    assert re.search(r">81,598</span> of <span class=\"number\">100,000</span>, stated <time", shown)


async def test_a_worker_that_could_not_ask_keeps_what_the_one_before_was_told(served: Served) -> None:
    look(served.engine, "salesforce", answers, lambda: POOL)
    look(served.engine, "salesforce", refused, lambda: None)
    (found,) = await listed(served)
    assert (found["ok"], found["pool"]) == (False, TOLD)
    old = POOL.model_copy(update={"seen_at": SEEN - connections.FORGOTTEN_AFTER})
    look(served.engine, "salesforce", answers, lambda: old)
    look(served.engine, "salesforce", refused, lambda: None)
    assert (await listed(served))[0]["pool"] is None


def test_a_pool_that_is_overdrawn_has_nothing_left() -> None:
    assert DailyCalls.of(101, 100, SEEN).left == 0


async def test_an_old_look_is_forgotten(served: Served) -> None:
    look(served.engine, "quickbooks", answers)
    look(served.engine, "salesforce", answers)
    old = connections.FORGOTTEN_AFTER + timedelta(minutes=1)
    with served.write() as session:
        session.execute(
            text("UPDATE heartbeats SET seen_at = seen_at - :old WHERE process = 'connection/quickbooks'"), {"old": old}
        )
    assert [one.system for one in last_looks(served.engine)] == ["salesforce"]


async def test_a_look_is_no_worker(served: Served) -> None:
    """What a worker saw must not make `/readyz` believe that one is alive."""
    look(served.engine, "quickbooks", answers)
    assert "no worker" in (await served.client.get("/readyz")).json()["checks"]["worker"]


async def test_a_worker_looks_again_and_again_at_every_system(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def seen(system: str) -> str:
        looks.append(system)
        if len(looks) == 1:
            raise Unavailable("It does not answer.")
        return "It answers."

    monkeypatch.setattr(connections, "LOOK_EVERY", timedelta(seconds=0.01))
    checks = {system: lambda system=system: seen(system) for system in ("quickbooks", "salesforce")}
    task = asyncio.create_task(connections.keep_looking(served.engine, checks))
    await until(lambda: len(looks) >= 4)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert looks[:4] == ["quickbooks", "salesforce", "quickbooks", "salesforce"]
    assert [one.ok for one in last_looks(served.engine)] == [True, True]


async def test_a_look_outlives_a_store_that_is_away(served: Served, nowhere: str) -> None:
    host, port = nowhere.split(":")
    url = make_url(served.settings.require_database_url())
    away = make_engine(url.set(host=host, port=int(port)).render_as_string(hide_password=False))
    with capture_logs() as logged:
        found = look(away, "quickbooks", answers)
    assert found.ok
    assert [one["log_level"] for one in logged] == ["warning"]
