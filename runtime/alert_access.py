"""How alerts get out: the mail server, and the addresses and secrets of channels, as the settings have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from runtime.settings_rules import checked_url

PAIR = re.compile(r"([A-Za-z0-9_-]{1,40})=(\S+)")
SECRET_LETTERS = 16


class SmtpSettings(BaseModel):
    """The server that takes our mail, and whose mail it is."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str | None
    password: SecretStr | None
    sender: str


class AlertAccess(BaseModel):
    """What the channels of `alerts.toml` need beside it. `public_url`: where people reach the API and its pages."""

    model_config = ConfigDict(frozen=True)

    public_url: str | None = None
    smtp: SmtpSettings | None = None
    addresses: Mapping[str, SecretStr] = {}
    secrets: Mapping[str, SecretStr] = {}


def pairs(value: SecretStr | None) -> dict[str, SecretStr]:
    """`name=value` pairs, one a line or divided by blanks."""
    text = value.get_secret_value() if value is not None else ""
    return {name: SecretStr(one) for name, one in PAIR.findall(text)}


def named_addresses(value: SecretStr | None) -> SecretStr | None:
    """Each channel's own address, a whole one; it may hold a secret, as Slack's do."""
    for one in _checked(value):
        checked_url(one.partition("=")[2])
    return value


def named_secrets(value: SecretStr | None) -> SecretStr | None:
    """Each channel's own secret, and not a few letters."""
    if any(len(one.partition("=")[2]) < SECRET_LETTERS for one in _checked(value)):
        raise ValueError(f"each secret must have at least {SECRET_LETTERS} letters")
    return value


def _checked(value: SecretStr | None) -> list[str]:
    parts = value.get_secret_value().split() if value is not None else []
    names = [one.partition("=")[0] for one in parts]
    if any(not PAIR.fullmatch(one) for one in parts) or len(set(names)) < len(names):
        raise ValueError("must be pairs of the form channel=value, one a line, each channel once")
    return parts
