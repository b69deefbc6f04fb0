"""Watching what falls silent: workers, schedules, exports of the ERP, the reconciliation; each is work for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio.client import Client, ScheduleDescription
from temporalio.service import RPCError, RPCStatusCode

from activities.schedules import SCHEDULES
from domain.alerts import WatchRules
from domain.company import Company
from domain.exceptions import Choice, ExceptionItem, ExceptionKind, Finding
from domain.silence import NIGHTLY, SILENT_CAUSES, ScheduleSeen, Seen, Silence, silences
from runtime import metrics
from store import alerts, cursors, exceptions, files, heartbeats
from store.causes import Cause, CauseSource
from store.reconciliation import runs
from store.session import transaction

DESK = "integration"  # who owns what is silent
PATIENCE_SECONDS = 10.0
WORKER = "worker"
UNWATCHED_AFTER = timedelta(minutes=10)  # nobody looked for so long: what is silent is so because everything was


class TemporalSeen(NamedTuple):
    """What Temporal said of the schedules; None: it did not answer."""

    schedules: tuple[ScheduleSeen, ...] | None


class SilenceWatch:
    """Looks, and opens or closes the work that follows; looking again changes nothing."""

    def __init__(self, engine: Engine, client: Client, company: Company, rules: WatchRules) -> None:
        self._engine, self._client, self._company, self._rules = engine, client, company, rules

    async def look(self) -> int:
        """Look at everything once; answers how much is silent. A Temporal that is away is one of the findings."""
        found = await self._temporal()
        return await asyncio.to_thread(self._judge, found, datetime.now(UTC))

    async def _temporal(self) -> TemporalSeen:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                seen = await asyncio.gather(*(self._schedule(name) for name in SCHEDULES))
        except (TimeoutError, RPCError, RuntimeError):
            return TemporalSeen(None)
        return TemporalSeen(tuple(seen))

    async def _schedule(self, name: str) -> ScheduleSeen:
        try:
            found = await self._client.get_schedule_handle(name).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return ScheduleSeen(name=name)
            raise
        return _seen(name, found)

    def _judge(self, temporal: TemporalSeen, now: datetime) -> int:
        cause = Cause(source=CauseSource.GATEWAY, actor="alerts")
        with transaction(self._engine, cause) as session:
            alerts.lock(session)
            seen = self._gather(session, temporal, now)
            found = silences(seen, self._rules, self._company.zone)
            _tell(session, found, now)
        return len(found)

    def _gather(self, session: Session, temporal: TemporalSeen, now: datetime) -> Seen:
        turn = cursors.get(session, alerts.TURN)
        kept = (turn.position if turn else None) or {}
        looked_at = datetime.fromisoformat(kept["looked_at"]) if kept.get("looked_at") else None
        lately = looked_at is not None and now - looked_at < UNWATCHED_AFTER
        since = datetime.fromisoformat(kept["watching_since"]) if lately else now
        away = None
        if temporal.schedules is None:
            away = datetime.fromisoformat(kept["away_since"]) if lately and kept.get("away_since") else now
        alerts.keep_seen(
            session,
            {
                "looked_at": now.isoformat(),
                "watching_since": since.isoformat(),
                "away_since": away.isoformat() if away else None,
            },
        )
        last = runs.last_finished(session)
        alive = heartbeats.alive(session, timedelta(minutes=self._rules.worker_minutes))
        return Seen(
            at=now,
            watching_since=since,
            workers=sum(one.role == WORKER for one in alive),
            worker_seen_at=heartbeats.last_of(session, WORKER),
            schedules=temporal.schedules or (),
            temporal_away_since=away,
            exports={layout: files.last_received(session, layout) for layout in self._rules.exports},
            reconciled_at=last.finished_at if last else None,
        )


def _seen(name: str, found: ScheduleDescription) -> ScheduleSeen:
    spec, info = found.schedule.spec, found.info
    every = min((one.every for one in spec.intervals), default=NIGHTLY)
    fired = [one.started_at for one in info.recent_actions]
    return ScheduleSeen(
        name=name,
        every=every,
        fired_at=max(fired, default=info.last_updated_at or info.created_at),
        paused=found.schedule.state.paused,
        under_way=bool(info.running_actions),
    )


def _tell(session: Session, found: Sequence[Silence], now: datetime) -> None:
    """Open work for what is silent, and close it where something is heard of again."""
    silent = {(one.record, one.cause) for one in found}
    open_now = {((item.record_type, item.record_key), item.cause): item for item in _open(session)}
    for about, item in open_now.items():
        if about not in silent:
            exceptions.close_by_itself(session, (item.record_type, item.record_key), now)
    for one in found:
        known = open_now.get((one.record, one.cause))
        if known is None and _is_settled(session, one):
            continue
        if known is None or known.sentence != one.sentence:
            _open_work(session, one)


def _open(session: Session) -> list[ExceptionItem]:
    return exceptions.open_of_causes(session, SILENT_CAUSES)


def _is_settled(session: Session, one: Silence) -> bool:
    """Whether a person said of this very silence that it is in order."""
    decided = exceptions.latest_resolution(session, one.record, one.cause)
    return decided is not None and decided.decided_at >= one.since


def _open_work(session: Session, one: Silence) -> None:
    finding = Finding(
        kind=ExceptionKind.HOLD,
        cause=one.cause,
        sentence=one.sentence,
        choices=(Choice.HANDLED,),
        subject=one.record[1],
    )
    metrics.count("exceptions_raised", kind=finding.kind, cause=finding.cause)
    exceptions.open_item(session, finding=finding, record=one.record, owner=DESK)
