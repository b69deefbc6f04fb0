"""When an alert may be sent: quiet hours and digest times in the company's zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.alerts import Channel, Severity, When
from domain.stock_rules import WEEKDAYS, QuietHours

MINUTE = timedelta(minutes=1)
LOOK_AHEAD_MINUTES = 60 * 24 * 15  # holidays in a row are fewer


def is_quiet(channel: Channel, at: datetime, zone: ZoneInfo) -> bool:
    """Whether a channel is to be left in peace at an instant, by the clock on the wall."""
    local = at.astimezone(zone)
    if WEEKDAYS[local.weekday()] in channel.quiet_days or local.date() in channel.holidays:
        return True
    return any(_holds(one, local) for one in channel.quiet_hours)


def _holds(quiet: QuietHours, local: datetime) -> bool:
    clock = local.time()
    if quiet.starts < quiet.ends:
        return quiet.starts <= clock < quiet.ends
    return clock >= quiet.starts or clock < quiet.ends


def due_at(channel: Channel, when: When, severity: Severity, now: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which a channel may be told of this."""
    if when is When.DIGEST:
        return _next_digest(channel, now, zone)
    if severity.rank >= channel.lets_through.rank:
        return now
    return _first_loud(channel, now, zone)


def _first_loud(channel: Channel, now: datetime, zone: ZoneInfo) -> datetime:
    """Minute by minute: that is right where clocks are put forward or back; reckoning with times of day is not."""
    if not is_quiet(channel, now, zone):
        return now
    minute = _minute(now)
    for _ in range(LOOK_AHEAD_MINUTES):
        minute += MINUTE
        if not is_quiet(channel, minute, zone):
            return minute
    return minute  # a channel that is quiet for ever is told after two weeks all the same


def _next_digest(channel: Channel, now: datetime, zone: ZoneInfo) -> datetime:
    """The next minute that is, or passes over, a time of the digest. An hour that comes twice has it once."""
    minute = _minute(now)
    before = minute.astimezone(zone)
    for _ in range(LOOK_AHEAD_MINUTES):
        minute += MINUTE
        local = minute.astimezone(zone)
        if any(_passes(one, before, local) for one in channel.digest_at):
            return minute
        before = local
    return minute


def _passes(clock: time, before: datetime, local: datetime) -> bool:
    if local.fold:
        return False
    same_day = before.date() == local.date()
    return before.time() < clock <= local.time() if same_day else clock <= local.time()


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
