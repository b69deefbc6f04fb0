"""Hints of Salesforce: believed only when signed, durable before they are acknowledged, and known when they repeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from temporalio.service import RPCError

from api import uploads
from runtime import logs
from tests.api.hints import (
    ACK,
    CALL,
    LINE,
    NO_KEY,
    ORDER,
    OTHER_ORDER,
    SECRET,
    call,
    fresh_order,
    kept,
    message,
    notification,
    post_call,
    post_message,
    secret_of,
    signed,
)
from tests.api.served import Served, assert_problem, over_a_socket, serving
from tests.database import cloned

LIMIT = 256 << 10
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><lolz>&c;</lolz>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>"""


@pytest.fixture(scope="module")
async def calm(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An app for what must leave nothing behind."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("hooks")) as running:
            yield running
            assert kept(running) == []


async def flows(served: Served) -> dict[str, int]:
    """The flows of hints that Temporal knows, and how often each was asked again; there is no worker."""
    found = {}
    for workflow_id in {row.workflow_id for row in kept(served)}:
        handle = served.services.client.get_workflow_handle(workflow_id)
        try:
            events = [event async for event in handle.fetch_history_events()]
        except RPCError:
            continue
        found[workflow_id] = sum(event.HasField("workflow_execution_signaled_event_attributes") for event in events)
    return found


async def test_a_signed_call_is_kept_and_its_flow_started(served: Served) -> None:
    order = fresh_order()
    answer = await post_call(served, call(recordId=order))
    assert (answer.status_code, answer.json()) == (202, {"hints": 1, "new": 1})
    (row,) = kept(served)
    assert (row.source, row.kind, row.workflow_type) == ("salesforce", "call", "SalesforceEvent")
    assert row.workflow_input["order_ids"] == [order]
    assert row.payload == {"object": "order", "record_id": order}, "nothing of the body but the record's name"
    assert row.started_at is not None
    assert await flows(served) == {f"salesforce-event/{order}": 1}


async def test_the_same_call_again_does_nothing(served: Served) -> None:
    body = call(recordId=fresh_order())
    await post_call(served, body)
    answer = await post_call(served, body)
    assert (answer.status_code, answer.json()) == (202, {"hints": 1, "new": 0})
    assert len(kept(served)) == 1
    assert list((await flows(served)).values()) == [1]


async def test_hints_of_one_record_meet_in_one_flow(served: Served) -> None:
    """However its Id is spelled, and whichever way they come."""
    order = fresh_order()
    for name, event in ((order, "created"), (order, "updated"), (order[:15], "updated")):
        assert (await post_call(served, call(recordId=name, event=event))).status_code == 202
    await post_message(served, message(notification(1, order)))
    assert await flows(served) == {f"salesforce-event/{order}": 4}


async def test_records_that_are_named_together_are_read_together(served: Served) -> None:
    first, second = fresh_order(), fresh_order()
    answer = await post_call(served, call(recordId=None, ids=[second, first, first]))
    assert answer.json() == {"hints": 2, "new": 2}
    one, other = kept(served)
    assert one.workflow_id == other.workflow_id
    assert one.workflow_input["order_ids"] == [first, second]
    assert list((await flows(served)).values()) == [1]


async def test_lines_are_known_as_lines(served: Served) -> None:
    await post_call(served, call(object="OrderItem", recordId=LINE))
    (row,) = kept(served)
    assert (row.workflow_input["order_ids"], row.workflow_input["line_ids"]) == ([], [LINE])


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "é", "sha256=" + "0" * 64])
async def test_what_is_not_signed_is_refused(calm: Served, signature: str | None) -> None:
    headers = httpx.Headers(
        NO_KEY | ({} if signature is None else {"X-Threeway-Signature": signature}), encoding="utf-8"
    )
    answer = await calm.client.post(CALL, content=call(), headers=headers)
    assert_problem(answer, 401, "signature_refused")
    assert "www-authenticate" not in answer.headers, "no key would help"


async def test_a_signature_is_of_these_very_bytes(calm: Served) -> None:
    body = call()
    headers = signed(body, secret_of(calm.settings))
    answer = await calm.client.post(CALL, content=body + b" ", headers=headers)
    assert_problem(answer, 401, "signature_refused")
    other = await calm.client.post(CALL, content=body, headers=signed(body, "another-secret-altogether"))
    assert_problem(other, 401, "signature_refused")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "body"),
        (b"no json", "body"),
        (b"[]", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 100_000, "body"),
        (b'{"object": "Order", "recordId": NaN}', "body"),
        (b'{"object": 7}', "body"),
        (call(orgId="00D000000000009AAA"), "org"),
        (call(orgId=None), "org"),
        (call(object="Contact"), "object"),
        (call(recordId=None), "record"),
        (call(recordId="801"), "record"),
        (call(recordId=ORDER[:15] + "AAB"), "record"),
        (call(recordId=ORDER + "\u0000"), "record"),
        (call(recordId="' OR Name != '"), "record"),
        (call(ids=[ORDER, "x"]), "record"),
        (call(ids="ORDER"), "body"),
        (call(ids=[ORDER] * 201), "body"),
        (call(occurredAt="yesterday"), "body"),
        (call(occurredAt="2026-11-26T09:30:00"), "body"),
    ],
)
async def test_a_signed_call_that_cannot_be_read_is_refused(calm: Served, body: bytes, reason: str) -> None:
    document = assert_problem(await post_call(calm, body), 422, "malformed")
    assert document["reason"] == reason


