"""Sessions, timeouts and strange answers, against a server that answers what each test scripts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.tokens import TokenKeeper
from domain import errors
from domain.tokens import TokenSet
from tests.adapters.salesforce.harness import MemoryVault, connection_to
from tests.adapters.salesforce.scripted import Answer, Scripted, Seen, expired


def client_to(url: str, vault: MemoryVault, **settings: Any) -> SalesforceClient:
    connection = connection_to(url, **settings)
    return SalesforceClient(connection, TokenKeeper(connection, vault))


def test_one_login_serves_many_calls_and_a_restart(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(200, {"a": 1}))
    client = client_to(script.url, vault)
    for _ in range(3):
        client.get("limits")
    client_to(script.url, vault).get("limits")
    assert len(script.logins()) == 1
    assert {seen.headers["authorization"] for seen in script.calls()} == {"Bearer token-1"}
    assert {seen.path for seen in script.calls()} == {"/services/data/v67.0/limits"}


def test_a_refused_session_is_renewed_once_and_the_headers_survive(script: Scripted, vault: MemoryVault) -> None:
    script.answers(expired(), Answer(200, {"ok": True}))
    stamp = "Wed, 25 Nov 2026 18:00:00 GMT"
    answer = client_to(script.url, vault).write(
        "PATCH", "sobjects/Order/801", {"x": Decimal("1.50")}, {"If-Unmodified-Since": stamp}
    )
    assert answer == {"ok": True}
    assert len(script.logins()) == 2
    first, second = script.calls()
    assert first.headers["if-unmodified-since"] == second.headers["if-unmodified-since"] == stamp
    assert first.body == second.body == '{"x":1.50}'
    assert (first.headers["authorization"], second.headers["authorization"]) == ("Bearer token-1", "Bearer token-2")


@pytest.mark.parametrize("body", [None, {"message": "odd"}, "<html>no</html>", [{"errorCode": "INVALID_SESSION_ID"}]])
def test_a_session_that_stays_refused_ends_after_one_renewal(
    script: Scripted, vault: MemoryVault, body: object
) -> None:
    script.answers(Answer(401, body))
    with pytest.raises(errors.NotAuthorized):
        client_to(script.url, vault).get("limits")
    assert (len(script.logins()), len(script.calls())) == (2, 2)


def test_two_threads_renew_once(script: Scripted, vault: MemoryVault) -> None:
    """Both have been refused before either renews (case X2)."""
    together = threading.Barrier(2, timeout=10)

    def decide(seen: Seen) -> Answer:
        return expired() if seen.headers["authorization"] == "Bearer token-1" else Answer(200, {"ok": True})

    script.decide = decide
    client = client_to(script.url, vault)

    def call() -> Any:
        together.wait()
        return client.get("limits")

    with ThreadPoolExecutor(2) as threads:
        results = [task.result() for task in [threads.submit(call), threads.submit(call)]]
    assert results == [{"ok": True}, {"ok": True}]
    assert len(script.logins()) == 2  # the first login, and one renewal for both


def test_two_processes_renew_once(script: Scripted, vault: MemoryVault) -> None:
    """Each has a keeper of its own; the vault is what they share (case X2)."""
    script.decide = lambda seen: (
        expired() if seen.headers["authorization"] == "Bearer token-1" else Answer(200, {"ok": True})
    )
    clients = [client_to(script.url, vault) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda client: client.get("limits"), clients)) == [{"ok": True}] * 4
    assert len(script.logins()) == 2


def test_a_token_that_is_due_is_renewed_before_it_is_used(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(200, {"ok": True}))
    connection = connection_to(script.url)
    vault.saved["salesforce", connection.account] = TokenSet(
        access_token=SecretStr("old"), expires_at=datetime.now(UTC) - timedelta(seconds=1), instance_url=script.url
    )
    SalesforceClient(connection, TokenKeeper(connection, vault)).get("limits")
    assert [seen.headers["authorization"] for seen in script.calls()] == ["Bearer token-1"]


def test_timeouts_fire(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(200, {"ok": True}, pause=2))
    client = client_to(script.url, vault, read_timeout=0.5)
    started = time.monotonic()
    with pytest.raises(errors.TimedOut) as late:
        client.write("PATCH", "composite/sobjects", {})
    assert time.monotonic() - started < 1.9
    assert "safe" in late.value.detail
    script.login = lambda _seen: Answer(200, {}, pause=2)
    with pytest.raises(errors.TimedOut):
        client_to(script.url, MemoryVault(), read_timeout=0.5).get("limits")


def test_calls_are_bounded_and_waiting_ends(script: Scripted, vault: MemoryVault) -> None:
    running: list[int] = []
    most: list[int] = []
    guard = threading.Lock()

    client = client_to(script.url, vault, max_concurrency=2)
    client.get("limits")

    def send(_api: object) -> dict[str, bool]:
        with guard:
            running.append(1)
            most.append(len(running))
        time.sleep(0.05)
        with guard:
            running.pop()
        return {"ok": True}

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: client._call(send, write=False), range(6)))
    assert max(most) == 2
    busy = client_to(script.url, vault, max_concurrency=1, connect_timeout=0.1, read_timeout=0.1)
    with busy._lane(), pytest.raises(errors.TimedOut, match="busy"):
        busy.get("limits")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(503, "<html>maintenance</html>"), errors.Unavailable),
        (Answer(500, None), errors.Unavailable),
        (Answer(429, None), errors.RateLimited),
        (Answer(504, "gateway"), errors.TimedOut),
        (Answer(400, {"errorCode": "MALFORMED_QUERY", "message": "x"}), errors.Misconfigured),
        (Answer(412, None), errors.StaleToken),
        (Answer(302, None, headers={"Location": "/elsewhere"}), errors.Misconfigured),
        (Answer(0), errors.Unavailable),
    ],
)
def test_strange_answers_are_errors_of_the_tree(
    script: Scripted, vault: MemoryVault, answer: Answer, kind: type[errors.GatewayError]
) -> None:
    script.answers(answer)
    with pytest.raises(kind) as raised:
        client_to(script.url, vault).get("limits")
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None  # the library's error would quote the whole body
    assert "maintenance" not in str(raised.value)


def test_a_dropped_connection_is_tried_once_more(script: Scripted, vault: MemoryVault) -> None:
    script.answers(Answer(0), Answer(200, {"ok": True}))
    assert client_to(script.url, vault).write("PATCH", "composite/sobjects", {"a": 1}) == {"ok": True}
    assert len(script.calls()) == 2


def test_nobody_listens(vault: MemoryVault) -> None:
    with pytest.raises(errors.Unavailable):
        client_to("http://127.0.0.1:9", vault, connect_timeout=0.5).get("limits")


def test_plain_http_is_never_spoken_to_the_real_thing(script: Scripted, vault: MemoryVault) -> None:
    with pytest.raises(errors.Unavailable) as raised:
        client_to(script.url.replace("http://", "https://"), vault).get("limits")
    assert raised.value.reason == "SSLError"
    assert script.seen == []


def test_usage_is_read_wherever_it_stands(script: Scripted, vault: MemoryVault) -> None:
    client = client_to(script.url, vault)
    assert client.usage is None
    script.answers(Answer(400, [], headers={"Sforce-Limit-Info": "api-bursts=1/750; api-usage=10018/100000"}))
    with pytest.raises(errors.Rejected):
        client.get("limits")
    assert client.usage is not None
    assert (client.usage.used, client.usage.limit) == (10018, 100000)


def test_pages_keep_decimals_and_the_wish_for_a_size(script: Scripted, vault: MemoryVault) -> None:
    following = "/services/data/v67.0/query/01g-200"
    script.answers(
        Answer(200, '{"done":false,"totalSize":2,"nextRecordsUrl":"' + following + '","records":[{"n":0.10}]}'),
        Answer(200, '{"done":true,"totalSize":2,"records":[{"n":12345678901234.5678}]}'),
    )
    pages = list(client_to(script.url, vault).pages("SELECT n FROM X", include_deleted=True, page_size=200))
    assert [str(page[0]["n"]) for page in pages] == ["0.10", "12345678901234.5678"]
    first, second = script.calls()
    assert first.path == "/services/data/v67.0/queryAll/?q=SELECT n FROM X"
    assert second.path == following
    assert {seen.headers["sforce-query-options"] for seen in (first, second)} == {"batchSize=200"}


@pytest.mark.parametrize("page", [None, [1], {"done": True}, {"records": [], "done": False}, {"records": "x"}])
def test_a_page_that_is_none_is_an_outage(script: Scripted, vault: MemoryVault, page: object) -> None:
    script.answers(Answer(200, page))
    with pytest.raises(errors.Unavailable):
        list(client_to(script.url, vault).rows("SELECT Id FROM X"))


def test_the_environment_is_not_trusted(script: Scripted, vault: MemoryVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    script.answers(Answer(200, {"ok": True}))
    assert client_to(script.url, vault).get("limits") == {"ok": True}
