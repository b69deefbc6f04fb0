"""Activities that set work going: shipments that wait are woken, troubled ones handed over, lost starts made good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.boundary import keeping_alive
from activities.looking import LookingActivities
from activities.master_marking import MasterMarking
from activities.orders import TO_WAKE
from activities.starting import (
    is_known,
    is_running,
    look_at_books,
    look_at_records,
    start_once,
    wake_credit,
    wake_master,
    wake_shipment,
    wake_stock,
)
from domain.master_work import MastersLook, MasterWork
from domain.order_work import OrdersLook
from domain.work import HandOver, PublishWork, StockWork, SweepWork, Swept, Wake
from runtime import metrics
from store import cursors, exceptions, inbox, order_marks, order_messages, order_states, shipments, statements
from store.causes import Cause, CauseSource
from store.returned import SHIPMENTS_TO_LOOK
from store.session import reading, transaction
from store.stock import levels, marks

log = structlog.get_logger()

AT_ONCE = 8  # starts under way at Temporal at the same time
STRANDED_AFTER = timedelta(minutes=3)  # longer than any step takes when all is well
UNPUBLISHED_AFTER = timedelta(minutes=10)  # Salesforce has usually been told within seconds
SAY_AGAIN_FOR = timedelta(days=7)  # an order may be gone from Salesforce: nothing is ever said of it
UNSENT_AFTER = timedelta(minutes=1)  # an order's flow writes its message within seconds
AT_A_TIME = 200  # orders that are said again in one publication
STOCK_WAITS = timedelta(seconds=2)  # whoever changes stock wakes its flow within this, if at all
LOOK_AGAIN_AFTER = timedelta(minutes=30)  # at what waits for a cause to go away, should its going have been missed


class WaitingActivities:
    """Steps that need the store and Temporal's client."""

    def __init__(
        self, engine: Engine, client: Client, looking: LookingActivities, marking: MasterMarking | None = None
    ) -> None:
        self._engine, self._client, self._looking = engine, client, looking
        self._marking = marking or MasterMarking(engine, client)

    @activity.defn
    async def hand_over(self, work: HandOver) -> int:
        """Let each of these shipments go on in a workflow of its own; repeating it only makes them look again."""
        await self._wake_all(work.shipments)
        return len(work.shipments)

    @activity.defn
    async def hand_over_credits(self, work: HandOver) -> int:
        """Let the corrections of these shipments go on in workflows of their own; repeating it only makes them look."""
        for number in work.shipments:
            await wake_credit(self._client, number)
        return len(work.shipments)

    @activity.defn
    async def wake(self, work: Wake) -> int:
        """Let every shipment that waits for one of these causes look again; answers how many."""
        async with keeping_alive():
            pulled = await asyncio.to_thread(self._pulled, work)
            numbers = await asyncio.to_thread(self._waiting, work)
            await self._wake_all(numbers)
            if pulled:
                await asyncio.to_thread(self._strike, pulled)
            if await asyncio.to_thread(self._stock_waits, timedelta(0)):
                await wake_stock(self._client)
            await self._looking.look_at_orders(OrdersLook())
        return len(numbers)

    @activity.defn
    async def wake_stock(self, _: StockWork) -> None:
        """Let what can be promised be decided again, and orders that the same news bear on be looked at."""
        async with keeping_alive():
            await wake_stock(self._client)
            await self._looking.look_at_orders(OrdersLook())

    @activity.defn
    async def sweep(self, work: SweepWork) -> Swept:
        """Start what is in the inbox without a workflow, and hand over shipments that nothing has moved for a while."""
        parts = {
            "inbox": self._sweep_inbox,
            "shipments": self._sweep_shipments,
            "publications": self._publish_unpublished,
            "orders": self._sweep_orders,
            "masters": self._sweep_masters,
            "stock": self._sweep_stock,
        }
        done: dict[str, int] = {}
        failed: Exception | None = None
        async with keeping_alive():
            for name, part in parts.items():
                try:
                    done[name] = await part(work)
                except Exception as error:  # noqa: BLE001 - one part that fails never keeps the others from going on
                    log.warning("a part of the sweep failed", part=name, error=type(error).__name__)
                    failed = failed or error
        if failed:
            raise failed
        return Swept(**{name: count for name, count in done.items() if name in Swept.model_fields})

    async def _sweep_inbox(self, work: SweepWork) -> int:
        """What was committed and never started."""
        entries = await asyncio.to_thread(self._unstarted, work)
        return sum([await self._start(entry) for entry in [*entries, *await self._lost()]])

    async def _sweep_shipments(self, _: SweepWork) -> int:
        """Shipments that nothing has moved for a while."""
        numbers = await asyncio.to_thread(self._stranded)
        await self._wake_all(numbers)
        return len(numbers)

    async def _sweep_orders(self, _: SweepWork) -> int:
        """Orders that are marked, or have something to tell the ERP that nobody wrote."""
        await asyncio.to_thread(self._mark_unsent)
        return (await self._looking.look_at_orders(OrdersLook())).taken

    async def _sweep_masters(self, _: SweepWork) -> int:
        """Customers, items and terms that are marked."""
        await self._marking.wake_masters(MastersLook())
        return 0

    async def _sweep_stock(self, work: SweepWork) -> int:
        """Changes of stock that nobody was told of."""
        is_lost = await self._stock_is_lost(min(STOCK_WAITS, timedelta(seconds=work.older_than_seconds)))
        if is_lost:
            await wake_stock(self._client)
        return int(is_lost)

    async def _publish_unpublished(self, work: SweepWork) -> int:
        """Say in Salesforce what a lost publication left unsaid; one at a time, so that an outage piles nothing up."""
        if not work.republish:
            return 0
        unsaid = await asyncio.to_thread(self._unpublished)
        count = len(unsaid.shipments) + len(unsaid.customers) + len(unsaid.orders)
        if count:
            await start_once(self._client, "Publication", "publication/unpublished", unsaid)
        return count

    async def _lost(self) -> list[inbox.InboxEntry]:
        """Files on their way of whose flow Temporal knows nothing: its state is disposable, and may have been lost."""
        on_their_way = await asyncio.to_thread(self._on_their_way)
        return [entry for entry in on_their_way if not await is_known(self._client, entry.workflow_id)]

    async def _stock_is_lost(self, older_than: timedelta) -> bool:
        """Whether a change of stock waits that nobody was told of, or nobody watches the age of its numbers."""
        if await asyncio.to_thread(self._stock_waits, older_than):
            return True
        has_feeds = await asyncio.to_thread(self._has_feeds)
        return has_feeds and not await is_running(self._client, "stock/all")

    async def _start(self, entry: inbox.InboxEntry) -> bool:
        """Start what an arrival asks for; one that Temporal refuses waits for the next sweep and holds up no other."""
        try:
            if entry.workflow_type == "SalesforceEvent":  # what was read may have changed since: it is read once more
                await look_at_records(self._client, entry.workflow_id, entry.workflow_input)
            elif entry.workflow_type == "MasterMerge":  # likewise
                work = MasterWork.model_validate(entry.workflow_input)
                await wake_master(self._client, work.kind, work.key, work.reason)
            elif entry.workflow_type == "QuickBooksEvent":
                await look_at_books(self._client, entry.workflow_id, entry.workflow_input)
            else:
                await start_once(self._client, entry.workflow_type, entry.workflow_id, entry.workflow_input)
        except RPCError as error:
            log.warning("an arrival could not be started", workflow=entry.workflow_id, error=str(error))
            await asyncio.to_thread(self._note, inbox.mark_attempted, entry.id)
            return False
        await asyncio.to_thread(self._note, inbox.mark_started, entry.id)
        metrics.count("relayed", kind=entry.kind)
        return True

    async def _wake_all(self, numbers: Sequence[str]) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(number: str) -> None:
            async with limit:
                await wake_shipment(self._client, number)
                activity.heartbeat()

        await asyncio.gather(*(one(number) for number in numbers))

    def _waiting(self, work: Wake) -> list[str]:
        with reading(self._engine) as session:
            waiting = exceptions.waiting_shipments(session, work.causes)
            if not work.orders:
                return waiting
            of_them = set(shipments.of_orders(session, work.orders))
            return [number for number in waiting if number in of_them]

    def _pulled(self, work: Wake) -> cursors.Notes:
        """The pulled orders that this waking is for: those that are named, else all that are noted by now."""
        if not work.pulled:
            return {}
        with reading(self._engine) as session:
            notes = cursors.notes(session, TO_WAKE)
        return {number: note for number, note in notes.items() if not work.orders or number in work.orders}

    def _strike(self, pulled: cursors.Notes) -> None:
        with transaction(self._engine, Cause(source=CauseSource.GATEWAY, actor="poll")) as session:
            cursors.strike_notes(session, TO_WAKE, pulled)

    def _unstarted(self, work: SweepWork) -> Sequence[inbox.InboxEntry]:
        cause = Cause(source=CauseSource.GATEWAY, actor="sweep")
        with transaction(self._engine, cause) as session:
            return inbox.unstarted(session, 200, timedelta(seconds=work.older_than_seconds))

    def _on_their_way(self) -> Sequence[inbox.InboxEntry]:
        with reading(self._engine) as session:
            return inbox.of_unfinished_files(session, datetime.now(UTC) - STRANDED_AFTER)

    def _note(self, mark: Callable[[Session, Sequence[int]], None], entry_id: int) -> None:
        with transaction(self._engine, Cause(source=CauseSource.GATEWAY, actor="sweep")) as session:
            mark(session, [entry_id])

    def _stock_waits(self, older_than: timedelta) -> bool:
        with reading(self._engine) as session:
            count, oldest_at = marks.waiting(session)
            return bool(count) and oldest_at is not None and oldest_at <= datetime.now(UTC) - older_than

    def _has_feeds(self) -> bool:
        with reading(self._engine) as session:
            return bool(levels.feeds(session))

    def _unpublished(self) -> PublishWork:
        """Invoices that Salesforce never showed, orders and customers that a person wanted to be said again in vain,
        and orders of which something changed and whose publication was lost."""
        with reading(self._engine) as session:
            now = datetime.now(UTC)
            again = statements.to_say_again(session, now - SAY_AGAIN_FOR, now - STRANDED_AFTER)
            numbers = shipments.unpublished(session, now - UNPUBLISHED_AFTER) + shipments.of_orders(session, again)
            customers = statements.accounts_to_say_again(session, now - SAY_AGAIN_FOR, now - STRANDED_AFTER)
            changed = order_states.unsaid(session, now - STRANDED_AFTER, AT_A_TIME)
        return PublishWork(shipments=list(dict.fromkeys(numbers)), customers=customers, orders=changed)

    def _mark_unsent(self) -> None:
        """Messages for the ERP that nobody has written into a file: their orders' flows take them up again."""
        with transaction(self._engine, Cause(source=CauseSource.GATEWAY, actor="sweep")) as session:
            waiting = order_messages.unsent(session, datetime.now(UTC) - UNSENT_AFTER)
            order_marks.mark(session, waiting, "not written for the ERP yet")

    def _stranded(self) -> list[str]:
        with reading(self._engine) as session:
            now = datetime.now(UTC)
            left = shipments.stranded(session, now - STRANDED_AFTER)
            left += shipments.known(session, cursors.noted(session, SHIPMENTS_TO_LOOK))
            left += shipments.unattended(session, now - LOOK_AGAIN_AFTER)
            return list(dict.fromkeys(left))
