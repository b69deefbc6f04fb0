"""What is missed when it falls silent: workers, schedules, exports of the ERP, the reconciliation (cases F13, X1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.alerts import WatchRules
from domain.exceptions import Cause
from domain.freshness import missed_exports

SILENT_CAUSES = (Cause.WORKER_SILENT, Cause.SCHEDULE_SILENT, Cause.EXPORT_MISSING, Cause.RECONCILIATION_MISSED)
FIRED_WITHIN = timedelta(minutes=5)  # a server under load may fire late
NIGHTLY = timedelta(days=1)
NIGHTLY_SLACK = timedelta(hours=2)
UNDER_WAY_FOR = timedelta(hours=12)  # a run that takes longer holds the next ones up
AWAY_FOR = timedelta(minutes=2)


class ScheduleSeen(BaseModel):
    """What Temporal says of a schedule; `every` None: it does not know it."""

    model_config = ConfigDict(frozen=True)

    name: str
    every: timedelta | None = None
    fired_at: AwareDatetime | None = None
    paused: bool = False
    under_way: bool = False


class Seen(BaseModel):
    """What was seen by `at`, of what is watched since `watching_since`; a time that is None: never.

    `schedules` are of a Temporal server that answers; `temporal_away_since`: it does not.
    """

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    watching_since: AwareDatetime
    workers: int
    worker_seen_at: AwareDatetime | None = None
    schedules: tuple[ScheduleSeen, ...] = ()
    temporal_away_since: AwareDatetime | None = None
    exports: Mapping[str, AwareDatetime | None] = {}
    reconciled_at: AwareDatetime | None = None


class Silence(NamedTuple):
    """Something that should have been heard of: the record, a sentence, and since when it is silent."""

    cause: Cause
    record: tuple[str, str]
    sentence: str
    since: datetime


def silences(seen: Seen, rules: WatchRules, zone: ZoneInfo) -> list[Silence]:
    """Everything that is silent for longer than it may be."""
    found = [_workers(seen, rules, zone), _temporal(seen, zone), _reconciliation(seen, rules, zone)]
    found += [_schedule(one, seen, zone) for one in seen.schedules]
    return [*(one for one in found if one is not None), *_exports(seen, rules, zone)]


def _workers(seen: Seen, rules: WatchRules, zone: ZoneInfo) -> Silence | None:
    patience = timedelta(minutes=rules.worker_minutes)
    if seen.workers >= rules.workers or seen.at - seen.watching_since < patience:
        return None
    record, since = ("worker", "all"), seen.worker_seen_at or seen.watching_since
    if seen.workers:
        sentence = f"Only {seen.workers} of {rules.workers} workers were heard of lately. The others take no work."
        return Silence(Cause.WORKER_SILENT, record, sentence, since)
    sentence = f"No worker was heard of since {_clock(since, zone)}: nothing is booked or read. Start one."
    return Silence(Cause.WORKER_SILENT, record, sentence, since)


def _temporal(seen: Seen, zone: ZoneInfo) -> Silence | None:
    since = seen.temporal_away_since
    if since is None or seen.at - since < AWAY_FOR:
        return None
    sentence = (
        f"Temporal does not answer since {_clock(since, zone)}: no flow goes on and nothing comes round by itself."
    )
    return Silence(Cause.SCHEDULE_SILENT, ("temporal", "server"), sentence, since)


def _schedule(one: ScheduleSeen, seen: Seen, zone: ZoneInfo) -> Silence | None:
    record, since = ("schedule", one.name), one.fired_at or seen.watching_since
    quiet_for = seen.at - max(since, seen.watching_since)
    if one.paused:
        sentence = f"The schedule {one.name} is paused: nobody does its work. Let it go on in Temporal's Web UI."
        return Silence(Cause.SCHEDULE_SILENT, record, sentence, since)
    if quiet_for <= _patience(one):
        return None
    if one.every is None:
        sentence = f"Temporal does not know the schedule {one.name}: a worker makes it when it starts."
    elif one.under_way:
        sentence = f"The run of {one.name} that began {_clock(since, zone)} does not end, and holds up the next ones."
    else:
        sentence = f"The schedule {one.name} did not fire since {_clock(since, zone)}."
    return Silence(Cause.SCHEDULE_SILENT, record, sentence, since)


def _patience(one: ScheduleSeen) -> timedelta:
    if one.under_way:
        return UNDER_WAY_FOR
    if one.every is None:
        return FIRED_WITHIN
    return one.every + NIGHTLY_SLACK if one.every >= NIGHTLY else max(one.every * 3, FIRED_WITHIN)


def _reconciliation(seen: Seen, rules: WatchRules, zone: ZoneInfo) -> Silence | None:
    since = seen.reconciled_at or seen.watching_since
    if seen.at - since <= timedelta(hours=rules.reconciliation_hours):
        return None
    told = f"since {_clock(since, zone)}" if seen.reconciled_at else "yet"
    sentence = (
        f"No reconciliation was finished {told}: whether the systems agree is not known. See `threeway reconcile`."
    )
    return Silence(Cause.RECONCILIATION_MISSED, ("reconciliation", "nightly"), sentence, since)


def _exports(seen: Seen, rules: WatchRules, zone: ZoneInfo) -> Iterator[Silence]:
    for layout, feed in sorted(rules.exports.items()):
        came_at = seen.exports.get(layout)
        since = came_at or seen.watching_since
        if not missed_exports(since, seen.at, feed.schedule(zone, seen.at)):
            continue
        told = f"The newest came {_clock(since, zone)}" if came_at else "None ever came"
        sentence = f"An export of layout {layout} is missing. {told}. Ask the ERP's operators why its job did not run."
        yield Silence(Cause.EXPORT_MISSING, ("export", layout), sentence, since)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
