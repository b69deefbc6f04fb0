"""`stock/all`: what can be promised is decided whenever something changes, and shown in Salesforce; it never ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.work import PublishWork, StockDecided, StockWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.stock import StockActivities
    from activities.stock_publication import StockPublicationActivities
    from workflows.publication import start_publication

WORKFLOW_ID = "stock/all"
ROUNDS = 400  # looks before the history starts afresh
GRACE = timedelta(seconds=5)  # for a publication under way when a history ends
SETTLE = timedelta(milliseconds=200)  # changes that come in a burst are decided together


@workflow.defn(name="StockPromises")
class StockPromises:
    """Decisions and their publication, side by side: an outage of Salesforce never holds up a shortage."""

    @workflow.init
    def __init__(self, work: StockWork) -> None:
        self._work = work
        self._looks = 1  # it was started because something changed
        self._seen = self._rounds = 0
        self._news = self._shown = 0
        self._decided: StockDecided | None = None

    @workflow.run
    async def run(self, _: StockWork) -> None:
        """Decide, show, and wait for the next change: of stock, of orders, of quotes, or of the clock."""
        showing = asyncio.create_task(self._keep_showing())
        while self._rounds < ROUNDS and not workflow.info().is_continue_as_new_suggested():
            self._seen = self._looks
            decided = await self._decide()
            if decided.written:
                self._news += 1
            await self._tell(decided)
            if not decided.more:
                await self._wait(decided)
        await self._let_it_finish(showing)
        workflow.continue_as_new(self._work)

    async def _decide(self) -> StockDecided:
        self._rounds += 1
        try:
            self._decided = await workflow.execute_activity_method(
                StockActivities.decide_stock, self._work, **policies.STORE_BULK.options()
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("stock could not be decided", extra={"why": str(error.cause)})
            return StockDecided(next_at=workflow.now() + policies.LOOK_AGAIN_AFTER)
        return self._decided

    async def _tell(self, decided: StockDecided) -> None:
        """Let the orders that a shortage hits say so, in a publication of their own."""
        if decided.orders:
            name = f"publication/stock/{workflow.info().run_id}/{self._rounds}"
            await start_publication(PublishWork(shipments=[], orders=decided.orders), name)
        self._work = StockWork(told=decided.orders)

    async def _wait(self, decided: StockDecided) -> None:
        """Until something changes, or a number changes by itself."""
        until = decided.next_at - workflow.now() if decided.next_at else None
        timeout = None if until is None else max(until + timedelta(seconds=1), timedelta(seconds=1))
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._looks > self._seen, timeout=timeout)
        await workflow.sleep(SETTLE)

    async def _keep_showing(self) -> None:
        """Show what is new for as long as Salesforce takes; what came meanwhile goes with the next round."""
        while True:
            news = self._news
            try:
                await workflow.execute_activity_method(
                    StockPublicationActivities.publish_stock, StockWork(), **policies.PUBLISH_STOCK.options()
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("stock could not be shown", extra={"why": str(error.cause)})
                await workflow.sleep(policies.SHOW_AGAIN_AFTER)
                continue
            self._shown = news
            await self._wait_for_news(news)

    async def _wait_for_news(self, shown: int) -> None:
        await workflow.wait_condition(lambda: self._news > shown)

    async def _let_it_finish(self, showing: asyncio.Task[None]) -> None:
        """A publication under way gets a little time; what it does not finish, the next run begins with."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._shown == self._news, timeout=GRACE)
        showing.cancel()
        with suppress(asyncio.CancelledError, ActivityError):
            await showing

    @workflow.signal
    def look(self) -> None:
        """Something changed."""
        self._looks += 1

    @workflow.signal
    def recheck(self) -> None:
        """Somebody decided something: what was refused may have to be shown again, too."""
        self._looks += 1
        self._news += 1

    @workflow.query
    def status(self) -> StockDecided | None:
        """What the last look came to; None before the first."""
        return self._decided
