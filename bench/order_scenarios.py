"""The branches of an order's workflow, played on stand-in activities: each answers the workflow and run to keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.order_work import OrderAct, OrderProgress, OrderWork
from domain.work import OrdersWritten
from tests.workflows.stage import Stage, until
from tests.workflows.steps import settled

Kept = tuple[str, str | None]

ORDER = OrderWork(order_number="SO700400")
ORDER_ID = "order/SO700400"
CLOSED = settled("SO700400", "closed", shows="Closed", closed=True, allowed=[], flow=False)


async def _waits(stage: Stage) -> bool:
    progress = await stage.client.get_workflow_handle(ORDER_ID).query("status", result_type=OrderProgress)
    return progress.step == "waiting for news"


async def _lived(stage: Stage) -> Kept:
    """From acceptance through the ERP, a decision and news to its end."""
    stage.steps.answer(
        "settle_order",
        settled("SO700400", "accepted", shows="Submitted", send=True, tell=True),
        settled("SO700400", "sent", shows="Submitted", tell=True),
        settled("SO700400", "sent", shows="Submitted"),
        *[settled("SO700400", "cancelling", shows="Cancel Requested", send=True, tell=True)] * 2,
        settled("SO700400", "cancelling", shows="Cancel Requested"),
        CLOSED,
    )
    stage.steps.answer("write_orders", OrdersWritten(files=[1], orders=["SO700400"]))
    handle = await stage.start("OrderLifecycle", ORDER, ORDER_ID)
    await until(lambda: stage.steps.times("settle_order") == 2)
    await until(lambda: _waits(stage))
    decision = OrderAct(
        order_number="SO700400", act="cancel", reason="The customer called", decided_by="pat", key="cancel-1"
    )
    await handle.execute_update("act", decision, id="cancel-1", result_type=OrderProgress)
    await until(lambda: stage.steps.times("settle_order") >= 6)
    await until(lambda: _waits(stage))
    await handle.signal("look")
    await handle.result()
    return ORDER_ID, handle.first_execution_run_id


async def _waiting(stage: Stage) -> Kept:
    """An open workflow: what a new version meets when it is installed."""
    stage.steps.answer("settle_order", settled("SO700400", tell=True), settled("SO700400"))
    handle = await stage.start("OrderLifecycle", ORDER, ORDER_ID)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("settle_order") == looks)
        await until(lambda: _waits(stage))
        if looks < 3:
            await handle.signal("look")
    return ORDER_ID, None


ORDERS: dict[str, Callable[[Stage], Awaitable[Kept]]] = {
    "OrderLifecycle.lived": _lived,
    "OrderLifecycle.waiting": _waiting,
}
