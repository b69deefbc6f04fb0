"""The channels of alerts: what `alerts.toml` declares, made ready with the addresses and secrets of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from adapters.alerts.calls import SlackSender, WebhookSender
from adapters.alerts.mail import MailSender, SmtpConnection
from adapters.alerts.outgoing import Sender
from domain.alerts import AlertRules, Channel, ChannelKind
from domain.errors import Misconfigured
from runtime.alert_access import AlertAccess

FILE = "alerts.toml"


class Alerting(NamedTuple):
    """The rules of alerts, a way out for each channel, and where people reach the gateway."""

    rules: AlertRules
    senders: Mapping[str, Sender]
    public_url: str | None = None


def read_alerting(config_dir: Path, access: AlertAccess) -> Alerting:
    """Read `alerts.toml`, none: nobody is told. Raises Misconfigured with what is wrong or missing."""
    file = config_dir / FILE
    try:
        rules = AlertRules.parse(file.read_text(encoding="utf-8")) if file.is_file() else AlertRules()
    except UnicodeDecodeError as error:
        raise Misconfigured("alerts.toml: it is no text in UTF-8.", reason="alerts") from error
    _no_strangers(rules, access)
    senders = {name: _sender(name, channel, access) for name, channel in rules.channels.items()}
    return Alerting(rules, senders, access.public_url)


def _no_strangers(rules: AlertRules, access: AlertAccess) -> None:
    """A slip in a name must not send what belongs elsewhere, or nothing at all."""
    for variable, named in (("THREEWAY_ALERT_ADDRESSES", access.addresses), ("THREEWAY_ALERT_SECRETS", access.secrets)):
        strangers = sorted(set(named) - set(rules.channels))
        if strangers:
            detail = f"{variable}: names {', '.join(strangers)}, which alerts.toml does not declare as a channel."
            raise Misconfigured(detail, reason="alerts")


def _sender(name: str, channel: Channel, access: AlertAccess) -> Sender:
    if channel.kind is ChannelKind.MAIL:
        if access.smtp is None:
            raise Misconfigured(
                f"alerts.toml: channel {name} is mail, and THREEWAY_SMTP_HOST with THREEWAY_SMTP_FROM is not set.",
                reason="alerts",
            )
        return MailSender(SmtpConnection(**access.smtp.model_dump()), channel.to)
    address = _needed(name, access.addresses, "THREEWAY_ALERT_ADDRESSES")
    if channel.kind is ChannelKind.SLACK:
        return SlackSender(address)
    return WebhookSender(address, _needed(name, access.secrets, "THREEWAY_ALERT_SECRETS"))


def _needed(name: str, given: Mapping[str, SecretStr], variable: str) -> SecretStr:
    if name not in given:
        raise Misconfigured(f"{variable}: has no {name}=... for the channel {name} of alerts.toml.", reason="alerts")
    return given[name]
