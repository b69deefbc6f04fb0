"""Connections: whether each vendor lets us in and has what the gateway needs, looked at now and then by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from domain.errors import GatewayError
from store import heartbeats
from store.causes import Cause, CauseSource
from store.session import reading, transaction

log = structlog.get_logger()

ROLE = "connection"
LOOK_EVERY = timedelta(minutes=10)  # QuickBooks meters reads: two calls each time are some nine thousand a month
FORGOTTEN_AFTER = timedelta(days=1)

Checks = Mapping[str, Callable[[], str]]


class Connection(BaseModel):
    """What the last look at a system came to, in one sentence; `code` names the error, if it was one."""

    model_config = ConfigDict(frozen=True)

    system: str
    ok: bool
    sentence: str
    code: str | None = None
    looked_at: datetime


async def keep_looking(engine: Engine, checks: Checks) -> None:
    """Look at every system at the start and then every ten minutes, until cancelled."""
    while True:
        for system, check in checks.items():
            await asyncio.to_thread(look, engine, system, check)
        await asyncio.sleep(LOOK_EVERY.total_seconds())


def look(engine: Engine, system: str, check: Callable[[], str]) -> Connection:
    """Look at one system and keep what came of it; a store that is away is only logged."""
    try:
        found = Connection(system=system, ok=True, sentence=check(), looked_at=datetime.now(UTC))
    except GatewayError as error:
        found = Connection(system=system, ok=False, sentence=error.detail, code=error.code, looked_at=datetime.now(UTC))
    try:
        with transaction(engine, Cause(source=CauseSource.GATEWAY, actor="worker")) as session:
            heartbeats.beat(session, f"{ROLE}/{system}", ROLE, found.model_dump(mode="json"))
    except GatewayError as error:
        log.warning("what was seen of a connection could not be kept", system=system, error=error.detail)
    return found


def last_looks(engine: Engine) -> list[Connection]:
    """What the last look at each system came to, by system; none: no worker has looked within a day."""
    with reading(engine) as session:
        alive = heartbeats.alive(session, FORGOTTEN_AFTER)
    return [Connection.model_validate(one.details) for one in alive if one.role == ROLE]