@pytest.mark.parametrize("hours", [-25, 25, 24 * 365 * 5, -24 * 365 * 50])
async def test_a_call_from_another_time_is_refused(calm: Served, hours: int) -> None:
    at = datetime.now(UTC) + timedelta(hours=hours)
    document = assert_problem(await post_call(calm, call(occurredAt=at.isoformat())), 422, "malformed")
    assert document["reason"] == "late"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1e300"])
async def test_a_time_at_the_end_of_times_is_refused(calm: Served, at: str) -> None:
    assert (await post_call(calm, call(occurredAt=at))).status_code == 422


async def test_the_times_that_salesforce_writes_are_read(served: Served) -> None:
    now = datetime.now(UTC)
    for at in (now.strftime("%Y-%m-%dT%H:%M:%S.000+0000"), now.strftime("%Y-%m-%dT%H:%M:%SZ")):
        assert (await post_call(served, call(occurredAt=at))).status_code == 202, at


async def test_an_outbound_message_is_acknowledged_once_it_is_durable(served: Served) -> None:
    many = [notification(number, f"801{number:012d}AAA") for number in range(1, 101)]
    answer = await post_message(served, message(*many))
    assert (answer.status_code, answer.text) == (200, ACK)
    assert answer.headers["content-type"].startswith("text/xml")
    rows = kept(served)
    assert [row.external_id for row in rows] == [f"notification 04l{number:012d}AAA" for number in range(1, 101)]
    assert len({row.workflow_id for row in rows}) == 1, "one flow reads all of them in one query"
    assert all(row.started_at for row in rows)


async def test_messages_repeat_and_come_in_any_order(served: Served) -> None:
    first, second = fresh_order(), fresh_order()
    later, earlier = notification(2, second), notification(1, first)
    for one in (message(later), message(earlier), message(earlier, later), message(later)):
        assert (await post_message(served, one)).text == ACK
    assert len(kept(served)) == 2
    assert await flows(served) == {f"salesforce-event/{first}": 1, f"salesforce-event/{second}": 1}


async def test_the_same_message_at_once_is_kept_once(served: Served) -> None:
    body = message(notification(1, fresh_order()), notification(2, fresh_order()))
    answers = await asyncio.gather(*(post_message(served, body) for _ in range(8)))
    assert {answer.text for answer in answers} == {ACK}
    assert len(kept(served)) == 2
    assert list((await flows(served)).values()) == [1]


async def test_a_record_that_is_gone_is_acknowledged_and_left_to_the_poll(served: Served) -> None:
    """Else Salesforce would send the message again for a day."""
    gone = "<Notification><Id>04l000000000009AAA</Id></Notification>"
    answer = await post_message(served, message(notification(1, None), gone))
    assert answer.text == ACK
    assert all(row.started_at for row in kept(served))
    assert await flows(served) == {}


@pytest.mark.parametrize("secret", ["wrong", SECRET + "x", "twin-hook-secre", "%00", "é"])
async def test_a_message_to_another_address_is_refused(calm: Served, secret: str) -> None:
    answer = await post_message(calm, message(notification(1)), secret)
    assert answer.status_code in {401, 422}
    assert "Ack" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<a/>",
        BOMB,
        OUTSIDE,
        b'<?xml version="1.0" encoding="nothing-known"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b"<a>" * 100_000,
        b"<a>" * 50_000 + b"</a>" * 50_000,
        message(),
        message(notification(1), org="00D000000000009AAA"),
        message(notification(1), org=""),
        message(notification(1, kind="Contact")),
        message(notification(1, "801")),
        message("<Notification><Id>x</Id></Notification>"),
        message(*(notification(number) for number in range(201))),
        message(notification(1)).replace(b"soapenv:Envelope", b"soapenv:Other"),
        message(notification(1)).replace(b"2005/09/outbound", b"2005/09/inbound"),
    ],
    ids=range(18),
)
async def test_a_message_that_cannot_be_read_is_refused(calm: Served, body: bytes) -> None:
    assert_problem(await post_message(calm, body), 422, "malformed")


async def test_one_bad_notification_refuses_the_whole_message(calm: Served) -> None:
    """It is acknowledged as a whole, or sent again as a whole."""
    assert_problem(await post_message(calm, message(notification(1), notification(2, "801"))), 422, "malformed")


