"""One key or one address cannot take everything: what is too much is told when to come again, and does nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import assemble
from api.envelope import ADDRESS_BYTES
from api.limits import BURST_SECONDS, EXEMPT, KEPT, Limits, Rates
from tests.api.hints import post_call
from tests.api.served import Served, assert_problem, serving
from tests.database import cloned

TEN = Rates(key=20, address=40, hooks=60)  # of which half may come at once


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def request(
    path: str = "/orders", key: str | None = "a", host: str = "10.0.0.1", method: str = "GET"
) -> dict[str, object]:
    headers = [] if key is None else [(b"x-api-key", key.encode())]
    return {"type": "http", "path": path, "method": method, "client": (host, 1), "headers": headers}


def taken(limits: Limits, number: int, **outside: Any) -> int:
    """How many of so many requests at once are taken."""
    return sum(limits.wait(request(**outside)) == 0 for _ in range(number))


def test_half_a_minute_may_come_at_once_and_then_it_goes_evenly() -> None:
    clock = Clock()
    limits = Limits(TEN, clock)
    assert taken(limits, 30) == 10
    assert limits.wait(request()) == 3
    clock.now += 2.9
    assert limits.wait(request()) == 1
    clock.now += 0.2
    assert limits.wait(request()) == 0
    clock.now += 3600
    assert taken(limits, 30) == 10


def test_one_key_does_not_take_from_another_but_its_address_does() -> None:
    limits = Limits(TEN, Clock())
    assert taken(limits, 30, key="a") == 10
    assert taken(limits, 30, key="b") == 10
    assert taken(limits, 30, key="c") == 0
    assert taken(limits, 30, key="c", host="10.0.0.2") == 10


def test_who_tries_keys_is_known_by_the_address() -> None:
    limits = Limits(TEN, Clock())
    tried = [limits.wait(request(key=f"guess {number}", host=f"2001:db8::{number:x}")) for number in range(100)]
    assert tried.count(0) == 20


def test_hooks_have_a_limit_of_their_own() -> None:
    limits = Limits(TEN, Clock())
    assert taken(limits, 99, key=None) == 20
    assert taken(limits, 99, key=None, path="/hooks/salesforce", method="POST") == 30


@pytest.mark.parametrize("path", sorted(EXEMPT))
def test_what_watches_the_gateway_is_always_answered(path: str) -> None:
    assert taken(Limits(Rates(1, 1, 1), Clock()), 50, path=path) == 50


def test_zero_is_no_limit() -> None:
    assert taken(Limits(Rates(), Clock()), 5_000) == 5_000


def test_what_is_counted_does_not_grow_without_end() -> None:
    limits = Limits(TEN, Clock())
    for number in range(KEPT + 100):
        limits.wait(request(key=f"{number}", host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(limits._keys.levels) == len(limits._addresses.levels) == KEPT


@given(st.lists(st.floats(0, 20), min_size=1, max_size=200), st.integers(1, 600))
def test_never_more_than_the_rate_and_what_is_told_to_wait_is_taken_then(pauses: list[float], rate: int) -> None:
    clock = Clock()
    limits = Limits(Rates(key=rate), clock)
    number = 0
    for pause in pauses:
        clock.now += pause
        wait = limits.wait(request())
        number += not wait
        if wait:
            clock.now += wait
            assert limits.wait(request()) == 0
            number += 1
    passed = clock.now - 100
    assert number <= max(1, rate * BURST_SECONDS / 60) + passed * rate / 60 + 1e-6


@pytest.fixture(scope="module")
async def busy(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app that takes three requests at once with one key."""
    folder: Path = tmp_path_factory.mktemp("busy")
    limits = {"limit_key_per_minute": 6, "limit_address_per_minute": 20, "limit_hooks_per_minute": 4}
    with cloned(postgres_url) as url:
        async with serving(url, temporal, folder, **limits) as running:
            yield running


async def test_too_much_is_a_problem_that_says_when_to_come_again(busy: Served) -> None:
    answers = [await busy.client.get("/orders") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert_problem(answers[-1], 429, "too_many_requests")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert (await busy.client.get("/livez")).status_code == 200
    assert (await busy.client.get("/metrics")).status_code == 200


async def test_too_many_calls_of_a_hook_are_refused_before_they_are_read(busy: Served) -> None:
    answers = [await post_call(busy, b"no call") for _ in range(3)]
    assert [one.status_code for one in answers] == [422, 422, 429]


async def test_an_address_has_a_bound(busy: Served) -> None:
    answer = await busy.client.get("/items", params={"cursor": "x" * ADDRESS_BYTES}, headers={"X-API-Key": "other"})
    assert_problem(answer, 414, "address_too_long")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_every_answer_is_guarded_by_its_headers(scheme: str) -> None:
    transport = httpx.ASGITransport(app=assemble())
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://threeway.test") as client:
        for path in ("/livez", "/orders", "/none", "/docs", "/docs/assets/favicon.png"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert ("strict-transport-security" in headers) == (scheme == "https")
