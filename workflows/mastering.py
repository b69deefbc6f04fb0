"""`customer/<number>`, `item/<sku>`, `terms/<code>`: one record among the systems, brought to what is agreed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.links import LinkKind
from domain.master_work import MasterDecided, MasterProgress, MasterWork, MasterWrite, MasterWritten
from domain.sources import System
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.mastering import MergingActivities, QuickBooksMasterActivities, SalesforceMasterActivities

BURST = timedelta(milliseconds=100)  # news that come together are one look


@workflow.defn(name="MasterMerge")
class MasterMerge:
    """Level-triggered: whatever the news is, every side is read, one decision is made, and what it says is written.

    One flow a record, so that nothing about it happens twice at once. It waits while a person is asked.
    """

    @workflow.init
    def __init__(self, work: MasterWork) -> None:
        self._work = work
        self._step = "reading"
        self._looks = 1  # it was started because there is news
        self._seen = self._rounds = self._stale = 0
        self._waiting = 0

    @workflow.run
    async def run(self, work: MasterWork) -> MasterProgress:
        """Look until nothing is left to do, then wait for news as long as somebody is asked."""
        while True:
            is_settled = await self._look()
            if is_settled and not self._waiting and self._looks == self._seen:
                self._step = "done"
                return self.status()
            await self._wait_for_news(is_settled)
            if self._rounds >= policies.MASTER_ROUNDS or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> MasterProgress:
        """Where the record is, and how many questions about it wait for a person."""
        work = self._work
        return MasterProgress(kind=work.kind, key=work.key, step=self._step, waiting=self._waiting, rounds=self._rounds)

    @workflow.signal
    def look(self) -> None:
        """Something about the record has changed somewhere."""
        self._looks += 1

    @workflow.signal
    def recheck(self) -> None:
        """A person has decided a question about the record."""
        self._looks += 1

    async def _look(self) -> bool:
        """One look; False where it has to be taken again soon."""
        self._seen, self._rounds = self._looks, self._rounds + 1
        self._step = "reading"
        try:
            await self._read()
        except ActivityError:  # a connection that refuses us: it is told of elsewhere, the record waits
            self._step = "waiting for a system"
            return False
        self._step = "deciding"
        decided: MasterDecided = await workflow.execute_local_activity_method(
            MergingActivities.decide_master, self._work, **policies.STORE_STEP.local_options()
        )
        if decided.again:
            self._looks += 1
            return True
        if decided.writes:
            return await self._write(decided)
        self._waiting, self._stale = decided.waiting, 0
        return True

    async def _read(self) -> None:
        reads = [
            workflow.execute_activity_method(
                QuickBooksMasterActivities.read_quickbooks_master,
                self._work,
                **policies.READ_MASTER_QUICKBOOKS.options(),
            )
        ]
        if self._work.kind is not LinkKind.TERMS:  # Salesforce keeps none
            reads.append(
                workflow.execute_activity_method(
                    SalesforceMasterActivities.read_salesforce_master,
                    self._work,
                    **policies.READ_MASTER_SALESFORCE.options(),
                )
            )
        await asyncio.gather(*reads)

    async def _write(self, decided: MasterDecided) -> bool:
        """Write what was decided; where a record changed under it, read and decide again instead of keeping it."""
        self._step = "writing"
        try:
            written = await asyncio.gather(
                *(self._write_one(system, write_id) for system, write_id in sorted(decided.writes.items()))
            )
        except ActivityError:
            self._step = "waiting for a system"
            return False
        if any(one.stale for one in written):
            self._stale += 1
            return False
        self._step = "keeping"
        settled: MasterDecided = await workflow.execute_local_activity_method(
            MergingActivities.settle_master, self._work, **policies.STORE_STEP.local_options()
        )
        self._waiting, self._stale = settled.waiting, 0
        return True

    async def _write_one(self, system: System, write_id: int) -> MasterWritten:
        work = MasterWrite(write_id=write_id)
        if system is System.SALESFORCE:
            return await workflow.execute_activity_method(
                SalesforceMasterActivities.write_salesforce_master, work, **policies.WRITE_MASTER_SALESFORCE.options()
            )
        return await workflow.execute_activity_method(
            QuickBooksMasterActivities.write_quickbooks_master, work, **policies.WRITE_MASTER_QUICKBOOKS.options()
        )

    async def _wait_for_news(self, is_settled: bool) -> None:  # noqa: FBT001 - the outcome of the look before
        if self._looks > self._seen:
            return
        if is_settled:
            self._step, timeout = "waiting for a person", policies.MASTER_LOOKS_AFTER
        elif self._stale:
            timeout = min(timedelta(seconds=2**self._stale), policies.MASTER_TRIES_AGAIN_AFTER)
        else:
            timeout = policies.MASTER_TRIES_AGAIN_AFTER
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._looks > self._seen, timeout=timeout)
        await workflow.sleep(BURST)
