"""Receiving hints from Salesforce: committed to the inbox first, then the flow that reads the records is woken."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio.client import Client

from activities.starting import look_at_records, wake_master
from adapters.salesforce.hooks import ACK, Hint, Sender, check_secret, check_signature, hints_of_call, hints_of_message
from domain.links import LinkKind
from domain.master_work import MasterWork
from domain.order_work import SalesforceEventWork
from domain.sources import System
from store import inbox, links
from store.causes import Cause, CauseSource
from store.session import transaction

__all__ = ["ACK", "Heard", "Hint", "HookReceiver", "Sender"]

log = structlog.get_logger()

PATIENCE = 3.0  # seconds for waking a flow: the caller waits, and the sweep starts what was not


class Heard(BaseModel):
    """How many hints a call held, and how many of them were new; those that were known did nothing."""

    model_config = ConfigDict(frozen=True)

    hints: int
    new: int


class HookReceiver:
    """Keeps hints and wakes the flow that reads their records; a hint that was kept before does nothing again.

    Without a `secret` nobody can be believed: ask `secret` before anything is read.
    """

    def __init__(self, engine: Engine, client: Client, secret: SecretStr | None, sender: Sender) -> None:
        self._engine, self._client = engine, client
        self.secret, self.sender = secret, sender

    def of_call(self, body: bytes, signature: str | None, secret: SecretStr) -> list[Hint]:
        """The hints of a flow's signed call. Raises NotAuthorized before, and Malformed while it is read."""
        check_signature(body, signature, secret)
        return hints_of_call(body, self.sender, datetime.now(UTC))

    def of_message(self, body: bytes, given: str, secret: SecretStr) -> list[Hint]:
        """The hints of an outbound message at the address with this secret. Raises NotAuthorized and Malformed."""
        check_secret(given, secret)
        return hints_of_message(body, self.sender)

    async def receive(self, hints: Sequence[Hint], kind: str) -> Heard:
        """Keep hints and wake the flow of the new ones. Once this returns they are durable.

        Records that are named together are read together. While Temporal is away the sweep wakes the flow later.
        """
        new = await asyncio.to_thread(self._keep, hints, kind)
        named = [one for one in new if one.started_at is None]
        if named:
            await self._wake(named)
        return Heard(hints=len(hints), new=len(new))

    async def _wake(self, entries: Sequence[inbox.InboxEntry]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                for one in {entry.workflow_id: entry for entry in entries}.values():
                    await self._wake_one(one)
            await asyncio.to_thread(self._note_started, [one.id for one in entries])
        except Exception as error:  # noqa: BLE001 - whatever it is, the hints are committed and the sweep wakes the flow
            log.warning("hints are kept, their flow is woken later", error=type(error).__name__)

    async def _wake_one(self, entry: inbox.InboxEntry) -> None:
        if entry.workflow_type == "MasterMerge":
            work = MasterWork.model_validate(entry.workflow_input)
            await wake_master(self._client, work.kind, work.key, work.reason)
        else:
            await look_at_records(self._client, entry.workflow_id, entry.workflow_input)

    def _keep(self, hints: Sequence[Hint], kind: str) -> list[inbox.InboxEntry]:
        """Commit what is new, with the one flow that reads it; answers the new rows."""
        with transaction(self._engine, _cause()) as session:
            known = inbox.known(session, System.SALESFORCE, [one.event_id for one in hints])
            new = list({one.event_id: one for one in hints if one.event_id not in known}.values())
            masters, keys = [one for one in new if one.master], _linked(session, new)
            orders = [one for one in new if not one.master]
            arrivals = [*_arrivals(orders, kind, datetime.now(UTC)), *(_master(one, kind, keys) for one in masters)]
            entries = inbox.receive_many(session, arrivals)
            # What names no record needs no flow: the poll finds out what became of it. Nor does a master of no link.
            nameless = {one.event_id for one in new if one.record_id is None}
            nameless |= {one.event_id for one in masters if one.record_id not in keys}
            gone = [one.id for one, _ in entries if one.external_id in nameless]
            inbox.mark_started(session, gone)
            return [
                one.model_copy(update={"started_at": one.received_at}) if one.id in gone else one
                for one, is_new in entries
                if is_new
            ]

    def _note_started(self, ids: Sequence[int]) -> None:
        with transaction(self._engine, _cause()) as session:
            inbox.mark_started(session, ids)


def _linked(session: Session, hints: Sequence[Hint]) -> dict[str, str]:
    """Our own keys of the masters that hints name, by their ids, as far as they are linked."""
    found: dict[str, str] = {}
    for kind in {one.master for one in hints if one.master}:
        ids = [one.record_id for one in hints if one.master is kind and one.record_id]
        found |= links.local_keys(session, System.SALESFORCE, kind, ids)
    return found


def _master(hint: Hint, kind: str, keys: Mapping[str, str]) -> inbox.Arrival:
    """The inbox row of a hint about a customer or an item; its own flow reads the record."""
    what, record_id = hint.master or LinkKind.CUSTOMER, hint.record_id or ""
    key = keys.get(record_id, record_id)
    return inbox.Arrival(
        source=System.SALESFORCE,
        external_id=hint.event_id,
        kind=kind,
        payload={"object": what.value, "record_id": hint.record_id},
        workflow_type="MasterMerge",
        workflow_id=f"{what.value}/{key}",
        workflow_input=MasterWork(kind=what, key=key, reason="hook").model_dump(mode="json"),
    )


def _arrivals(hints: Sequence[Hint], kind: str, now: datetime) -> list[inbox.Arrival]:
    orders = sorted({one.record_id for one in hints if one.record_id and not one.is_line})
    lines = sorted({one.record_id for one in hints if one.record_id and one.is_line})
    work = SalesforceEventWork(order_ids=orders, line_ids=lines, hinted_at=now).model_dump(mode="json")
    workflow_id = f"salesforce-event/{_name([*orders, *lines])}"
    return [
        inbox.Arrival(
            source=System.SALESFORCE,
            external_id=one.event_id,
            kind=kind,
            payload={"object": "order_line" if one.is_line else "order", "record_id": one.record_id},
            workflow_type="SalesforceEvent",
            workflow_id=workflow_id,
            workflow_input=work,
        )
        for one in hints
    ]


def _name(record_ids: Sequence[str]) -> str:
    """One record is known by its own Id, so that all hints of it meet in one flow; several by all of theirs."""
    if len(record_ids) == 1:
        return record_ids[0]
    return hashlib.sha256(" ".join(record_ids).encode()).hexdigest()[:32]


def _cause() -> Cause:
    return Cause(source=CauseSource.SALESFORCE, actor="hook")
