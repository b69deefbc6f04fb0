"""Every setting of the product, read once by the composition roots and never at import.

Names and meanings: docs/reference/settings.md. `TEMPORAL_*` is read by `temporalio.envconfig` in runtime/temporal.py.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runtime import settings_rules as rules
from runtime.alert_access import AlertAccess, SmtpSettings, named_addresses, named_secrets, pairs
from runtime.embedded.secrets import ADMIN_KEY_FILE, SECRET_KEY_FILE, read_secret
from runtime.embedded.state import running_stack_state
from runtime.settings_errors import SettingsError, variable
from runtime.settings_sources import NamedValues, read_dotenv
from runtime.sign_in import CALLBACK, OidcSettings, checked_roles, role_pairs
from runtime.vendors import (
    ErpSettings,
    QuickBooksSettings,
    SalesforceSettings,
    default_discovery,
    twin_quickbooks,
    twin_salesforce,
)

Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Rate = Annotated[int, Field(ge=0, le=1_000_000)]
Url = Annotated[str, AfterValidator(rules.checked_url)]
FOLDER_FIELDS: Final = ("data_dir", "config_dir", "erp_inbox_dir", "erp_outbox_dir")


class Settings(BaseSettings):
    """One field for every `THREEWAY_` variable; build it with `load_settings` to get readable errors."""

    model_config = SettingsConfigDict(
        env_prefix="THREEWAY_", env_file=".env", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    data_dir: Path = Path(".threeway")
    config_dir: Path = Field(default_factory=rules.default_config_dir)
    host: str = "127.0.0.1"
    port: Port = 8000
    admin_key: SecretStr | None = None
    admin_password: Annotated[SecretStr, Field(min_length=12, max_length=200)] | None = None
    secret_key: SecretStr | None = None
    limit_key_per_minute: Rate = 6_000
    limit_address_per_minute: Rate = 12_000
    limit_hooks_per_minute: Rate = 12_000
    url: Url | None = None
    api_key: SecretStr | None = None

    quickbooks_api_url: Url | None = None
    quickbooks_discovery_url: Url | None = None
    quickbooks_client_id: str | None = None
    quickbooks_client_secret: SecretStr | None = None
    quickbooks_refresh_token: SecretStr | None = None
    quickbooks_realm_id: str | None = None
    quickbooks_webhook_verifier: SecretStr | None = None

    salesforce_url: Url | None = None
    salesforce_client_id: str | None = None
    salesforce_client_secret: SecretStr | None = None
    salesforce_username: str | None = None
    salesforce_private_key: SecretStr | None = None
    salesforce_api_version: Annotated[str, Field(pattern=r"^\d{2,3}\.\d$")] = "67.0"
    salesforce_hook_secret: SecretStr | None = None
    salesforce_hook_window_seconds: Annotated[int, Field(ge=60, le=30 * 86_400)] = 86_400
    salesforce_org_id: Annotated[str, Field(pattern=r"^00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?$")] | None = None

    erp_inbox_dir: Path | None = None
    erp_outbox_dir: Path | None = None

    twins: Literal["on", "off"] | None = None
    twin_quickbooks_url: Url = "http://127.0.0.1:8101"
    twin_salesforce_url: Url = "http://127.0.0.1:8102"
    twin_erp_url: Url = "http://127.0.0.1:8103"

    orders_poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 15
    invoices_poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    masters_poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 120
    policy_approval: Literal["required", "off"] | None = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_port: Port | None = None
    public_url: Url | None = None
    smtp_host: str | None = None
    smtp_port: Port | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: Annotated[str, Field(pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+$")] | None = None
    alert_addresses: Annotated[SecretStr, AfterValidator(named_addresses)] | None = None
    alert_secrets: Annotated[SecretStr, AfterValidator(named_secrets)] | None = None
    oidc_issuer: Url | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_scopes: str = "openid profile"
    oidc_name_claim: str = "preferred_username"
    oidc_role_claim: str = "groups"
    oidc_roles: Annotated[str, AfterValidator(checked_roles)] | None = None
    temporal_ui_url: Url | None = None
    temporal_retention_hours: Annotated[int, Field(ge=24, le=24 * 365)] = 720
    payload_keys: SecretStr | None = None
    payload_encryption: Literal["on", "off"] | None = None

    worker_cached_workflows: Count = 1000
    worker_workflow_tasks: Count = 40
    worker_activities: Count = 16
    worker_local_activities: Count = 16
    worker_quickbooks_activities: Count = 8
    worker_salesforce_activities: Count = 8
    worker_erp_activities: Count = 4
    worker_graceful_seconds: Annotated[int, Field(ge=0, le=600)] = 30

    twin_fields: ClassVar[tuple[str, ...]] = ("twin_quickbooks_url", "twin_salesforce_url", "twin_erp_url")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is the library's)
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment over `.env`, each with the NAME_FILE variant."""
        del dotenv_settings
        return init_settings, NamedValues(settings_cls, os.environ), NamedValues(settings_cls, read_dotenv())

    @field_validator("*", mode="after")
    @classmethod
    def _no_placeholders(cls, value: object) -> object:
        return rules.not_a_placeholder(value)

    @field_validator(*FOLDER_FIELDS, mode="after")
    @classmethod
    def _absolute_folders(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("database_url", mode="after")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        return rules.postgresql_url(value)

    @field_validator("secret_key", "payload_keys", mode="after")
    @classmethod
    def _fernet_keys(cls, value: SecretStr | None) -> SecretStr | None:
        return rules.fernet_keys(value)

    @field_validator("salesforce_hook_secret", mode="after")
    @classmethod
    def _fits_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        return rules.hook_secret(value)

    @field_validator("quickbooks_api_url", mode="after")
    @classmethod
    def _version_three(cls, value: str | None) -> str | None:
        return rules.quickbooks_api_url(value)

    @field_validator(
        *("log_level", "log_format", "twins", "policy_approval", "payload_encryption", "smtp_security"), mode="before"
    )
    @classmethod
    def _any_case(cls, value: object) -> object:
        return rules.any_case(value)

    @model_validator(mode="after")
    def _vendors_are_whole(self) -> Self:
        problems = rules.vendor_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def vendor_urls(self) -> tuple[str, ...]:
        """The addresses of real systems that are configured."""
        urls = (self.quickbooks_api_url, self.quickbooks_discovery_url, self.salesforce_url)
        return tuple(url for url in urls if url is not None)

    @property
    def twins_on(self) -> bool:
        """Stand-ins serve only while no vendor URL is set, so that test and real data never mix."""
        return self.twins != "off" and not self.vendor_urls

    @property
    def approval(self) -> Literal["required", "off"]:
        """Whether changed rules need a second person: with real systems they do, unless it is set otherwise."""
        return self.policy_approval or ("required" if self.vendor_urls else "off")

    @property
    def quickbooks(self) -> QuickBooksSettings | None:
        """The QuickBooks company, the twin, or None when it is not connected."""
        if self.twins_on:
            return twin_quickbooks(self.twin_quickbooks_url)
        if self.quickbooks_api_url is None:
            return None
        return QuickBooksSettings(
            api_url=self.quickbooks_api_url,
            discovery_url=self.quickbooks_discovery_url or default_discovery(self.quickbooks_api_url),
            client_id=self.quickbooks_client_id or "",
            client_secret=self.quickbooks_client_secret or SecretStr(""),
            refresh_token=self.quickbooks_refresh_token,
            realm_id=self.quickbooks_realm_id or "",
            webhook_verifier=self.quickbooks_webhook_verifier,
            twin=False,
        )

    @property
    def salesforce(self) -> SalesforceSettings | None:
        """The Salesforce org, the twin, or None when it is not connected."""
        if self.twins_on:
            twin = twin_salesforce(self.twin_salesforce_url, self.salesforce_api_version)
            given = {"hook_secret": self.salesforce_hook_secret, "org_id": self.salesforce_org_id}
            return twin.model_copy(update={name: value for name, value in given.items() if value is not None})
        if self.salesforce_url is None:
            return None
        return SalesforceSettings(
            url=self.salesforce_url,
            client_id=self.salesforce_client_id or "",
            client_secret=self.salesforce_client_secret,
            username=self.salesforce_username,
            private_key=self.salesforce_private_key,
            api_version=self.salesforce_api_version,
            hook_secret=self.salesforce_hook_secret,
            org_id=self.salesforce_org_id,
            twin=False,
        )

    @property
    def hook_window(self) -> timedelta:
        """How far the time that a call of Salesforce states may be from ours."""
        return timedelta(seconds=self.salesforce_hook_window_seconds)

    @property
    def erp(self) -> ErpSettings:
        """The ERP's folders; below the data folder unless they are named."""
        return ErpSettings(
            inbox_dir=self.erp_inbox_dir or self.data_dir / "erp" / "inbox",
            outbox_dir=self.erp_outbox_dir or self.data_dir / "erp" / "outbox",
            twin=self.twins_on,
        )

    @property
    def alerts(self) -> AlertAccess:
        """How alerts get out."""
        smtp = None
        if self.smtp_host is not None and self.smtp_from is not None:
            smtp = SmtpSettings(
                host=self.smtp_host,
                port=self.smtp_port or {"starttls": 587, "tls": 465, "none": 25}[self.smtp_security],
                security=self.smtp_security,
                username=self.smtp_username,
                password=self.smtp_password,
                sender=self.smtp_from,
            )
        return AlertAccess(
            public_url=self.public_url,
            smtp=smtp,
            addresses=pairs(self.alert_addresses),
            secrets=pairs(self.alert_secrets),
        )

    @property
    def oidc(self) -> OidcSettings | None:
        """The provider that people sign in by, or None: by passwords alone."""
        if self.oidc_issuer is None:
            return None
        return OidcSettings(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id or "",
            client_secret=self.oidc_client_secret or SecretStr(""),
            callback=f"{self.public_url}{CALLBACK}",
            scopes=self.oidc_scopes,
            name_claim=self.oidc_name_claim,
            role_claim=self.oidc_role_claim,
            roles=role_pairs(self.oidc_roles),
            cookie_keys=SecretStr(self.require_secret_key()),
        )

    @property
    def api_url(self) -> str:
        """Where the API is reached: `THREEWAY_URL`, else this machine's own address of it."""
        if self.url is not None:
            return self.url
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 (compared, not bound)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def require_database_url(self) -> str:
        """The PostgreSQL address; raises SettingsError when nothing is configured and no stack is running."""
        return _required(self.database_url, "database_url", "start the embedded stack with `threeway up`, or set it")

    def require_secret_key(self) -> str:
        """The Fernet keys for tokens at rest, comma separated, the first one encrypts."""
        return _required(self.secret_key, "secret_key", f"set it, for example to {Fernet.__name__}.generate_key()")

    def require_admin_key(self) -> str:
        """The first API key, role admin."""
        return _required(self.admin_key, "admin_key", "set it to a random text of 32 characters")


def load_settings(*, attach: bool = True) -> Settings:
    """Read the settings; raises SettingsError with one sentence for every wrong variable.

    With `attach`, what is not set comes from the embedded stack of the data folder: the secrets that it made, and while
    it runs the addresses of its services. So a second terminal needs no settings at all.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError.from_validation(error) from None
    return attached(settings) if attach else settings


def attached(settings: Settings) -> Settings:
    """The settings with the gaps filled from the embedded stack of the data folder."""
    found: dict[str, object] = {
        "admin_key": read_secret(settings.data_dir, ADMIN_KEY_FILE),
        "secret_key": read_secret(settings.data_dir, SECRET_KEY_FILE),
    }
    state = running_stack_state(settings.data_dir)
    if state is not None:
        addresses = dict(state.addresses)
        database, api = addresses.get("postgres"), addresses.get("api")
        found["database_url"] = SecretStr(database) if database else None
        found["temporal_ui_url"] = addresses.get("temporal_ui")
        found["port"] = urlsplit(api).port if api else None
        found |= {name: addresses.get(name.removesuffix("_url")) for name in settings.twin_fields}
    gaps = {name: value for name, value in found.items() if value is not None and name not in settings.model_fields_set}
    return settings.model_copy(update=gaps)


def _required(value: SecretStr | None, field: str, remedy: str) -> str:
    if value is None:
        raise SettingsError([f"{variable(field)}: is not set; {remedy}."])
    return value.get_secret_value()
