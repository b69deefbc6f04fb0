"""Whatever body comes to the hooks: it is refused or kept, and never an error of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.hints import ACK, ORG, OTHER_ORDER, kept, message, notification, post_call, post_message
from tests.api.served import Served, assert_problem, serving
from tests.database import cloned


@pytest.fixture(scope="module")
async def calm(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app for what must leave nothing behind."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("hooks")) as running:
            yield running
            assert kept(running) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(["orgId", "object", "recordId", "ids", "occurredAt", "event", "x"])
NEAR = st.fixed_dictionaries(
    {"object": st.just("Order"), "orgId": st.just(ORG)}, optional={"recordId": JSON, "ids": JSON}
)
BODIES = st.binary(max_size=200) | (st.dictionaries(NAMES, JSON, max_size=6) | NEAR).map(
    lambda one: json.dumps(one).encode()
)
GOOD = message(notification(1), notification(2, OTHER_ORDER))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_no_body_of_a_call_breaks_anything(calm: Served, body: bytes) -> None:
    """Random bodies name no record of ours: each is refused, none is an error of ours, none is kept."""
    answer = await post_call(calm, body)
    assert_problem(answer, 422, "malformed")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with a piece cut out, doubled, or written over."""
    start = draw(st.integers(0, len(GOOD) - 1))
    end = draw(st.integers(start + 1, min(len(GOOD), start + 60)))
    return GOOD[:start] + draw(st.binary(max_size=20) | st.just(GOOD[start:end] * 2)) + GOOD[end:]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | damaged())
async def test_no_body_of_a_message_breaks_anything(served_once: Served, body: bytes) -> None:
    answer = await post_message(served_once, body)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        assert_problem(answer, 422, "malformed")
    else:
        assert answer.text == ACK
        assert kept(served_once), "acknowledged means kept"


@pytest.fixture(scope="module")
async def served_once(
    postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """An app for messages that may well be read."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("messages")) as running:
            yield running
