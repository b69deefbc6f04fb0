"""Receiving events of QuickBooks: committed to the inbox first, then the flows that read the records are woken."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import Engine
from temporalio.client import Client

from activities.master_marking import mark_merged
from activities.starting import look_at_books
from adapters.quickbooks.hooks import BookHint, Opened, check_signature, hints_of
from domain.book_changes import BookKind
from domain.book_work import QuickBooksEventWork
from domain.errors import Unavailable
from domain.links import LinkKind
from domain.sources import System
from store import inbox
from store.causes import Cause, CauseSource
from store.session import transaction

__all__ = ["EVENT", "BookHookReceiver", "EventsHeard", "Opened"]

log = structlog.get_logger()

EVENT = "event"  # as the inbox and the metrics know it
COMMIT_WITHIN = 1.8  # seconds; QuickBooks waits three for an answer, and sends what it had none for again
WAKE_WITHIN = 0.8  # seconds for waking a flow; the sweep starts what was not
TOGETHER = 100  # events that one flow reads
FIELDS = {
    BookKind.INVOICE: "invoices",
    BookKind.CREDIT_MEMO: "credit_memos",
    BookKind.PAYMENT: "payments",
    BookKind.CUSTOMER: "customers",
    BookKind.ITEM: "items",
}
MASTERS = {BookKind.CUSTOMER: LinkKind.CUSTOMER, BookKind.ITEM: LinkKind.ITEM}


class EventsHeard(BaseModel):
    """What became of a call's events: those kept now, known before, of other companies, and about nothing of ours."""

    model_config = ConfigDict(frozen=True)

    new: int
    known: int
    other_companies: int = 0
    ignored: int = 0


class BookHookReceiver:
    """Keeps events and wakes the flow that reads their records; an event that was kept before does nothing again.

    Without a `verifier` nobody can be believed: ask `verifier` before anything is read.
    """

    def __init__(self, engine: Engine, client: Client, verifier: SecretStr | None, realm: str) -> None:
        self._engine, self._client = engine, client
        self.verifier, self.realm = verifier, realm

    def open(self, body: bytes, signature: str | None, verifier: SecretStr) -> Opened:
        """The hints of a signed call. Raises NotAuthorized before, and Malformed while it is read."""
        check_signature(body, signature, verifier)
        return hints_of(body, self.realm)

    async def receive(self, opened: Opened) -> EventsHeard:
        """Keep events and wake the flow of the new ones. Once this returns they are durable.

        Raises Unavailable when the store takes too long: the call comes again, and what was kept is known then.
        """
        new = await self._keep_in_time(opened.hints)
        if new:
            await self._wake(new)
        return EventsHeard(
            new=len(new),
            known=len(opened.hints) - len(new),
            other_companies=opened.other_companies,
            ignored=opened.ignored,
        )

    async def _keep_in_time(self, hints: Sequence[BookHint]) -> list[inbox.InboxEntry]:
        if not hints:
            return []
        try:
            async with asyncio.timeout(COMMIT_WITHIN):
                return await asyncio.to_thread(self._keep, hints)
        except TimeoutError as error:
            raise Unavailable("The store takes too long: send the call again.", reason="slow_store") from error

    async def _wake(self, entries: Sequence[inbox.InboxEntry]) -> None:
        flows = {one.workflow_id: one for one in entries}
        try:
            async with asyncio.timeout(WAKE_WITHIN):
                for first in flows.values():
                    await look_at_books(self._client, first.workflow_id, first.workflow_input)
                await asyncio.to_thread(self._note_started, [one.id for one in entries])
        except Exception as error:  # noqa: BLE001 - whatever it is, the events are committed and the sweep wakes the flow
            log.warning("events are kept, their flow is woken later", error=type(error).__name__)

    def _keep(self, hints: Sequence[BookHint]) -> list[inbox.InboxEntry]:
        """Commit what is new, with the one flow that reads it and what was merged; answers the new rows."""
        with transaction(self._engine, _cause()) as session:
            known = inbox.known(session, System.QUICKBOOKS, [one.event_id for one in hints])
            new = list({one.event_id: one for one in hints if one.event_id not in known}.values())
            entries = inbox.receive_many(session, _arrivals(new, datetime.now(UTC)))
            for one in sorted(new, key=lambda hint: (hint.kind, hint.record_id)):
                if one.merged_into and one.kind in MASTERS:
                    mark_merged(session, System.QUICKBOOKS, MASTERS[one.kind], one.record_id, one.merged_into)
            return [one for one, is_new in entries if is_new]

    def _note_started(self, ids: Sequence[int]) -> None:
        with transaction(self._engine, _cause()) as session:
            inbox.mark_started(session, ids)


def _arrivals(hints: Sequence[BookHint], now: datetime) -> list[inbox.Arrival]:
    """What is told together is read together, so many records at a time."""
    by_record = sorted(hints, key=lambda one: (one.kind, len(one.record_id), one.record_id))
    blocks = (by_record[first : first + TOGETHER] for first in range(0, len(by_record), TOGETHER))
    return [arrival for block in blocks for arrival in _of_one_flow(block, now)]


def _of_one_flow(hints: Sequence[BookHint], now: datetime) -> list[inbox.Arrival]:
    named: dict[str, list[str]] = {}
    for one in hints:
        named.setdefault(FIELDS[one.kind], []).append(one.record_id)
    unique = {field: list(dict.fromkeys(ids)) for field, ids in named.items()}
    work = QuickBooksEventWork.model_validate({**unique, "hinted_at": now}).model_dump(mode="json")
    workflow_id = f"quickbooks-event/{_name(hints)}"
    return [
        inbox.Arrival(
            source=System.QUICKBOOKS,
            external_id=one.event_id,
            kind=EVENT,
            payload=_payload(one),
            workflow_type="QuickBooksEvent",
            workflow_id=workflow_id,
            workflow_input=work,
        )
        for one in hints
    ]


def _payload(hint: BookHint) -> dict[str, str]:
    merged = {"merged_into": hint.merged_into} if hint.merged_into else {}
    return {"object": hint.kind.value, "record_id": hint.record_id, **merged}


def _name(hints: Sequence[BookHint]) -> str:
    """One record is known by its kind and id, so that all events of it meet in one flow; several by all of theirs."""
    names = sorted({f"{one.kind.value}-{one.record_id}" for one in hints})
    return names[0] if len(names) == 1 else hashlib.sha256(" ".join(names).encode()).hexdigest()[:32]


def _cause() -> Cause:
    return Cause(source=CauseSource.QUICKBOOKS, actor="hook")
