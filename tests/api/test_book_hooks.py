"""Events of QuickBooks: believed when signed, durable before they are acknowledged, known when they repeat (X3)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from activities import book_hooks
from tests.api.book_events import NO_KEY, PATH, cloud, entity, event, legacy, post, signature
from tests.api.hints import kept
from tests.api.served import Served, assert_problem, serving
from tests.build import REALM
from tests.database import cloned

LIMIT = 1 << 20
NOTHING = {"new": 0, "known": 0, "other_companies": 0, "ignored": 0}


@pytest.fixture(scope="module")
async def calm(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app for what must leave nothing behind."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("events")) as running:
            yield running
            assert kept(running) == []


async def test_a_cloud_event_is_kept_and_its_flow_started(served: Served) -> None:
    """X3: 200, and nothing of the payload but the record's name."""
    told = event("invoice", "71001", data={"TotalAmt": 1})
    answer = await post(served, cloud(told), **{"Content-Type": "application/cloudevents+json"})
    assert (answer.status_code, answer.json()) == (200, NOTHING | {"new": 1})
    (row,) = kept(served)
    assert (row.source, row.kind, row.workflow_type) == ("quickbooks", "event", "QuickBooksEvent")
    assert row.workflow_id == "quickbooks-event/invoice-71001"
    assert row.payload == {"object": "invoice", "record_id": "71001"}
    assert row.workflow_input["invoices"] == ["71001"]
    assert row.started_at is not None
    described = await served.services.client.get_workflow_handle(row.workflow_id).describe()
    assert described.workflow_type == "QuickBooksEvent"


async def test_the_legacy_form_is_understood_too(served: Served) -> None:
    """X3: a merge names both, the one that stays and the one that is gone."""
    body = legacy(entity("Payment", "7"), entity("Customer", "8", "Merge", deletedId="9"), entity("CreditMemo", "10"))
    answer = await post(served, body)
    assert answer.json() == NOTHING | {"new": 4}
    work = kept(served)[0].workflow_input
    assert (work["payments"], work["customers"], work["credit_memos"]) == (["7"], ["8", "9"], ["10"])
    assert len({row.workflow_id for row in kept(served)}) == 1


async def test_events_repeat_and_come_in_any_order(served: Served) -> None:
    """X3: whatever the order and however often, each is one row."""
    first, second = event(key="71002"), event(key="71003")
    for body in (cloud(second), cloud(first), cloud(first, second), cloud(second, first, first)):
        assert (await post(served, body)).status_code == 200
    assert len(kept(served)) == 2
    answer = await post(served, cloud(first, second))
    assert answer.json() == NOTHING | {"known": 2}
    same = legacy(entity("Invoice", "71004"))
    assert [(await post(served, same)).json()["new"] for _ in range(2)] == [1, 0]


