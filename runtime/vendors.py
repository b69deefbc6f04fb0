"""What the adapters need to know about each connected system, as frozen views of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
DISCOVERY: Final = "https://developer.intuit.com/.well-known/openid_configuration/"
DISCOVERY_SANDBOX: Final = "https://developer.intuit.com/.well-known/openid_sandbox_configuration/"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuickBooksSettings(_View):
    """One QuickBooks Online company and the app that may speak to it."""

    api_url: str
    discovery_url: str
    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr | None
    realm_id: str
    webhook_verifier: SecretStr | None
    twin: bool


class SalesforceSettings(_View):
    """One Salesforce org: client credentials, or JWT bearer when a private key is given."""

    url: str
    client_id: str
    client_secret: SecretStr | None
    username: str | None
    private_key: SecretStr | None
    api_version: str
    hook_secret: SecretStr | None
    org_id: str | None
    twin: bool

    @property
    def grant(self) -> Literal["client_credentials", "jwt_bearer"]:
        """Which OAuth grant the credentials allow."""
        return "jwt_bearer" if self.private_key is not None else "client_credentials"


class ErpSettings(_View):
    """The two folders through which the ERP speaks."""

    inbox_dir: Path
    outbox_dir: Path
    twin: bool


def loopback(url: str) -> bool:
    """Whether the address stays on this machine."""
    return urlsplit(url).hostname in LOOPBACK


def default_discovery(api_url: str) -> str:
    """Intuit's own discovery document for an API host; a stand-in serves it beside its API."""
    parts = urlsplit(api_url)
    if (parts.hostname or "").endswith("intuit.com"):
        return DISCOVERY_SANDBOX if (parts.hostname or "").startswith("sandbox") else DISCOVERY
    return f"{parts.scheme}://{parts.netloc}/.well-known/openid_configuration"


def twin_quickbooks(base_url: str) -> QuickBooksSettings:
    """The stand-in of QuickBooks Online: it accepts these credentials out of the box."""
    return QuickBooksSettings(
        api_url=f"{base_url}/v3",
        discovery_url=f"{base_url}/.well-known/openid_configuration",
        client_id="twin-client",
        client_secret=SecretStr("twin-secret"),
        refresh_token=SecretStr("twin-refresh-token"),
        realm_id="9130357849016486",
        webhook_verifier=SecretStr("twin-verifier"),
        twin=True,
    )


def twin_salesforce(base_url: str, api_version: str) -> SalesforceSettings:
    """The stand-in of Salesforce: it accepts these credentials out of the box."""
    return SalesforceSettings(
        url=base_url,
        client_id="twin-consumer",
        client_secret=SecretStr("twin-consumer-secret"),
        username=None,
        private_key=None,
        api_version=api_version,
        hook_secret=SecretStr("twin-hook-secret"),
        org_id="00DTW00000000012AA",
        twin=True,
    )
