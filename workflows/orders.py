"""`orders-pull/...`: what changed in Salesforce's orders since the last look is brought into the canonical store."""

from __future__ import annotations

from temporalio import workflow

from domain.exceptions import ORDER_CAUSES
from domain.order_work import OrdersPulled, OrdersWork
from domain.work import Wake
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities
    from activities.waiting import WaitingActivities


@workflow.defn(name="OrdersPull")
class OrdersPull:
    """One look at Salesforce's orders, by `SystemModstamp` with overlap."""

    def __init__(self) -> None:
        self._result: OrdersPulled | None = None

    @workflow.run
    async def run(self, work: OrdersWork) -> OrdersPulled:
        """Pull what changed, and wake the shipments that waited for one of the changed orders."""
        pulled: OrdersPulled = await workflow.execute_activity_method(
            OrderActivities.pull_orders, work, **policies.POLL_ORDERS.options()
        )
        self._result = pulled
        if pulled.changed_count:
            wake = Wake(causes=ORDER_CAUSES, orders=pulled.changed, pulled=True)
            await workflow.execute_activity_method(WaitingActivities.wake, wake, **policies.STORE_BULK.options())
        return pulled

    @workflow.query
    def status(self) -> OrdersPulled | None:
        """What was pulled, None while the poll is under way."""
        return self._result