async def test_the_same_call_at_once_is_kept_once(served: Served) -> None:
    body = cloud(event(key="71005"), event("item", "71006"))
    answers = await asyncio.gather(*(post(served, body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(kept(served)) == 2


async def test_many_events_are_read_a_hundred_at_a_time(served: Served) -> None:
    answer = await post(served, cloud(*(event(key=str(72000 + place)) for place in range(250))))
    assert answer.json()["new"] == 250
    by_flow = {row.workflow_id: row.workflow_input["invoices"] for row in kept(served)}
    assert sorted(map(len, by_flow.values())) == [50, 100, 100]


async def test_events_of_another_company_are_refused_one_by_one(served: Served) -> None:
    """One call may mix companies; refusing it as a whole would hold back what is ours."""
    body = cloud(event(key="71007"), event(key="71008", intuitaccountid="123"))
    assert (await post(served, body)).json() == NOTHING | {"new": 1, "other_companies": 1}
    assert (await post(served, legacy(entity(), entity(), realm="99"))).json() == NOTHING | {"other_companies": 2}
    assert [row.payload["record_id"] for row in kept(served)] == ["71007"]


@pytest.mark.parametrize(
    "told",
    [
        event("taxcode"),
        event("invoice", "12a"),
        event("invoice", ""),
        event("invoice", "1" * 21),
        event("invoice", "٣"),
        event(id=""),
        event(id="a\u0000b"),
        event(type="qbo.invoice"),
        event(type=7),
        event(intuitentityid=12),
        {},
        7,
        None,
        [[]],
    ],
    ids=range(14),
)
async def test_what_says_nothing_to_us_is_acknowledged_and_left_out(calm: Served, told: Any) -> None:
    """It would come again and again, and hold back every later one."""
    answer = await post(calm, cloud(told))
    assert (answer.status_code, answer.json()) == (200, NOTHING | {"ignored": 1})


@pytest.mark.parametrize("given_signature", [None, "", "0" * 44, "é", "AAAA"])
async def test_what_is_not_signed_is_refused(calm: Served, given_signature: str | None) -> None:
    headers = httpx.Headers(
        NO_KEY | ({} if given_signature is None else {"intuit-signature": given_signature}), encoding="utf-8"
    )
    answer = await calm.client.post(PATH, content=cloud(event()), headers=headers)
    assert_problem(answer, 401, "signature_refused")


async def test_a_signature_is_of_these_very_bytes(calm: Served) -> None:
    body = cloud(event())
    assert_problem(await post(calm, body + b" ", **{"intuit-signature": signature(body)}), 401, "signature_refused")
    other = await post(calm, body, **{"intuit-signature": signature(body, "another-verifier")})
    assert_problem(other, 401, "signature_refused")


@pytest.mark.parametrize("body", [b"", b"no json", b"7", b'"x"', b"\xff\xfe", b"[" * 100_000, b"{}", b'{"a":1}'])
async def test_a_signed_body_that_is_no_call_is_refused(calm: Served, body: bytes) -> None:
    assert_problem(await post(calm, body), 422, "malformed")


async def test_bodies_are_bounded(calm: Served) -> None:
    assert_problem(await post(calm, b" " * (LIMIT + 1)), 413, "too_large")


async def test_without_a_verifier_nobody_is_believed(database_url: str, temporal: str, tmp_path: Path) -> None:
    company = {
        "quickbooks_api_url": "http://127.0.0.1:9/v3",
        "quickbooks_client_id": "an-app",
        "quickbooks_client_secret": SecretStr("an-app-secret"),
        "quickbooks_realm_id": REALM,
    }
    async with serving(database_url, temporal, tmp_path, **company) as running:
        document = assert_problem(await post(running, cloud(event())), 503, "hooks_off")
        assert "THREEWAY_QUICKBOOKS_WEBHOOK_VERIFIER" in document["detail"]
        assert (await running.client.get("/hooks")).json()["events_on"] is False
        assert kept(running) == []


async def test_what_comes_while_temporal_is_away_is_kept_and_answered_in_time(without_temporal: Served) -> None:
    """QuickBooks waits three seconds."""
    began = time.monotonic()
    assert (await post(without_temporal, cloud(event()))).status_code == 200
    assert time.monotonic() - began < 3
    assert [row.started_at for row in kept(without_temporal)] == [None]


async def test_nothing_is_acknowledged_while_the_store_is_away(
    database_url: str, temporal: str, tmp_path: Path
) -> None:
    async with serving(database_url.replace("test_", "gone_"), temporal, tmp_path) as running:
        assert_problem(await post(running, cloud(event())), 503, "unavailable")


async def test_a_store_that_is_slow_is_no_reason_to_be_late(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call comes again, and what was kept in the end is known then."""
    monkeypatch.setattr(book_hooks, "COMMIT_WITHIN", 0.0)
    body = cloud(event(key="71009"))
    assert_problem(await post(served, body), 503, "unavailable")
    monkeypatch.undo()
    assert (await post(served, body)).status_code == 200
    assert len(kept(served)) == 1


async def test_whether_events_come_is_told(served: Served) -> None:
    before = (await served.client.get("/hooks")).json()
    assert (before["events_on"], before["last_event_at"], before["last_look_at"]) == (True, None, None)
    await post(served, cloud(event()))
    after = (await served.client.get("/hooks")).json()
    assert after["last_event_at"] is not None
    assert after["last_call_at"] is None


async def test_outcomes_are_counted(served: Served) -> None:
    body = cloud(event(key="71010"), event(intuitaccountid="1"), event("taxrate"))
    await post(served, body)
    await post(served, body)
    await post(served, b"{}")
    await post(served, body, **{"intuit-signature": "x"})
    text = (await served.client.get("/metrics")).text
    for outcome in ("new", "known", "other_company", "ignored", "malformed", "refused"):
        assert f'threeway_hooks_total{{kind="event",outcome="{outcome}"}}' in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NOISE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("type", "id", "intuitentityid", "intuitaccountid", "time"), JSON),
        "eventNotifications": st.lists(
            st.fixed_dictionaries({}, optional={"realmId": JSON, "dataChangeEvent": JSON}) | JSON, max_size=3
        ),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | (st.lists(NOISE, max_size=3) | NOISE | JSON).map(json.dumps).map(str.encode))
def test_noise_is_never_an_error_of_ours_and_leaves_nothing(noisy: tuple[asyncio.Runner, Served], body: bytes) -> None:
    """Fuzz: signed or not, whatever the bytes, the answer is a refusal or that it says nothing to us."""
    runner, served = noisy
    signed = runner.run(post(served, body))
    assert signed.status_code in {200, 422}, signed.text
    assert signed.status_code == 422 or signed.json()["new"] == 0
    assert runner.run(post(served, body, **{"intuit-signature": "x"})).status_code == 401


@pytest.fixture(scope="module")
def noisy(postgres_url: str, temporal_process: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An app with an event loop of its own, for the examples of the fuzz."""
    with cloned(postgres_url) as url, asyncio.Runner() as runner:
        opened = serving(url, temporal_process, tmp_path_factory.mktemp("noise"))
        served = runner.run(opened.__aenter__())
        yield runner, served
        assert kept(served) == []
        runner.run(opened.__aexit__(None, None, None))
