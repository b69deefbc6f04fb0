"""Receiving hints from Salesforce: committed to the inbox first, then the flow of each record is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.service import RPCError

from activities.starting import look_at_record
from domain.sources import System
from domain.work import SalesforceEventWork
from runtime import metrics
from store import inbox
from store.causes import Cause, CauseSource
from store.session import transaction

log = structlog.get_logger()

PATIENCE = 3  # seconds for waking flows: the caller waits, and the sweep starts what was not
ORDER_LINE = "OrderItem"


class HookReceiver:
    """Keeps hints and wakes their flows; what was kept before is known and does nothing again."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self._engine, self._client = engine, client

    async def receive(self, hints: Sequence[tuple[str, str, str | None]], kind: str) -> int:
        """Keep hints (event id, object, record id) and wake the flows of new ones; answers how many were new.

        Once this returns the hints are durable. While Temporal is away the sweep starts their flows.
        """
        new = await asyncio.to_thread(self._keep, hints, kind)
        metrics.count("hooks", len(new), kind=kind, outcome="new")
        metrics.count("hooks", len(hints) - len(new), kind=kind, outcome="known")
        try:
            async with asyncio.timeout(PATIENCE):
                for entry in new:
                    await look_at_record(self._client, entry.workflow_id, entry.workflow_input)
                    await asyncio.to_thread(self._note_started, entry.id)
        except (TimeoutError, RPCError, RuntimeError) as error:
            log.warning("hints are kept, their flows start later", error=type(error).__name__)
        return len(new)

    def _keep(self, hints: Sequence[tuple[str, str, str | None]], kind: str) -> list[inbox.InboxEntry]:
        arrivals = [_arrival(event_id, sobject, record_id, kind) for event_id, sobject, record_id in hints]
        with transaction(self._engine, _cause()) as session:
            known = inbox.receive_many(session, arrivals)
            # What names no record needs no flow: the poll finds out what became of it.
            inbox.mark_started(session, [one.id for one, _ in known if not _names_one(one)])
        return [one for one, is_new in known if is_new and _names_one(one)]

    def _note_started(self, entry_id: int) -> None:
        with transaction(self._engine, _cause()) as session:
            inbox.mark_started(session, [entry_id])


def _names_one(entry: inbox.InboxEntry) -> bool:
    work = SalesforceEventWork.model_validate(entry.workflow_input)
    return bool(work.order_ids or work.line_ids)


def _arrival(event_id: str, sobject: str, record_id: str | None, kind: str) -> inbox.Arrival:
    named = [record_id] if record_id else []
    work = SalesforceEventWork(line_ids=named) if sobject == ORDER_LINE else SalesforceEventWork(order_ids=named)
    return inbox.Arrival(
        source=System.SALESFORCE,
        external_id=event_id,
        kind=kind,
        payload={"object": sobject, "record_id": record_id},
        workflow_type="SalesforceEvent",
        workflow_id=f"salesforce-event/{record_id or event_id}",
        workflow_input=work.model_dump(mode="json"),
    )


def _cause() -> Cause:
    return Cause(source=CauseSource.SALESFORCE, actor="hook")
