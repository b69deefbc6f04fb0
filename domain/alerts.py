"""Alerts: who is told of which exceptions, and how severe they are, as `alerts.toml` declares it (feature G-I7)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from domain.errors import Misconfigured
from domain.exceptions import Cause, ExceptionKind
from domain.money import Money
from domain.stock_rules import FeedRules, QuietHours, Weekday


class Severity(StrEnum):
    """How soon somebody should look, from least to most."""

    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place among all."""
        return list(Severity).index(self)


class ChannelKind(StrEnum):
    """What takes alerts: a mailbox, an address of our own signed calls, an incoming webhook of Slack's form."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    SLACK = "slack"


class Phase(StrEnum):
    """What is told about an exception: that it came up, that it was not done in time, that it is over."""

    OPENED = "opened"
    OVERDUE = "overdue"
    CLOSED = "closed"


class When(StrEnum):
    """How soon a route tells: at once (outside quiet hours), or with the next digest."""

    AT_ONCE = "at_once"
    DIGEST = "digest"


class Channel(BaseModel):
    """One place that alerts go to. Its address and secrets stand in the environment, not here; mail names `to`.

    In quiet hours only what is at least `lets_through` is sent. Two messages that are not more urgent than the first
    lie at least `pause_minutes` apart: a storm becomes one message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChannelKind
    to: tuple[str, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    quiet_days: tuple[Weekday, ...] = ()
    holidays: tuple[date, ...] = ()
    lets_through: Severity = Severity.CRITICAL
    digest_at: tuple[time, ...] = ()
    pause_minutes: int = Field(default=5, ge=0, le=1440)

    @model_validator(mode="after")
    def _mail_has_readers(self) -> Self:
        if (self.kind is ChannelKind.MAIL) != bool(self.to):
            raise ValueError("a mail channel, and no other, names in `to` who reads it")
        if any("@" not in one or any(letter.isspace() or letter in ",;<>" for letter in one) for one in self.to):
            raise ValueError("`to` holds plain addresses such as billing@example.com")
        return self


class Subject(NamedTuple):
    """What is looked at of an exception to find out who is told."""

    kind: ExceptionKind
    cause: Cause
    owner: str
    money: Decimal | None
    overdue: bool = False


class Route(BaseModel):
    """Which exceptions a channel is told of; what is left out is every one. `overdue`: only once they are late."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str
    kinds: frozenset[ExceptionKind] = frozenset()
    causes: frozenset[Cause] = frozenset()
    owners: frozenset[str] = frozenset()
    severity_from: Severity = Severity.NORMAL
    money_from: Money | None = None
    overdue: bool = False
    closed: bool = True  # whether it is told of the end, too
    when: When = When.AT_ONCE

    @property
    def phase(self) -> Phase:
        """What this route tells of, beside the end."""
        return Phase.OVERDUE if self.overdue else Phase.OPENED

    def takes(self, subject: Subject, severity: Severity) -> bool:
        """Whether this exception goes this way."""
        named = (
            (self.kinds, subject.kind),
            (self.causes, subject.cause),
            (self.owners, subject.owner),
        )
        if any(allowed and one not in allowed for allowed, one in named):
            return False
        if self.overdue and not subject.overdue:
            return False
        worth = self.money_from is None or (subject.money is not None and subject.money >= self.money_from)
        return worth and severity.rank >= self.severity_from.rank


BUILT_IN: Mapping[Cause, Severity] = MappingProxyType(
    {
        Cause.WORKER_SILENT: Severity.CRITICAL,
        Cause.SCHEDULE_SILENT: Severity.CRITICAL,
        Cause.CONNECTION_REFUSED: Severity.CRITICAL,
        Cause.AUDIT_BROKEN: Severity.CRITICAL,
        Cause.EXPORT_MISSING: Severity.HIGH,
        Cause.RECONCILIATION_MISSED: Severity.HIGH,
        Cause.ALERT_UNDELIVERED: Severity.HIGH,
        Cause.STOCK_FEED_LATE: Severity.HIGH,
        Cause.ORDER_FILE_BLOCKED: Severity.HIGH,
        Cause.INVOICE_DUPLICATE: Severity.HIGH,
        Cause.RECONCILIATION_DRIFT: Severity.HIGH,
    }
)


class SeverityRules(BaseModel):
    """How severe an exception is: by its cause, else by its kind; more money makes it more severe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    causes: Mapping[Cause, Severity] = {}
    high_money: Money | None = None
    critical_money: Money | None = None

    def of(self, subject: Subject) -> Severity:
        """The severity of an exception."""
        built_in = BUILT_IN.get(subject.cause, self._of_kind(subject.kind))
        return max(
            self.causes.get(subject.cause, built_in), self._of_money(subject.money), key=lambda severity: severity.rank
        )

    def _of_kind(self, kind: ExceptionKind) -> Severity:
        troubled = kind in {ExceptionKind.UNCERTAIN, ExceptionKind.DEAD_LETTER}
        return Severity.HIGH if troubled else Severity.NORMAL

    def _of_money(self, money: Decimal | None) -> Severity:
        limits = ((self.critical_money, Severity.CRITICAL), (self.high_money, Severity.HIGH))
        reached = (word for limit, word in limits if limit is not None and money is not None and money >= limit)
        return next(reached, Severity.NORMAL)


class WatchRules(BaseModel):
    """What is missed when it falls silent: workers, the nightly reconciliation, the ERP's exports by their layout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(default=1, ge=0, le=1000)
    worker_minutes: int = Field(default=2, ge=1, le=1440)
    reconciliation_hours: int = Field(default=26, ge=1, le=24 * 31)
    exports: Mapping[str, FeedRules] = {}


class AlertRules(BaseModel):
    """The whole of `alerts.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Mapping[str, Channel] = {}
    routes: tuple[Route, ...] = ()
    severity: SeverityRules = SeverityRules()
    watch: WatchRules = WatchRules()

    @field_validator("channels")
    @classmethod
    def _names(cls, channels: Mapping[str, Channel]) -> Mapping[str, Channel]:
        for name in channels:
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40:
                raise ValueError(f"{name[:40]!r} is no name of a channel: use up to 40 letters, digits, - and _")
        return channels

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for number, route in enumerate(self.routes, start=1):
            channel = self.channels.get(route.channel)
            if channel is None:
                raise ValueError(f"route {number} leads to the channel {route.channel!r}, which is not declared")
            if route.when is When.DIGEST and not channel.digest_at:
                raise ValueError(f"route {number} is a digest, and channel {route.channel} has no `digest_at`")
        return self

    @classmethod
    def parse(cls, text: str) -> AlertRules:
        """Read the text of `alerts.toml`. Raises Misconfigured with one sentence for each thing that is wrong."""
        try:
            return cls.model_validate(tomllib.loads(text, parse_float=Decimal))
        except ValidationError as error:
            raise Misconfigured(f"alerts.toml: {_said(error)}", reason="alerts") from error
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"alerts.toml: it is not TOML: {error}", reason="alerts") from error


class Telling(NamedTuple):
    """That a channel is told of a phase of an exception: how severe it is, when, and whether of its end, too."""

    channel: str
    phase: Phase
    severity: Severity
    when: When
    tells_end: bool


def tellings(rules: AlertRules, subject: Subject) -> list[Telling]:
    """Who is told of an exception as it is now: once a channel and phase, by the most urgent of its routes."""
    severity = rules.severity.of(subject)
    found: dict[tuple[str, Phase], Telling] = {}
    for route in rules.routes:
        if not route.takes(subject, severity):
            continue
        one = Telling(route.channel, route.phase, severity, route.when, route.closed)
        known = found.setdefault((route.channel, route.phase), one)
        when = When.AT_ONCE if When.AT_ONCE in {known.when, one.when} else When.DIGEST
        found[route.channel, route.phase] = one._replace(when=when, tells_end=known.tells_end or one.tells_end)
    return list(found.values())


def is_overdue(due_at: datetime | None, now: datetime) -> bool:
    """Whether work was to be done by now."""
    return due_at is not None and due_at < now


def _said(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg'].removeprefix('Value error, ')}" for one in found
    )
