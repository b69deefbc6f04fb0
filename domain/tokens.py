"""OAuth tokens as the adapters and the store exchange them: one writer per connection, saved before use (case X2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, SecretStr


class TokenSet(BaseModel):
    """The tokens of one connection. `expires_at` is when the access token ends (aware, UTC); None: not stated."""

    model_config = ConfigDict(frozen=True)

    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    expires_at: datetime | None = None
    instance_url: str | None = None


class TokenVault(Protocol):
    """Where tokens live: encrypted in PostgreSQL, renewed under a row lock so that two workers never renew at once."""

    def read(self, system: str, account: str) -> TokenSet | None:
        """The tokens of this connection as last saved, or None."""

    def renew(
        self, system: str, account: str, stale_access_token: str | None, fetch: Callable[[TokenSet | None], TokenSet]
    ) -> TokenSet:
        """Under the row lock: if the saved access token is no longer `stale_access_token`, return the saved tokens
        (another worker renewed them); else call `fetch` with the saved tokens, commit what it returns, return that."""
