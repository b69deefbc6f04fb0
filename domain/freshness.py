"""How far a number may be trusted by its age: the feed's schedule, missed exports, the buffer (case I7)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.money import Quantity

HOUR = timedelta(hours=1)


class Confidence(StrEnum):
    """The word beside the number, as `Confidence__c` shows it."""

    FRESH = "fresh"
    AGING = "aging"
    STALE = "stale"
    UNKNOWN = "unknown"


FROM_BEST = (Confidence.FRESH, Confidence.AGING, Confidence.STALE, Confidence.UNKNOWN)


class Quiet(BaseModel):
    """A time in which no export is due, a night or a holiday: it does not age a number."""

    model_config = ConfigDict(frozen=True)

    starts_at: AwareDatetime
    ends_at: AwareDatetime


class FeedSchedule(BaseModel):
    """When exports are due. A number is fresh until one is late by `grace`, and ages with each further one missed.

    `aging_exports`, `stale_exports`: how many may be missed and the number is still only aging, only stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: timedelta = Field(default=HOUR, gt=timedelta(0))
    grace: timedelta = timedelta(minutes=15)
    aging_exports: int = Field(default=2, ge=1)
    stale_exports: int = Field(default=4, ge=1)
    quiet: tuple[Quiet, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> FeedSchedule:
        if self.stale_exports < self.aging_exports:
            raise ValueError("a number is aging before it is stale: stale_exports is at least aging_exports")
        return self

    def limit(self, confidence: Confidence) -> timedelta | None:
        """The age up to which this word holds; None: for ever."""
        exports = {
            Confidence.FRESH: 1,
            Confidence.AGING: 1 + self.aging_exports,
            Confidence.STALE: 1 + self.stale_exports,
        }
        return self.every * exports[confidence] + self.grace if confidence in exports else None


class BufferPolicy(BaseModel):
    """What is kept back because the ERP sells what the gateway cannot see; it widens with the age of the feed.

    `units` and `percent` (of the on hand) always; `units_per_hour` and `percent_per_hour` for every hour of age; never
    more than `cap_percent` of the on hand. Rounded up to a multiple of `step`, in base units. The age counts in whole
    exports that are late, or in steps of `widen_every_minutes` since the export: finer, and said again as often.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: Quantity = Decimal(0)
    percent: Decimal = Decimal(0)
    units_per_hour: Quantity = Decimal(0)
    percent_per_hour: Decimal = Decimal(0)
    cap_percent: Decimal = Field(default=Decimal(100), ge=0, le=100)
    step: Quantity = Field(default=Decimal(1), gt=0)
    widen_every_minutes: int | None = Field(default=None, gt=0)


def age(effective_at: datetime, at: datetime, schedule: FeedSchedule) -> timedelta:
    """The time since then in which exports were due; never negative."""
    quiet = sum((_overlap(effective_at, at, one) for one in _merged(schedule.quiet)), timedelta(0))
    return max(at - effective_at - quiet, timedelta(0))


def confidence(effective_at: datetime | None, at: datetime, schedule: FeedSchedule) -> Confidence:
    """The word for a number of that instant at this one; unknown where there is none."""
    if effective_at is None:
        return Confidence.UNKNOWN
    old = age(effective_at, at, schedule)
    fitting = (one for one in FROM_BEST if (limit := schedule.limit(one)) is None or old <= limit)
    return next(fitting)


def oldest(word: Confidence, at: datetime, schedule: FeedSchedule) -> datetime | None:
    """The oldest instant of which a number has this word or a better one now; None: any has (`confidence` inverted)."""
    limit = schedule.limit(word)
    if limit is None:
        return None
    instant = at - limit
    for one in reversed(_merged(schedule.quiet)):
        if one.starts_at < at and one.ends_at >= instant:
            instant -= min(one.ends_at, at) - one.starts_at
    return instant


def missed_exports(effective_at: datetime, at: datetime, schedule: FeedSchedule) -> int:
    """How many exports are late by more than the grace: one is an alarm."""
    late = age(effective_at, at, schedule) - schedule.grace
    return max(math.ceil(late / schedule.every) - 1, 0) if late > timedelta(0) else 0


def late_by(effective_at: datetime, at: datetime, schedule: FeedSchedule) -> timedelta:
    """What the exports that are late come to: the age by which a buffer widens, in whole steps of the schedule.

    Between two steps nothing about a number changes by itself, so nothing has to be said again.
    """
    return schedule.every * missed_exports(effective_at, at, schedule)


def widening(effective_at: datetime, at: datetime, schedule: FeedSchedule, policy: BufferPolicy) -> timedelta:
    """The age by which the buffer of a number of that instant is widened at this one, in whole steps of its policy."""
    if policy.widen_every_minutes is None:
        return late_by(effective_at, at, schedule)
    step = timedelta(minutes=policy.widen_every_minutes)
    return age(effective_at, at, schedule) // step * step


def changes_at(
    effective_at: datetime, at: datetime, schedule: FeedSchedule, policy: BufferPolicy | None = None
) -> datetime | None:
    """The last instant at which the number still stands as it does now; None when it is unknown: nothing follows.

    With a `policy` that widens in steps of its own, a step that comes earlier counts too.
    """
    if confidence(effective_at, at, schedule) is Confidence.UNKNOWN:
        return None
    due = [schedule.every * (missed_exports(effective_at, at, schedule) + 1) + schedule.grace]
    if policy and policy.widen_every_minutes:
        due.append(widening(effective_at, at, schedule, policy) + timedelta(minutes=policy.widen_every_minutes))
    return _after(effective_at, min(due), schedule)


def _after(effective_at: datetime, old: timedelta, schedule: FeedSchedule) -> datetime:
    """When a number of that instant has this age, quiet times left out."""
    ends_at = effective_at + old
    for one in _merged(schedule.quiet):
        if one.ends_at > effective_at and one.starts_at <= ends_at:
            ends_at += one.ends_at - max(one.starts_at, effective_at)
    return ends_at


def buffer(on_hand: Decimal, old: timedelta, policy: BufferPolicy) -> Decimal:
    """How much of this on hand is kept back at this age, exactly computed and then rounded up to the step."""
    hours = Fraction(old // timedelta(microseconds=1), HOUR // timedelta(microseconds=1))
    stock = Fraction(max(on_hand, Decimal(0)))
    share = (Fraction(policy.percent) + Fraction(policy.percent_per_hour) * hours) / 100
    wanted = Fraction(policy.units) + Fraction(policy.units_per_hour) * hours + stock * share
    capped = min(wanted, stock * Fraction(policy.cap_percent) / 100)
    return math.ceil(capped / Fraction(policy.step)) * policy.step


def worst(words: tuple[Confidence, ...]) -> Confidence:
    """The word for a number that is made of several; unknown for one that is made of none."""
    return max(words, key=FROM_BEST.index, default=Confidence.UNKNOWN)


def _overlap(starts_at: datetime, ends_at: datetime, quiet: Quiet) -> timedelta:
    return max(min(ends_at, quiet.ends_at) - max(starts_at, quiet.starts_at), timedelta(0))


def _merged(quiet: tuple[Quiet, ...]) -> list[Quiet]:
    """Times without overlaps, in order: a holiday that holds a night counts once."""
    merged: list[Quiet] = []
    for one in sorted(quiet, key=lambda each: each.starts_at):
        if merged and one.starts_at <= merged[-1].ends_at:
            ends_at = max(merged[-1].ends_at, one.ends_at)
            merged[-1] = Quiet(starts_at=merged[-1].starts_at, ends_at=ends_at)
        else:
            merged.append(one)
    return merged
