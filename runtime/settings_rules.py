"""The rules that a setting must keep; every message says what to do and never quotes a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import SecretStr

from runtime.settings_errors import variable
from runtime.vendors import loopback

if TYPE_CHECKING:
    from runtime.settings import Settings

PLACEHOLDERS: Final = frozenset(
    {
        "admin", "changeit", "changeme", "default", "dummy", "example", "fillmein", "insecure", "key", "none", "null",
        "pass", "password", "placeholder", "replaceme", "secret", "test", "todo", "token", "xxx", "yourkey",
        "yoursecret", "yourtoken", "yourpassword",
    }
)  # fmt: skip
POSTGRESQL_SCHEMES: Final = ("postgresql+psycopg://", "postgresql://", "postgres://")


def not_a_placeholder(value: object) -> object:
    """Refuse a secret that was left as it came in an example."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value().casefold().strip("<>{}[]$ ")
        bare = "".join(letter for letter in text if letter.isalnum())
        if bare in PLACEHOLDERS or len(set(bare)) <= 1:
            raise ValueError("is a placeholder; put the real secret there (or name a file with the _FILE variant)")
    return value


def checked_url(value: str) -> str:
    """An absolute http(s) address without a trailing slash; plain http only to this machine or an unqualified host."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an absolute address such as https://host/path")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials; use the settings made for them")
    if parts.scheme == "http" and not loopback(value) and "." in parts.hostname:
        raise ValueError("must use https (plain http is for a stand-in on this machine or in the same compose network)")
    return value.rstrip("/")


def quickbooks_api_url(value: str | None) -> str | None:
    """The API base ends in its version."""
    if value is not None and not value.endswith("/v3"):
        raise ValueError("must end in /v3, for example https://quickbooks.api.intuit.com/v3")
    return value


def postgresql_url(value: SecretStr | None) -> SecretStr | None:
    """Any common spelling of a PostgreSQL address, kept in the one that libpq and SQLAlchemy both read."""
    if value is None:
        return None
    text = value.get_secret_value()
    for scheme in POSTGRESQL_SCHEMES:
        if text.startswith(scheme):
            return SecretStr("postgresql://" + text.removeprefix(scheme))
    raise ValueError("must start with postgresql://, for example postgresql://user@host:5432/threeway")


def hook_secret(value: SecretStr | None) -> SecretStr | None:
    """The secret of Salesforce's calls stands in an address: letters that stay as they are there, and not a few."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._~-]{16,200}", value.get_secret_value()):
        raise ValueError(
            "must have 16 to 200 characters of A-Z a-z 0-9 . _ ~ - (it is a part of an address); make one with "
            '`python -c "import secrets; print(secrets.token_urlsafe(32))"`'
        )
    return value


def fernet_keys(value: SecretStr | None) -> SecretStr | None:
    """One or more Fernet keys, comma separated; the first encrypts, all decrypt (rotation)."""
    if value is None:
        return None
    keys = [part.strip() for part in value.get_secret_value().split(",") if part.strip()]
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        raise ValueError(
            "must be Fernet keys (32 url-safe base64 bytes), comma separated; make one with "
            '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`'
        ) from None
    return SecretStr(",".join(keys))


def default_config_dir() -> Path:
    """`config` here, else the one that lies beside the product's code."""
    here, shipped = Path("config"), Path(__file__).resolve().parents[1] / "config"
    return shipped if not here.is_dir() and shipped.is_dir() else here


def any_case(value: object) -> object:
    """Words are compared without case; levels are upper case, the rest lower case."""
    if not isinstance(value, str):
        return value
    return value.upper() if value.upper() in {"DEBUG", "INFO", "WARNING", "ERROR"} else value.lower()


def vendor_problems(settings: Settings) -> list[str]:
    """What keeps a configured system from working: one sentence a variable."""
    return [
        *_twins_beside_real(settings),
        *_quickbooks_gaps(settings),
        *_salesforce_gaps(settings),
        *_one_folder_twice(settings),
        *_encryption_without_keys(settings),
        *_mail_gaps(settings),
        *_sign_in_gaps(settings),
    ]


def _twins_beside_real(settings: Settings) -> list[str]:
    if settings.twins == "on" and any(not loopback(url) for url in settings.vendor_urls):
        return ["THREEWAY_TWINS: is on while a real system is configured; set it to off or remove the vendor's URL."]
    return []


def _one_folder_twice(settings: Settings) -> list[str]:
    """What is written for the ERP must never come back as if the ERP had said it."""
    if settings.erp.inbox_dir != settings.erp.outbox_dir:
        return []
    return ["THREEWAY_ERP_OUTBOX_DIR: is the inbox too; files for the ERP need a folder of their own."]


def _encryption_without_keys(settings: Settings) -> list[str]:
    if settings.payload_encryption != "on" or settings.payload_keys is not None:
        return []
    return [_missing("payload_keys", "payload_encryption")]


def _quickbooks_gaps(settings: Settings) -> list[str]:
    if settings.quickbooks_api_url is None:
        if settings.quickbooks_discovery_url is None:
            return []
        return ["THREEWAY_QUICKBOOKS_API_URL: is needed with THREEWAY_QUICKBOOKS_DISCOVERY_URL."]
    needed = ("quickbooks_client_id", "quickbooks_client_secret", "quickbooks_realm_id")
    return [_missing(name, "quickbooks_api_url") for name in needed if getattr(settings, name) is None]


def _salesforce_gaps(settings: Settings) -> list[str]:
    if settings.salesforce_url is None:
        return []
    gaps = [] if settings.salesforce_client_id else [_missing("salesforce_client_id", "salesforce_url")]
    if settings.salesforce_private_key is not None:
        if settings.salesforce_username is None:
            gaps.append(_missing("salesforce_username", "salesforce_private_key"))
    elif settings.salesforce_client_secret is None:
        gaps.append(
            f"{variable('salesforce_client_secret')}: is needed with {variable('salesforce_url')} "
            f"(or {variable('salesforce_username')} and {variable('salesforce_private_key')}_FILE for JWT bearer)."
        )
    return gaps


def _mail_gaps(settings: Settings) -> list[str]:
    """A password goes over an encrypted connection alone, and a server without a sender is no use."""
    gaps = []
    for name, beside in (("smtp_host", "smtp_from"), ("smtp_username", "smtp_password")):
        for one, other in ((name, beside), (beside, name)):
            if getattr(settings, one) is None and getattr(settings, other) is not None:
                gaps.append(_missing(one, other))
    if settings.smtp_password is not None and settings.smtp_security == "none":
        gaps.append("THREEWAY_SMTP_SECURITY: is none while there is a password; use starttls or tls.")
    return gaps


def _sign_in_gaps(settings: Settings) -> list[str]:
    if settings.oidc_issuer is None:
        return []
    needed = ("oidc_client_id", "oidc_client_secret", "oidc_roles", "public_url")
    return [_missing(name, "oidc_issuer") for name in needed if getattr(settings, name) is None]


def _missing(name: str, beside: str) -> str:
    return f"{variable(name)}: is needed with {variable(beside)}."
