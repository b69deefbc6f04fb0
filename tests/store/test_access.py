"""Access: the token vault, API keys, sync cursors and heartbeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from time import sleep

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Malformed, Misconfigured, NotAuthorized
from domain.tokens import TokenSet, TokenVault
from store import cursors, heartbeats, keys
from store.causes import Cause
from store.session import reading, transaction
from store.tokens import DatabaseTokenVault, new_secret_key

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CONNECTION = ("quickbooks", "9130357849016486")


def tokens(name: str, **more: object) -> TokenSet:
    return TokenSet.model_validate(
        {"access_token": f"access-{name}", "refresh_token": f"refresh-{name}", "expires_at": AT, **more}
    )


@pytest.fixture
def vault(engine: Engine) -> DatabaseTokenVault:
    return DatabaseTokenVault(engine, new_secret_key())


def test_tokens_are_read_as_they_were_saved(vault: TokenVault) -> None:
    assert vault.read(*CONNECTION) is None
    seen = []
    given = tokens("1", instance_url="https://example.test")
    assert vault.renew(*CONNECTION, None, lambda saved: seen.append(saved) or given) == given
    assert vault.read(*CONNECTION) == given
    assert seen == [None]


def test_a_renewed_token_is_taken_and_not_renewed_again(vault: TokenVault) -> None:
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    renewed = vault.renew(*CONNECTION, "access-1", lambda saved: tokens("2") if saved == tokens("1") else tokens("x"))
    assert renewed == tokens("2")

    def never(_: TokenSet | None) -> TokenSet:
        raise AssertionError

    assert vault.renew(*CONNECTION, "access-1", never) == tokens("2")
    assert vault.renew(*CONNECTION, None, never) == tokens("2")


def test_two_workers_never_renew_at_once(vault: TokenVault) -> None:
    """X2: the refresh token rotates, so of two workers one renews and the other takes what it got."""
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    both_ready, calls, got = Barrier(4), [], []

    def fetch(saved: TokenSet | None) -> TokenSet:
        calls.append(saved)
        sleep(0.2)
        return tokens("2")

    def work() -> None:
        both_ready.wait(10)
        got.append(vault.renew(*CONNECTION, "access-1", fetch))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [tokens("1")]
    assert got == [tokens("2")] * 4


def test_two_first_connections_never_fetch_at_once(vault: TokenVault) -> None:
    both_ready, calls = Barrier(2), []

    def fetch(saved: TokenSet | None) -> TokenSet:
        calls.append(saved)
        sleep(0.2)
        return tokens("1")

    def work() -> None:
        both_ready.wait(10)
        vault.renew(*CONNECTION, None, fetch)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [None]


def test_a_failed_renewal_changes_nothing(vault: TokenVault) -> None:
    def fail(_: TokenSet | None) -> TokenSet:
        raise NotAuthorized

    with pytest.raises(NotAuthorized):
        vault.renew(*CONNECTION, None, fail)
    assert vault.read(*CONNECTION) is None
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    with pytest.raises(NotAuthorized):
        vault.renew(*CONNECTION, "access-1", fail)
    assert vault.read(*CONNECTION) == tokens("1")


def test_renewed_tokens_are_committed_before_they_are_used(engine: Engine, vault: TokenVault) -> None:
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    with engine.connect() as connection:
        version, expires_at = connection.execute(text("SELECT version, expires_at FROM connection_tokens")).one()
    assert (version, expires_at) == (1, AT)


def test_the_database_alone_shows_no_token(engine: Engine, vault: TokenVault) -> None:
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT ciphertext FROM connection_tokens")).scalar_one()
        assert connection.execute(text("SELECT count(*) FROM change_log")).scalar_one() == 0
    assert b"refresh-1" not in stored
    with pytest.raises(Misconfigured):
        DatabaseTokenVault(engine, new_secret_key()).read(*CONNECTION)


def test_the_secret_key_can_be_rotated(engine: Engine) -> None:
    old, new = new_secret_key(), new_secret_key()
    DatabaseTokenVault(engine, old).renew(*CONNECTION, None, lambda _: tokens("1"))
    both = DatabaseTokenVault(engine, SecretStr(f"{new.get_secret_value()}, {old.get_secret_value()}"))
    assert both.read(*CONNECTION) == tokens("1")
    both.renew(*CONNECTION, "access-1", lambda _: tokens("2"))
    assert DatabaseTokenVault(engine, new).read(*CONNECTION) == tokens("2")


def test_a_row_does_not_open_under_another_connection(engine: Engine, vault: TokenVault) -> None:
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE connection_tokens SET account = 'other'"))
    with pytest.raises(Misconfigured):
        vault.read("quickbooks", "other")


def test_a_connection_can_be_forgotten(vault: DatabaseTokenVault) -> None:
    vault.renew(*CONNECTION, None, lambda _: tokens("1"))
    vault.forget(*CONNECTION)
    assert vault.read(*CONNECTION) is None


@pytest.mark.parametrize("secret", ["", "changeme", ",", "short,keys"])
def test_a_secret_key_that_is_none_is_refused(engine: Engine, secret: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        DatabaseTokenVault(engine, SecretStr(secret))
    assert "changeme" not in caught.value.detail


def test_an_api_key_is_known_by_its_hash_only(session: Session) -> None:
    key, plain = keys.create(session, "scanner", {"ingest", "viewer"})
    assert plain.get_secret_value().startswith("tw_")
    assert len(plain.get_secret_value()) == 3 + 43
    assert key.scopes == {"ingest", "viewer"}
    assert keys.find(session, plain) == key
    assert keys.find(session, SecretStr(plain.get_secret_value() + "x")) is None
    row = session.execute(text("SELECT * FROM api_keys")).one()
    assert plain.get_secret_value() not in str(row)
    assert len(row.key_hash) == 64


def test_a_key_ends_by_time_or_by_hand(session: Session) -> None:
    _, expired = keys.create(session, "old", {"viewer"}, expires_at=AT - timedelta(days=365))
    key, plain = keys.create(session, "new", {"viewer"}, expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert keys.find(session, expired) is None
    assert keys.find(session, plain) == key
    assert keys.revoke(session, key.id)
    assert not keys.revoke(session, key.id)
    assert keys.find(session, plain) is None
    assert sorted(one.name for one in keys.list_all(session)) == ["new", "old"]


def test_a_key_that_was_chosen_elsewhere_is_made_once(session: Session) -> None:
    plain = SecretStr("a-long-admin-key-of-a-setting")
    keys.ensure(session, "admin", plain, {"admin"})
    keys.ensure(session, "admin", plain, {"admin"})
    [only] = keys.list_all(session)
    keys.revoke(session, only.id)
    keys.ensure(session, "admin", plain, {"admin"})
    assert keys.find(session, plain) is None


@pytest.mark.parametrize("scopes", [{"root"}, set()])
def test_a_key_has_known_scopes(engine: Engine, cause: Cause, scopes: set[str]) -> None:
    with pytest.raises(Malformed), transaction(engine, cause) as session:
        keys.create(session, "x", scopes)


def test_use_is_noted_at_most_once_a_minute(session: Session) -> None:
    key, _ = keys.create(session, "x", {"viewer"})
    noted = text("SELECT last_used_at FROM api_keys")
    keys.touch(session, key.id)
    assert session.execute(noted).scalar_one() is not None
    recently = session.execute(
        text("UPDATE api_keys SET last_used_at = now() - interval '59 s' RETURNING last_used_at")
    )
    before = recently.scalar_one()
    keys.touch(session, key.id)
    assert session.execute(noted).scalar_one() == before
    session.execute(text("UPDATE api_keys SET last_used_at = now() - interval '61 s'"))
    keys.touch(session, key.id)
    assert session.execute(noted).scalar_one() > before


def test_a_cursor_never_moves_back_by_itself(session: Session) -> None:
    assert cursors.get(session, "orders") is None
    assert cursors.position(session, "orders") is None
    cursors.advance(session, "orders", AT, {"after": "801x"})
    cursors.advance(session, "orders", AT - timedelta(hours=1))
    found = cursors.get(session, "orders")
    assert found is not None
    assert (found.position_at, found.position) == (AT, {"after": "801x"})
    cursors.advance(session, "orders", AT + timedelta(hours=1))
    assert cursors.position(session, "orders") == AT + timedelta(hours=1)


def test_a_person_can_move_a_cursor_back(session: Session) -> None:
    cursors.rewind(session, "orders", AT)
    assert cursors.position(session, "orders") is None
    cursors.advance(session, "orders", AT)
    cursors.rewind(session, "orders", None)
    assert cursors.position(session, "orders") is None
    cursors.advance(session, "orders", AT - timedelta(days=1))
    assert cursors.position(session, "orders") == AT - timedelta(days=1)


def test_a_sweep_that_began_before_a_cursor_was_moved_back_does_not_move_it_on(session: Session) -> None:
    for at in (AT, AT + timedelta(hours=1)):
        before = _rewound(session)
        cursors.rewind(session, "orders", None)
        cursors.advance_unrewound(session, "orders", at, before)
        assert cursors.position(session, "orders") is None
        for later in (at, at + timedelta(minutes=1), at):
            cursors.advance_unrewound(session, "orders", later, _rewound(session))
        assert cursors.position(session, "orders") == at + timedelta(minutes=1)


def _rewound(session: Session) -> str | None:
    found = cursors.get(session, "orders")
    return found.rewound if found else None


def test_a_process_is_alive_while_it_beats(engine: Engine, cause: Cause) -> None:
    for details in (None, {"queue": "erp"}):
        with transaction(engine, cause) as session:
            heartbeats.beat(session, "worker-1", "worker", details)
    with reading(engine) as session:
        [one] = heartbeats.alive(session, timedelta(minutes=1))
        assert (one.process, one.role, one.details) == ("worker-1", "worker", {"queue": "erp"})
        assert one.seen_at > one.started_at
    with transaction(engine, cause) as session:
        session.execute(text("UPDATE heartbeats SET seen_at = now() - interval '2 minutes'"))
        assert heartbeats.alive(session, timedelta(minutes=1)) == []
        heartbeats.forget(session, timedelta(minutes=1))
        assert heartbeats.alive(session, timedelta(hours=1)) == []


def test_a_note_is_struck_out_only_as_it_was_read(session: Session) -> None:
    """Noted again while it was dealt with: there is a new reason."""
    cursors.note(session, "to do", ["a", "b", "c"])
    read = cursors.notes(session, "to do")
    cursors.note(session, "to do", ["b", "d"])
    cursors.strike_notes(session, "to do", read)
    assert cursors.noted(session, "to do") == ["b", "d"]
    cursors.strike(session, "to do", ["b"])
    assert cursors.noted(session, "to do") == ["d"]
    cursors.strike_notes(session, "to do", {})
    cursors.strike_notes(session, "never", {"a": "x"})
    assert cursors.noted(session, "never") == []
