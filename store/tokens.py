"""The token vault: OAuth tokens encrypted in PostgreSQL, renewed by one worker at a time (case X2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from domain.errors import Misconfigured
from domain.tokens import TokenSet
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables.access import ConnectionTokenRow

# A renewal is one call to the vendor: who waits longer than this for another worker's gives up and tries again later.
RENEWAL_LOCK_TIMEOUT = "60s"
_CAUSE = Cause(source=CauseSource.GATEWAY, actor="token_vault")


def new_secret_key() -> SecretStr:
    """A fresh key for the vault."""
    return SecretStr(Fernet.generate_key().decode())


class TokenAge(BaseModel):
    """When the access token of a connection ends and when it was renewed last; never the token."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    system: str
    account: str
    expires_at: datetime | None
    updated_at: datetime


def ages(session: Session) -> list[TokenAge]:
    """The tokens of every connection by when they end."""
    rows = session.scalars(select(ConnectionTokenRow).order_by(col(ConnectionTokenRow.system)))
    return [TokenAge.model_validate(row) for row in rows]


class DatabaseTokenVault:
    """`domain.tokens.TokenVault` on PostgreSQL. Whoever reads the database alone reads no token."""

    def __init__(self, engine: Engine, secret_key: SecretStr) -> None:
        """Take one Fernet key, or several with commas between: the first encrypts, all decrypt (key rotation)."""
        self._engine = engine
        self._cipher = _cipher(secret_key)

    def read(self, system: str, account: str) -> TokenSet | None:
        """The tokens of this connection as last saved, or None."""
        with reading(self._engine) as session:
            row = session.get(ConnectionTokenRow, (system, account))
            return None if row is None else self._opened(row)

    def renew(
        self, system: str, account: str, stale_access_token: str | None, fetch: Callable[[TokenSet | None], TokenSet]
    ) -> TokenSet:
        """Under the row lock: the saved tokens if another worker renewed them meanwhile, else those of `fetch`.

        What `fetch` answers is committed before it is answered here, because the refresh token in it may be the only
        one left that works. An error of `fetch` changes nothing. Raises Transient when another renewal takes too long.
        """
        with transaction(self._engine, _CAUSE) as session:
            row = _locked(session, system, account)
            saved = self._opened(row)
            if saved is not None and _access_token(saved) not in {None, stale_access_token}:
                return saved
            fresh = fetch(saved)
            row.ciphertext = self._sealed(system, account, fresh)
            row.expires_at = fresh.expires_at
            row.version += 1
            row.updated_at = session.scalar(select(func.now())) or row.updated_at
        return fresh

    def forget(self, system: str, account: str) -> None:
        """Drop the tokens of a connection, so that the next renewal starts from the settings (a person reconnects)."""
        with transaction(self._engine, _CAUSE) as session:
            session.execute(
                delete(ConnectionTokenRow).where(
                    col(ConnectionTokenRow.system) == system, col(ConnectionTokenRow.account) == account
                )
            )

    def _sealed(self, system: str, account: str, tokens: TokenSet) -> bytes:
        # The connection's name is inside, so that a row copied onto another connection does not open there.
        plain = {"connection": [system, account], **_revealed(tokens)}
        return self._cipher.encrypt(json.dumps(plain).encode())

    def _opened(self, row: ConnectionTokenRow) -> TokenSet | None:
        if row.ciphertext is None:
            return None
        try:
            plain = json.loads(self._cipher.decrypt(row.ciphertext))
        except InvalidToken:
            raise Misconfigured(
                "The saved tokens were encrypted with another secret key.", reason="secret_key"
            ) from None
        if plain.pop("connection") != [row.system, row.account]:
            raise Misconfigured("The saved tokens belong to another connection.", reason="connection")
        return TokenSet.model_validate(plain)


def _cipher(secret_key: SecretStr) -> MultiFernet:
    keys = [key.strip() for key in secret_key.get_secret_value().split(",") if key.strip()]
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise Misconfigured("The secret key must be a Fernet key: 32 bytes in URL-safe base64.") from None


def _locked(session: Session, system: str, account: str) -> ConnectionTokenRow:
    session.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": RENEWAL_LOCK_TIMEOUT})
    new = insert(ConnectionTokenRow).values(system=system, account=account)
    session.execute(new.on_conflict_do_nothing(index_elements=["system", "account"]))
    query = select(ConnectionTokenRow).where(
        col(ConnectionTokenRow.system) == system, col(ConnectionTokenRow.account) == account
    )
    return session.scalars(query.with_for_update()).one()


def _access_token(tokens: TokenSet) -> str | None:
    return tokens.access_token.get_secret_value() if tokens.access_token else None


def _revealed(tokens: TokenSet) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in tokens:
        if isinstance(value, SecretStr):
            values[name] = value.get_secret_value()
        else:
            values[name] = value.isoformat() if isinstance(value, datetime) else value
    return values
