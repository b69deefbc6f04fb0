"""`salesforce-event/<id>`: something is said to have happened to records of Salesforce, so they are read again."""

from __future__ import annotations

from temporalio import workflow

from domain.exceptions import ORDER_CAUSES
from domain.order_work import OrdersNamed, OrdersPulled, SalesforceEventProgress, SalesforceEventWork
from domain.work import Wake
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities
    from activities.waiting import WaitingActivities


@workflow.defn(name="SalesforceEvent")
class SalesforceEvent:
    """Read the records that a hint names. However many hints come while they are read, that is one more read.

    A read that cannot succeed ends this in the open: the poll of orders reads everything that a hint could name.
    """

    @workflow.init
    def __init__(self, work: SalesforceEventWork) -> None:
        self._named = OrdersNamed(order_ids=work.order_ids, line_ids=work.line_ids, hinted_at=work.hinted_at)
        self._asked = 0
        self._progress = SalesforceEventProgress(step="reading")

    @workflow.run
    async def run(self, _: SalesforceEventWork) -> SalesforceEventProgress:
        """Read the records as they are, wake whatever waits for their orders, and look whether more was said."""
        while True:
            asked = self._asked
            await self._wake(await self._read())
            if asked == self._asked:
                self._progress = self._progress.model_copy(update={"step": "done"})
                return self._progress
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    SalesforceEventWork(order_ids=self._named.order_ids, line_ids=self._named.line_ids)
                )

    async def _read(self) -> OrdersPulled:
        pulled: OrdersPulled = await workflow.execute_activity_method(
            OrderActivities.read_orders, self._named, **policies.READ_HINTED.options()
        )
        self._named = self._named.model_copy(update={"hinted_at": None})
        changed = sorted({*self._progress.changed, *pulled.changed})
        self._progress = SalesforceEventProgress(step="reading", reads=self._progress.reads + 1, changed=changed)
        return pulled

    async def _wake(self, pulled: OrdersPulled) -> None:
        if pulled.changed_count:
            wake = Wake(causes=ORDER_CAUSES, orders=pulled.changed, pulled=True)
            await workflow.execute_activity_method(WaitingActivities.wake, wake, **policies.STORE_BULK.options())

    @workflow.query
    def status(self) -> SalesforceEventProgress:
        """How far the reading is."""
        return self._progress

    @workflow.signal
    def again(self) -> None:
        """The records were named once more."""
        self._asked += 1