async def test_bodies_are_bounded(calm: Served) -> None:
    big = call(note="x" * LIMIT)
    assert_problem(await post_call(calm, big), 413, "too_large")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * (LIMIT // 8)

    answer = await calm.client.post(CALL, content=unannounced(), headers=signed(big))
    assert_problem(answer, 413, "too_large")
    assert (await post_message(calm, message(notification(1)) + b" " * (2 << 20))).status_code == 413


async def test_a_body_that_stops_coming_is_let_go(calm: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "STALLED_SECONDS", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    assert_problem(await calm.client.post(CALL, content=stalling(), headers=signed(b"{")), 408, "upload_stalled")


async def test_without_a_secret_nobody_is_believed(database_url: str, temporal: str, tmp_path: Path) -> None:
    """A real org is configured, and nobody thought of the hooks."""
    org = {
        "salesforce_url": "http://127.0.0.1:9",
        "salesforce_client_id": "a-consumer",
        "salesforce_client_secret": SecretStr("a-consumer-secret"),
    }
    async with serving(database_url, temporal, tmp_path, **org) as running:
        for path in (CALL, f"{CALL}/outbound-message/", f"{CALL}/outbound-message/anything"):
            answer = await running.client.post(path, content=call(), headers=signed(call(), ""))
            assert answer.status_code in {404, 503}
        document = assert_problem(answer, 503, "hooks_off")
        assert "THREEWAY_SALESFORCE_HOOK_SECRET" in document["detail"]
        assert (await running.client.get("/hooks")).json()["on"] is False
        assert kept(running) == []


async def test_a_secret_that_is_set_counts_beside_the_stand_in_too(
    database_url: str, temporal: str, tmp_path: Path
) -> None:
    async with serving(database_url, temporal, tmp_path, salesforce_hook_secret=SecretStr(SECRET)) as running:
        body = call()
        assert (await running.client.post(CALL, content=body, headers=signed(body))).status_code == 202


async def test_what_comes_while_temporal_is_away_is_kept_for_the_sweep(without_temporal: Served) -> None:
    assert (await post_call(without_temporal, call())).status_code == 202
    assert (await post_message(without_temporal, message(notification(1, OTHER_ORDER)))).text == ACK
    assert [row.started_at for row in kept(without_temporal)] == [None, None]


async def test_nothing_is_acknowledged_while_the_store_is_away(
    database_url: str, temporal: str, tmp_path: Path
) -> None:
    away = database_url.replace("test_", "gone_")
    async with serving(away, temporal, tmp_path) as running:
        assert_problem(await post_call(running, call()), 503, "unavailable")
        answer = await post_message(running, message(notification(1)))
        assert_problem(answer, 503, "unavailable")
        assert "Ack" not in answer.text


async def test_the_secret_is_in_no_log_and_no_answer(
    served: Served,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not that of the address either, which the web server logs."""
    secret = secret_of(served.settings)
    root = logging.getLogger()
    former = root.handlers[:], root.level
    logs.configure(style="json", level="DEBUG", role="api")
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):  # another server of this process may have silenced them
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "disabled", False)
        caplog.set_level(logging.INFO, name)
    try:
        async with over_a_socket(served.app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            base = f"{CALL}/outbound-message/{secret}"
            sent = [message(notification(1)), b"<", message(notification(1), org="00D000000000009AAA")]
            answers = [await client.post(base, content=body) for body in sent]
            answers += [await client.post(f"{path}", content=b"<") for path in (f"{base}/more", f"{base}?a=b")]
            answers += [await client.get(base), await client.post(f"{CALL}/outbound-message//{secret}", content=b"<")]
    finally:
        root.handlers[:], root.level = former
    logged = "".join(capsys.readouterr())
    assert answers[0].text == ACK
    assert "outbound-message/[redacted]" in logged
    assert secret not in logged
    assert secret not in "".join(answer.text + str(answer.headers) for answer in answers)


async def test_whether_calls_come_is_told(served: Served) -> None:
    before = (await served.client.get("/hooks")).json()
    assert (before["on"], before["org_checked"]) == (True, True)
    assert (before["last_call_at"], before["last_message_at"]) == (None, None)
    await post_call(served, call())
    after = (await served.client.get("/hooks")).json()
    assert after["last_call_at"] is not None
    assert after["last_message_at"] is None


async def test_outcomes_are_counted(served: Served) -> None:
    await post_call(served, call())
    await post_call(served, call())
    await post_call(served, b"{}")
    await served.client.post(CALL, content=b"{}", headers=NO_KEY)
    text = (await served.client.get("/metrics")).text
    for outcome in ("new", "known", "malformed", "refused"):
        assert f'threeway_hooks_total{{kind="call",outcome="{outcome}"}}' in text


async def test_requests_are_measured_without_the_secret_of_their_address(served: Served) -> None:
    secret = secret_of(served.settings)
    await post_message(served, message(notification(1)))
    await served.client.post(f"{CALL}/outbound-message/{secret}/more", content=b"<")
    text = (await served.client.get("/metrics")).text
    assert f'route="{CALL}/outbound-message/{{secret}}",status="200"' in text
    assert secret not in text
