"""What somebody finds who has the whole database and none of the keys: no token and no API key, in no table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from domain.errors import Misconfigured
from domain.tokens import TokenSet
from store import keys
from store.causes import Cause
from store.session import transaction
from store.tokens import DatabaseTokenVault, new_secret_key

CONNECTIONS = (("quickbooks", "9130357849016486"), ("salesforce", "https://acme.example"))


def _everything(engine: Engine) -> dict[str, str]:
    """Every row of every table as text, bytes as hexadecimal digits."""
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalars()
        return {
            table: "\n".join(connection.execute(text(f'SELECT one::text FROM "{table}" one')).scalars())
            for table in tables
        }


def _found(everything: dict[str, str], secret: str) -> list[str]:
    """Where a secret stands as it is, or as bytes."""
    return [table for table, rows in everything.items() if secret in rows or secret.encode().hex() in rows]


def test_no_secret_is_in_the_database(engine: Engine, cause: Cause) -> None:
    secret_key = new_secret_key()
    vault = DatabaseTokenVault(engine, secret_key)
    for number, connection in enumerate(CONNECTIONS):
        for turn in ("first", "renewed"):
            kept = TokenSet(
                access_token=SecretStr(f"access-{turn}-of-{number}"),
                refresh_token=SecretStr(f"refresh-{turn}-of-{number}"),
                expires_at=datetime(2026, 11, 26, tzinfo=UTC),
            )
            vault.renew(*connection, f"access-first-of-{number}", lambda _, kept=kept: kept)  # type: ignore[misc]
        read = vault.read(*connection)
        assert read is not None
        assert read.access_token == SecretStr(f"access-renewed-of-{number}")
    with transaction(engine, cause) as session:
        _, made = keys.create(session, "desk", ["operator"])
        keys.ensure(session, "admin", SecretStr("the-first-admin-key-of-all"), ["admin"])

    everything = _everything(engine)
    assert "desk" in everything["api_keys"]
    assert _found(everything, "9130357849016486") == ["connection_tokens"]  # so what is there would be found
    turns = [f"{turn}-of-{number}" for turn in ("first", "renewed") for number in (0, 1)]
    secrets = [f"{kind}-{turn}" for kind in ("access", "refresh") for turn in turns]
    for secret in (*secrets, made.get_secret_value(), "the-first-admin-key-of-all", secret_key.get_secret_value()):
        assert _found(everything, secret) == []


def test_a_token_in_the_clear_is_not_taken_for_one_of_ours(engine: Engine) -> None:
    """There never was a version that kept tokens in the clear: such a row was written by somebody else."""
    vault = DatabaseTokenVault(engine, new_secret_key())
    connection = CONNECTIONS[0]
    vault.renew(*connection, None, lambda _: TokenSet(refresh_token=SecretStr("refresh-1")))
    with engine.begin() as session:
        clear = b'{"connection": ["quickbooks", "9130357849016486"], "refresh_token": "refresh-2"}'
        session.execute(text("UPDATE connection_tokens SET ciphertext = :clear"), {"clear": clear})
    with pytest.raises(Misconfigured):
        vault.read(*connection)
