"""Health: alive, able to work, and the numbers that Prometheus reads, also while parts are away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from store import heartbeats
from store.schema import migrate
from tests.api import filling
from tests.api.served import ADMIN_KEY, Served, assert_problem, serving, until
from tests.database import created


async def ready(served: Served) -> tuple[int, dict[str, str]]:
    answer = await served.client.get("/readyz", headers={"X-API-Key": ""})
    document = answer.json()
    assert document["ready"] == (answer.status_code == 200)
    return answer.status_code, document["checks"]


async def test_alive(filled: Served) -> None:
    answer = await filled.client.get("/livez", headers={"X-API-Key": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_with_everything_there(served: Served) -> None:
    with served.write() as session:
        heartbeats.beat(session, "worker-1", "worker")
    assert await ready(served) == (200, {"database": "ok", "temporal": "ok", "worker": "ok"})


async def test_not_ready_without_a_worker(served: Served) -> None:
    with served.write() as session:
        heartbeats.beat(session, "api-1", "api")
    status, checks = await ready(served)
    assert (status, checks["database"], checks["temporal"]) == (503, "ok", "ok")
    assert "no worker" in checks["worker"]


async def test_not_ready_without_temporal(without_temporal: Served) -> None:
    status, checks = await ready(without_temporal)
    assert (status, checks["database"]) == (503, "ok")
    assert "Temporal does not answer" in checks["temporal"]


async def test_not_ready_without_the_schema(postgres_url: str, temporal: str, tmp_path: Path) -> None:
    with created(postgres_url) as url:
        async with serving(url, temporal, tmp_path) as served:
            status, checks = await ready(served)
            assert status == 503
            assert "threeway migrate" in checks["database"]
            assert checks["worker"] != "ok"
            assert checks["temporal"] == "ok"


async def test_the_first_admin_key_works_as_soon_as_the_store_is_there(
    postgres_url: str, temporal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.app.STORE_PAUSE_SECONDS", 0.1)
    with created(postgres_url) as url:
        async with serving(url, temporal, tmp_path) as served:
            migrate(url)

            async def known() -> bool:
                return (await served.client.get("/keys")).status_code == 200

            await until(known)


async def test_the_database_goes_away_and_comes_back(postgres_url: str, temporal: str, tmp_path: Path) -> None:
    with created(postgres_url) as gone_url:
        pass
    async with serving(gone_url, temporal, tmp_path) as served:
        status, checks = await ready(served)
        assert (status, checks["temporal"]) == (503, "ok")
        assert (await served.client.get("/livez")).status_code == 200
        for method, path in (("GET", "/orders"), ("POST", "/erp/files"), ("GET", "/metrics")):
            answer = await served.client.request(method, path)
            assert_problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"]
            assert "postgres" not in answer.text.lower()


@pytest.fixture
def clean_gauges() -> Iterator[None]:
    from runtime import metrics

    metrics.GAUGES["exceptions_open"].clear()
    yield
    metrics.GAUGES["exceptions_open"].clear()


async def numbers(client: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [one for family in text_string_to_metric_families(answer.text) for one in family.samples]
    return {(one.name, ",".join(one.labels.values())): one.value for one in samples}


async def test_metrics_follow_the_store(served: Served, clean_gauges: None) -> None:
    with served.write() as session:
        exception_id = filling.exception(session)
    assert (await numbers(served.client))["threeway_exceptions_open", "hold"] == 1
    body = {"choice": "do_not_bill", "reason": "replaced under warranty"}
    await served.client.post(f"/exceptions/{exception_id}/resolve", json=body)
    found = await numbers(served.client)
    assert found["threeway_exceptions_open", "hold"] == 0
    assert found["threeway_inbox_oldest_seconds", "all"] == 0
    assert found["threeway_shipments_waiting", "held"] == 0


async def test_shipments_on_their_way_are_counted_by_state(filled: Served) -> None:
    listed = (await filled.client.get("/shipments", params={"limit": 500})).json()["items"]
    found = await numbers(filled.client)
    states = ("received", "held", "intended")
    expected = {state: sum(one["state"] == state for one in listed) for state in states}
    assert sum(expected.values()) > 0
    assert {state: found["threeway_shipments_waiting", state] for state in states} == expected


async def test_the_oldest_waiting_arrival_has_an_age(without_temporal: Served) -> None:
    await without_temporal.client.post("/erp/files", params={"layout": "shpcnf"}, content=b"x")
    await asyncio.sleep(0.01)
    assert (await numbers(without_temporal.client))["threeway_inbox_oldest_seconds", "all"] > 0


async def test_requests_are_timed_under_their_route(served: Served) -> None:
    for number in ("SO1", "SO2"):
        await served.client.get(f"/orders/{number}")
    await served.client.get("/nothing/here")
    found = await numbers(served.client)
    assert found["threeway_request_seconds_count", "/orders/{number:path},404"] >= 2
    assert found["threeway_request_seconds_count", "none,404"] >= 1
    assert not any("SO1" in labels for _, labels in found)


def test_the_admin_key_of_these_tests_is_in_no_metric() -> None:
    from runtime import metrics

    assert ADMIN_KEY.encode() not in metrics.render()
