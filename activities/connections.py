"""Connections: whether each vendor lets us in and has what the gateway needs, looked at now and then by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlmodel import Session

from domain.errors import GatewayError
from store import heartbeats
from store.causes import Cause, CauseSource
from store.session import reading, transaction

log = structlog.get_logger()

ROLE = "connection"
LOOK_EVERY = timedelta(minutes=10)  # QuickBooks meters reads: two calls each time are some nine thousand a month
FORGOTTEN_AFTER = timedelta(days=1)

Checks = Mapping[str, Callable[[], str]]


class DailyCalls(BaseModel):
    """A system's pool of calls a day, as it stated it itself at `seen_at`: what others used of it counts, too."""

    model_config = ConfigDict(frozen=True)

    used: int
    limit: int
    left: int
    seen_at: datetime

    @classmethod
    def of(cls, used: int, limit: int, seen_at: datetime) -> DailyCalls:
        """What is left of it is never less than nothing, though a system lets more through now and then."""
        return cls(used=used, limit=limit, left=max(0, limit - used), seen_at=seen_at)


Pools = Mapping[str, Callable[[], DailyCalls | None]]


class Connection(BaseModel):
    """What the last look at a system came to, in one sentence; `code` names the error, if it was one.

    `pool`: its calls of the day where it has such a pool and has said so within a day.
    """

    model_config = ConfigDict(frozen=True)

    system: str
    ok: bool
    sentence: str
    code: str | None = None
    looked_at: datetime
    pool: DailyCalls | None = None


async def keep_looking(engine: Engine, checks: Checks, pools: Pools | None = None) -> None:
    """Look at every system at the start and then every ten minutes, until cancelled."""
    while True:
        for system, check in checks.items():
            await asyncio.to_thread(look, engine, system, check, (pools or {}).get(system))
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def look(
    engine: Engine, system: str, check: Callable[[], str], pool: Callable[[], DailyCalls | None] | None = None
) -> Connection:
    """Look at one system and keep what came of it; a store that is away is only logged."""
    found = _looked(system, check)
    stated = pool() if pool else None  # only now: the look itself has just been told
    found = found.model_copy(update={"pool": stated})
    try:
        with transaction(engine, Cause(source=CauseSource.GATEWAY, actor="worker")) as session:
            if pool is not None and stated is None:  # a worker that could not ask yet knows less than the one before
                found = found.model_copy(update={"pool": _pool_before(session, system)})
            heartbeats.beat(session, f"{ROLE}/{system}", ROLE, found.model_dump(mode="json"))
    except GatewayError as error:
        log.warning("what was seen of a connection could not be kept", system=system, error=error.detail)
    return found


def _looked(system: str, check: Callable[[], str]) -> Connection:
    try:
        return Connection(system=system, ok=True, sentence=check(), looked_at=datetime.now(UTC))
    except GatewayError as error:
        return Connection(system=system, ok=False, sentence=error.detail, code=error.code, looked_at=datetime.now(UTC))


def _pool_before(session: Session, system: str) -> DailyCalls | None:
    """What the look before knew of the pool, unless a day has filled it again since."""
    before = next((one.pool for one in _looks(session) if one.system == system), None)
    is_of_today = before is not None and datetime.now(UTC) - before.seen_at < FORGOTTEN_AFTER
    return before if is_of_today else None


def last_looks(engine: Engine) -> list[Connection]:
    """What the last look at each system came to, by system; none: no worker has looked within a day."""
    with reading(engine) as session:
        return _looks(session)


def _looks(session: Session) -> list[Connection]:
    alive = heartbeats.alive(session, FORGOTTEN_AFTER)
    return [Connection.model_validate(one.details) for one in alive if one.role == ROLE]
