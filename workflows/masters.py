"""`masters-pull/...`: what changed in the systems' customers, items and terms is looked for, and their flows woken."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.master_work import MastersLook, MastersPulled, MastersWoken, MastersWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.master_marking import MasterMarking
    from activities.master_polls import QuickBooksMasterPoll, SalesforceMasterPoll


@workflow.defn(name="MastersPull")
class MastersPull:
    """One look at both systems; where one of them does not answer, the other is looked at all the same."""

    def __init__(self) -> None:
        self._result: MastersPulled | None = None

    @workflow.run
    async def run(self, work: MastersWork) -> MastersPulled:
        """Pull what changed, and wake the flows of the records that did."""
        pulled = await asyncio.gather(self._pull_salesforce(work), self._pull_quickbooks(work))
        found = MastersPulled(
            read=sum(one.read for one in pulled),
            adopted=sum(one.adopted for one in pulled),
            changed=sum(one.changed for one in pulled),
        )
        await wake_marked()
        self._result = found
        return found

    @workflow.query
    def status(self) -> MastersPulled | None:
        """What was pulled, None while the poll is under way."""
        return self._result

    async def _pull_salesforce(self, work: MastersWork) -> MastersPulled:
        try:
            pulled: MastersPulled = await workflow.execute_activity_method(
                SalesforceMasterPoll.pull_salesforce_masters, work, **policies.POLL_ORDERS.options()
            )
        except ActivityError as error:
            workflow.logger.warning("Salesforce's masters could not be read: %s", error.cause)
            return MastersPulled()
        return pulled

    async def _pull_quickbooks(self, work: MastersWork) -> MastersPulled:
        try:
            pulled: MastersPulled = await workflow.execute_activity_method(
                QuickBooksMasterPoll.pull_quickbooks_masters, work, **policies.POLL_INVOICES.options()
            )
        except ActivityError as error:
            workflow.logger.warning("QuickBooks' masters could not be read: %s", error.cause)
            return MastersPulled()
        return pulled


async def wake_marked() -> None:
    """Wake the flows of marked records until no mark is left."""
    more = True
    while more:
        woken: MastersWoken = await workflow.execute_activity_method(
            MasterMarking.wake_masters, MastersLook(), **policies.STORE_BULK.options()
        )
        more = woken.more
