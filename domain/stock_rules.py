"""The rules of stock as a distributor states them (`[stock]`, `[kits]` of company.toml), and the policies they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.freshness import BufferPolicy, FeedSchedule, Quiet
from domain.kits import Kit, KitPart
from domain.money import Money, Quantity
from domain.promises import AvailabilityPolicy
from domain.stock import Bucket
from domain.stock_guards import StockPolicy

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LOOK_BACK = timedelta(days=21)  # quiet times further away than this age nothing that is still shown
LOOK_AHEAD = timedelta(days=7)

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class QuietHours(BaseModel):
    """Local time in which no export is due, from `starts` to `ends` (the next day where that is not later)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: time
    ends: time


class FeedRules(BaseModel):
    """When the ERP's stock export is due, in minutes, and how many may be missed before a number is stale, unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_minutes: int = Field(default=60, gt=0)
    grace_minutes: int = Field(default=15, ge=0)
    aging_exports: int = Field(default=2, ge=1)
    stale_exports: int = Field(default=4, ge=1)
    quiet_hours: tuple[QuietHours, ...] = ()
    quiet_days: tuple[Weekday, ...] = ()
    holidays: tuple[date, ...] = ()

    def schedule(self, zone: ZoneInfo, at: datetime) -> FeedSchedule:
        """When exports are due around an instant, in the company's zone."""
        return FeedSchedule(
            every=timedelta(minutes=self.every_minutes),
            grace=timedelta(minutes=self.grace_minutes),
            aging_exports=self.aging_exports,
            stale_exports=self.stale_exports,
            quiet=tuple(_quiet(self, zone, at)),
        )


class StockRules(BaseModel):
    """How stock statements are doubted, what of them may be sold, and how much of it is kept back.

    `sellable` adds to or changes what each bucket is worth (case I10). `orders_from`: orders of an earlier day were
    settled before the gateway took over and ask for nothing. `reservation_minutes`: how long goods are kept for a quote
    that names no time. `version` names the rules in every stored decision.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "built-in"
    sellable: Mapping[str, bool] = {}
    shrink_percent: Decimal | None = Field(default=Decimal(10), ge=0)
    zero_percent: Decimal | None = Field(default=Decimal(60), ge=0)
    swing_percent: Decimal | None = Field(default=None, ge=0)
    swing_money: Money = Decimal(0)
    backorders_deduct: bool = True
    orders_from: date | None = None
    reservation_minutes: int = Field(default=60, gt=0)
    feed: FeedRules = FeedRules()
    buffer: BufferPolicy = BufferPolicy()

    @property
    def named_version(self) -> str:
        """The version and a digest of the rules: a changed rule under an old version is still another policy."""
        digest = hashlib.sha256(self.model_dump_json(exclude={"version"}).encode()).hexdigest()
        return f"{self.version}@{digest[:8]}"

    def guards(self) -> StockPolicy:
        """The policy by which statements are doubted."""
        return StockPolicy(
            version=self.named_version,
            sellable={**{str(one): one is Bucket.SELLABLE for one in Bucket}, **self.sellable},
            shrink_percent=self.shrink_percent,
            zero_percent=self.zero_percent,
            swing_percent=self.swing_percent,
            swing_money=self.swing_money,
        )

    def schedule(self, zone: ZoneInfo, at: datetime) -> FeedSchedule:
        """When exports are due around an instant, in the company's zone."""
        return self.feed.schedule(zone, at)

    def promises(self, zone: ZoneInfo, at: datetime) -> AvailabilityPolicy:
        """The policy by which is decided what can be promised at an instant."""
        return AvailabilityPolicy(
            version=self.named_version,
            feed=self.schedule(zone, at),
            buffer=self.buffer,
            backorders_deduct=self.backorders_deduct,
        )


class KitRules(BaseModel):
    """What one kit is made of: base units of each component by SKU (case O13)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: Mapping[str, Quantity] = Field(min_length=1)

    @field_validator("parts")
    @classmethod
    def _positive(cls, parts: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if any(quantity <= 0 for quantity in parts.values()):
            raise ValueError("a kit holds more than nothing of each component")
        return parts


def kits_of(rules: Mapping[str, KitRules]) -> dict[str, Kit]:
    """The kits by their SKU."""
    return {
        sku: Kit(sku=sku, parts=tuple(KitPart(sku=part, per_kit=quantity) for part, quantity in one.parts.items()))
        for sku, one in rules.items()
    }


def _quiet(feed: FeedRules, zone: ZoneInfo, at: datetime) -> Iterator[Quiet]:
    first, last = (at - LOOK_BACK).astimezone(zone).date(), (at + LOOK_AHEAD).astimezone(zone).date()
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if WEEKDAYS[day.weekday()] in feed.quiet_days or day in feed.holidays:
            yield Quiet(starts_at=_at(day, time(), zone), ends_at=_at(day + timedelta(days=1), time(), zone))
        for one in feed.quiet_hours:
            until = day if one.ends > one.starts else day + timedelta(days=1)
            yield Quiet(starts_at=_at(day, one.starts, zone), ends_at=_at(until, one.ends, zone))


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    # In UTC: two times of one zone are subtracted by their clocks, which the change of clocks makes wrong.
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
