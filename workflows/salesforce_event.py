"""`salesforce-event/<id>`: something is said to have happened to a record of Salesforce, so it is read again."""

from __future__ import annotations

from temporalio import workflow

from domain.exceptions import ORDER_CAUSES
from domain.work import OrdersNamed, OrdersPulled, SalesforceEventWork, Wake
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities
    from activities.waiting import WaitingActivities


@workflow.defn(name="SalesforceEvent")
class SalesforceEvent:
    """Read one record for as long as Salesforce takes; what is said meanwhile is one more read."""

    def __init__(self) -> None:
        self._step = "reading"
        self._asked = 0

    @workflow.run
    async def run(self, work: SalesforceEventWork) -> OrdersPulled:
        """Read the record as it is, keep it, and wake whatever waits for its order."""
        while True:
            asked = self._asked
            pulled: OrdersPulled = await workflow.execute_activity_method(
                OrderActivities.read_orders,
                OrdersNamed(order_ids=work.order_ids, line_ids=work.line_ids),
                **policies.READ_HINTED.options(),
            )
            if pulled.changed_count:
                wake = Wake(causes=ORDER_CAUSES, orders=pulled.changed, pulled=True)
                await workflow.execute_activity_method(WaitingActivities.wake, wake, **policies.STORE_BULK.options())
            if asked == self._asked:
                self._step = "done"
                return pulled
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> str:
        """Where the reading is."""
        return self._step

    @workflow.signal
    def again(self) -> None:
        """The record was named once more since this was started."""
        self._asked += 1
