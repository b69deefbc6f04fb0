"""`reconciliation/<day>`: the three systems are read by a road of their own and compared with the store (G-H1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from domain.reconcile_work import (
    ReconcileConcluded,
    ReconcileCounted,
    ReconcileFailed,
    ReconcileOpened,
    ReconcilePart,
    ReconcileRefresh,
    ReconcileWork,
)
from domain.work import PublishWork, StockWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import ReconciliationActivities
    from activities.reconciliation_reads import BooksReading, ErpReading, OrgReading
    from activities.waiting import WaitingActivities
    from workflows.publication import start_publication


@workflow.defn(name="ReconciliationNight")
class ReconciliationNight:
    """What the schedule starts: it opens the run of the company's day and lets it live under its own name."""

    @workflow.run
    async def run(self, work: ReconcileWork) -> str:
        """Open a run and start it, also one that was opened and never started; one under way is left to itself."""
        opened: ReconcileOpened = await workflow.execute_activity_method(
            ReconciliationActivities.reconcile_open, work, **policies.RECONCILE.options()
        )
        named = work.model_copy(update={"run_id": opened.run_id})
        try:
            await workflow.start_child_workflow(
                Reconciliation.run,
                named,
                id=f"reconciliation/{opened.run_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("the run is under way already")
        return opened.run_id


@workflow.defn(name="Reconciliation")
class Reconciliation:
    """One run: read, compare, read again what differs, conclude, put right what is unambiguous."""

    def __init__(self) -> None:
        self._step = "opening"

    @workflow.run
    async def run(self, work: ReconcileWork) -> ReconcileConcluded:
        """Make the run that was opened; when a system stays away it fails in the open, and the next one begins anew."""
        try:
            concluded = await self._reconciled(work)
        except ActivityError as error:
            self._step = "failed"
            failed = ReconcileFailed(run_id=work.run_id, why=str(error.cause or error))
            await workflow.execute_activity_method(
                ReconciliationActivities.reconcile_fail, failed, **policies.STORE_STEP.options()
            )
            raise
        await self._put_right(concluded)
        self._step = "done"
        return concluded

    async def _reconciled(self, work: ReconcileWork) -> ReconcileConcluded:
        steps = ReconciliationActivities
        opened: ReconcileOpened = await workflow.execute_activity_method(
            steps.reconcile_open, work, **policies.RECONCILE.options()
        )
        part = ReconcilePart(run_id=opened.run_id)
        await self._read(part)
        self._step = "comparing"
        suspects: ReconcileCounted = await workflow.execute_activity_method(
            steps.reconcile_compare, part, **policies.RECONCILE.options()
        )
        if suspects.records:
            self._step = "waiting before the second read"
            await workflow.sleep(opened.second_read_seconds)
            await self._read(part.model_copy(update={"again": True}))
        self._step = "concluding"
        concluded: ReconcileConcluded = await workflow.execute_activity_method(
            steps.reconcile_conclude, part, **policies.RECONCILE.options()
        )
        return concluded

    async def _read(self, part: ReconcilePart) -> None:
        """The vendors and the files side by side, then the store, which has heard of what they said meanwhile."""
        self._step = "reading again what differs" if part.again else "reading"
        vendors: list[Awaitable[Any]] = [
            workflow.execute_activity_method(BooksReading.reconcile_books, part, **policies.READ_BOOKS.options()),
            workflow.execute_activity_method(OrgReading.reconcile_org, part, **policies.READ_ORG.options()),
            workflow.execute_activity_method(ErpReading.reconcile_erp, part, **policies.READ_EXPORTS.options()),
        ]
        await asyncio.gather(*vendors)
        await workflow.execute_activity_method(
            ReconciliationActivities.reconcile_store, part, **policies.RECONCILE.options()
        )

    async def _put_right(self, concluded: ReconcileConcluded) -> None:
        """What only one thing can be meant by: missed invoices are read, and Salesforce is told again."""
        self._step = "putting right"
        if concluded.refresh:
            refresh = ReconcileRefresh(run_id=concluded.run_id, invoices=concluded.refresh)
            read: ReconcileCounted = await workflow.execute_activity_method(
                BooksReading.reconcile_refresh, refresh, **policies.READ_BOOKS.options()
            )
            shipments = tuple(dict.fromkeys((*concluded.shipments, *read.shipments)))
            concluded = concluded.model_copy(update={"shipments": shipments})
        if concluded.stock:
            await workflow.execute_activity_method(
                WaitingActivities.wake_stock, StockWork(), **policies.STORE_STEP.options()
            )
        for first, again in enumerate(_publications(concluded)):
            await start_publication(again, f"publication/reconciliation/{concluded.run_id}/{first}")

    @workflow.query
    def status(self) -> str:
        """What the run is doing."""
        return self._step


def _publications(concluded: ReconcileConcluded) -> list[PublishWork]:
    """What is to be said again, in parts that one publication can say."""
    size = policies.PUBLISHED_TOGETHER
    whole = {name: list(getattr(concluded, name)) for name in ("shipments", "orders", "customers")}
    longest = max(len(some) for some in whole.values())
    return [
        PublishWork(**{name: some[first : first + size] for name, some in whole.items()})
        for first in range(0, longest, size)
    ]
