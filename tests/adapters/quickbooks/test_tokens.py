"""Tokens: one renewal at a time, saved before use, nothing lost with a lost answer (case X2)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from adapters.quickbooks.tokens import QuickBooksTokens
from domain.errors import GatewayError, Misconfigured, NotAuthorized, RateLimited, Unavailable
from domain.tokens import TokenSet
from tests.adapters.quickbooks.support import MemoryVault, Scripted, ScriptedServer, connection, signed_in

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def token_source(script: ScriptedServer, vault: MemoryVault, clock: Clock, **changes: object) -> QuickBooksTokens:
    return QuickBooksTokens(connection(script.root, **changes), vault, clock)


def revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def test_the_first_token_comes_from_the_configured_refresh_token(
    script: ScriptedServer, vault: MemoryVault, clock: Clock
) -> None:
    tokens = token_source(script, vault, clock)

    assert tokens.current() == "access-1"
    assert tokens.current() == "access-1"

    request = script.token_requests[0]
    assert request.body == "grant_type=refresh_token&refresh_token=twin-refresh-token"
    assert request.headers["Authorization"] == "Basic dHdpbi1jbGllbnQ6dHdpbi1zZWNyZXQ="
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert vault.saved is not None
    assert revealed(vault.saved.refresh_token) == "refresh-1"
    assert vault.saved.expires_at == NOW + timedelta(seconds=3600)
    assert (len(script.token_requests), script.discoveries) == (1, 1)
    tokens.close()


def test_a_rotated_refresh_token_is_used_from_then_on(script: ScriptedServer, vault: MemoryVault, clock: Clock) -> None:
    tokens = token_source(script, vault, clock)
    tokens.current()
    clock.now += timedelta(minutes=56)  # inside the margin before the end

    assert tokens.current() == "access-2"
    assert script.token_requests[1].body.endswith("refresh_token=refresh-1")
    assert script.discoveries == 1
    tokens.close()


def test_an_answer_without_a_refresh_token_keeps_the_old_one(
    script: ScriptedServer, vault: MemoryVault, clock: Clock
) -> None:
    script.token_answers.append(Scripted({"access_token": "a", "expires_in": "3600"}))
    tokens = token_source(script, vault, clock)

    tokens.current()

    assert vault.saved is not None
    assert revealed(vault.saved.refresh_token) == "twin-refresh-token"
    tokens.close()


@pytest.mark.parametrize("workers", ["one process", "two processes"])
def test_many_that_renew_at_once_make_one_call(
    script: ScriptedServer, vault: MemoryVault, clock: Clock, workers: str
) -> None:
    vault.saved = signed_in("old")
    first = token_source(script, vault, clock)
    second = first if workers == "one process" else token_source(script, vault, clock)
    sources = [first, second] * 4
    script.token_answers.append(Scripted({"access_token": "new", "refresh_token": "r2", "expires_in": 60}, delay=0.2))
    barrier = threading.Barrier(len(sources))

    def renew(source: QuickBooksTokens) -> str:
        assert source.current() == "old"
        barrier.wait()
        return source.renew("old")

    with ThreadPoolExecutor(len(sources)) as pool:
        assert set(pool.map(renew, sources)) == {"new"}

    assert len(script.token_requests) == 1
    assert vault.saved is not None
    assert revealed(vault.saved.refresh_token) == "r2"
    first.close()
    second.close()


@pytest.mark.parametrize(
    "lost",
    [
        Scripted(reset=True),
        Scripted(delay=1.3),
        Scripted("<html>", 502, "text/html"),
        Scripted({"error": "server_error"}, 500),
        Scripted("", 200),
        Scripted({"access_token": "a"}),
        Scripted({"access_token": None, "expires_in": 3600}),
    ],
)
def test_a_lost_answer_leaves_the_saved_tokens_as_they_were(
    script: ScriptedServer, vault: MemoryVault, clock: Clock, lost: Scripted
) -> None:
    vault.saved = saved = signed_in("old")
    tokens = token_source(script, vault, clock)
    tokens.current()
    script.token_answers.append(lost)

    with pytest.raises(Unavailable):
        tokens.renew("old")

    assert vault.saved == saved
    assert tokens.renew("old") == "access-2"
    assert script.token_requests[1].body.endswith("refresh_token=saved-refresh")
    tokens.close()


REFUSALS: list[tuple[Scripted, type[GatewayError], str]] = [
    (Scripted({"error": "invalid_grant"}, 400), NotAuthorized, "connect QuickBooks again"),
    (Scripted({"error": "invalid_client"}, 401), Misconfigured, "client id or secret"),
    (Scripted({"error": "invalid_client"}, 400), Misconfigured, "client id or secret"),
    (Scripted("", 429), RateLimited, "slow down"),
    (Scripted("", 302, headers={"Location": "/x"}), Unavailable, "later"),
]


@pytest.mark.parametrize(("answer", "expected", "words"), REFUSALS)
def test_a_refusal_is_told_with_its_remedy_and_without_secrets(
    script: ScriptedServer,
    vault: MemoryVault,
    clock: Clock,
    answer: Scripted,
    expected: type[GatewayError],
    words: str,
) -> None:
    script.token_answers.append(answer)
    tokens = token_source(script, vault, clock)

    with pytest.raises(GatewayError, match=words) as caught:
        tokens.current()

    assert type(caught.value) is expected
    assert "twin-refresh-token" not in str(caught.value)
    assert "twin-secret" not in str(caught.value)
    assert vault.saved is None
    tokens.close()


def test_a_person_who_connects_again_is_heard(script: ScriptedServer, vault: MemoryVault, clock: Clock) -> None:
    vault.saved = signed_in("old")
    script.token_answers.append(Scripted({"error": "invalid_grant"}, 400))
    tokens = token_source(script, vault, clock, refresh_token=SecretStr("fresh-consent"))

    assert tokens.renew("old") == "access-2"
    assert [request.body.rpartition("=")[2] for request in script.token_requests] == ["saved-refresh", "fresh-consent"]
    tokens.close()


def test_without_any_refresh_token_a_person_has_to_connect(
    script: ScriptedServer, vault: MemoryVault, clock: Clock
) -> None:
    tokens = token_source(script, vault, clock, refresh_token=None)
    with pytest.raises(NotAuthorized, match="connect QuickBooks again"):
        tokens.current()
    assert script.token_requests == []
    tokens.close()


def test_a_token_that_still_works_is_used_while_the_token_server_is_down(
    script: ScriptedServer, vault: MemoryVault, clock: Clock
) -> None:
    vault.saved = signed_in("old", expires_at=NOW + timedelta(minutes=2))
    tokens = token_source(script, vault, clock)
    script.token_answers.append(Scripted("", 503))

    assert tokens.current() == "old"
    assert tokens.current() == "old"  # and the next call does not ask again at once
    assert len(script.token_requests) == 1

    clock.now += timedelta(seconds=31)
    assert tokens.current() == "access-2"
    tokens.close()


def test_a_token_that_has_ended_is_not_used(script: ScriptedServer, vault: MemoryVault, clock: Clock) -> None:
    vault.saved = signed_in("old", expires_at=NOW - timedelta(seconds=1))
    script.token_answers.append(Scripted("", 503))
    tokens = token_source(script, vault, clock)
    with pytest.raises(Unavailable):
        tokens.current()
    tokens.close()


def test_what_another_worker_renewed_is_taken_over(script: ScriptedServer, vault: MemoryVault, clock: Clock) -> None:
    vault.saved = signed_in("old")
    tokens = token_source(script, vault, clock)
    tokens.current()
    vault.saved = signed_in("theirs")

    assert tokens.renew("old") == "theirs"
    assert script.token_requests == []
    tokens.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v3/nothing", Misconfigured), ("/v3/failing", Unavailable)],
)
def test_a_wrong_discovery_address_is_told_apart_from_an_outage(
    script: ScriptedServer, vault: MemoryVault, clock: Clock, path: str, expected: type[GatewayError]
) -> None:
    script.answers.append(Scripted({"fine": "but no discovery document"}, 503 if path.endswith("failing") else 200))
    tokens = token_source(script, vault, clock, discovery_url=script.root + path)
    with pytest.raises(expected):
        tokens.current()
    tokens.close()


def test_the_shape_that_the_library_expects(script: ScriptedServer, vault: MemoryVault, clock: Clock) -> None:
    tokens = token_source(script, vault, clock)
    assert (tokens.access_token, tokens.refresh_token) == (None, None)

    tokens.refresh(refresh_token=None)

    assert (tokens.access_token, tokens.refresh_token) == ("access-1", "refresh-1")
    assert (tokens.client_id, tokens.environment) == ("twin-client", "production")
    tokens.close()


def test_saved_tokens_show_nothing() -> None:
    assert "given" not in repr(signed_in())
    assert TokenSet().access_token is None
