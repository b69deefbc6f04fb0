"""What a worker does beside its work: it says that it is alive, and keeps the company's own lists in the store."""

from __future__ import annotations

import asyncio
import os
import socket

import structlog
from sqlalchemy import Engine

from domain.company import Company
from domain.errors import GatewayError
from store import exception_rules, heartbeats, warehouses
from store.causes import Cause, CauseSource
from store.session import transaction
from store.stock import marks

log = structlog.get_logger()

BEAT_SECONDS = 10


def process_name() -> str:
    """A name for this process that a person can find it by."""
    return f"{socket.gethostname()}/{os.getpid()}"


async def keep_beating(engine: Engine, role: str) -> None:
    """Say every ten seconds that this process is alive, until cancelled; a database that is away is only logged."""
    while True:
        try:
            await asyncio.to_thread(_beat, engine, role)
        except GatewayError as error:
            log.warning("the heartbeat could not be written", error=error.detail)
        await asyncio.sleep(BEAT_SECONDS)


def _beat(engine: Engine, role: str) -> None:
    with transaction(engine, Cause(source=CauseSource.GATEWAY, actor=role)) as session:
        heartbeats.beat(session, process_name(), role)


def write_company(engine: Engine, company: Company) -> None:
    """Bring `company.toml` into the store: warehouses, whose work is what, promises by other rules. Idempotent."""
    cause = Cause(source=CauseSource.GATEWAY, actor="worker", reference={"file": "company.toml"})
    with transaction(engine, cause) as session:
        warehouses.upsert(session, company.warehouses)
        exception_rules.write(session, company.exceptions)
        version = company.stock.named_version
        marks.mark_found(session, marks.OTHER_POLICY, "the rules changed", version=version)
