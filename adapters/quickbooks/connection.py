"""How to reach one QuickBooks company: addresses, credentials, timeouts and budgets."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

MINIMUM_MINOR_VERSION = 75  # lower ones are ignored by QuickBooks and warned about by the client library


class QuickBooksConnection(BaseModel):
    """One connected company. Timeouts are seconds; budgets stay below the vendor's 10/s, 500/min and 40 batches/min.

    `refresh_token` is only the first one: later ones live in the token vault.
    """

    model_config = ConfigDict(frozen=True)

    api_url: str
    discovery_url: str
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    refresh_token: SecretStr | None = None
    realm_id: str = Field(pattern=r"^[0-9]+$")
    minor_version: int = Field(default=75, ge=MINIMUM_MINOR_VERSION)
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=30.0, gt=0)
    requests_per_second: int = Field(default=8, ge=1)
    requests_per_minute: int = Field(default=450, ge=1)
    batches_per_minute: int = Field(default=36, ge=1)

    @field_validator("api_url")
    @classmethod
    def _api_root(cls, value: str) -> str:
        trimmed = value.rstrip("/")
        if not trimmed.endswith("/v3"):
            raise ValueError("the QuickBooks API address ends in /v3")
        return trimmed

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds to connect, and seconds of silence to bear while reading."""
        return (self.connect_timeout, self.read_timeout)

    @property
    def company_url(self) -> str:
        """The address under which everything of this company lives."""
        return f"{self.api_url}/company/{self.realm_id}"
