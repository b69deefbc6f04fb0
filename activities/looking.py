"""Looking at orders: those that are marked are settled block by block, and flows are woken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client

from activities.order import SettlingActivities
from activities.starting import say_later, wake_order
from domain.order_work import OrderSettled, OrdersLook
from domain.work import PublishWork

AT_ONCE = 8  # starts under way at Temporal at the same time
BLOCKS = 50  # of marked orders, a look: a sweep comes again


class LookingActivities:
    """The step that brings the news of orders to their flows."""

    def __init__(self, client: Client, settling: SettlingActivities) -> None:
        self._client, self._settling = client, settling

    @activity.defn
    async def look_at_orders(self, _: OrdersLook) -> OrdersLook:
        """Settle every marked order, and every one whose wait is over, and wake the flows of those that need one.

        Many at once are one transaction and, for orders without trouble, one publication: no flow each. A flow that
        is not woken because of a crash here looks by itself; what waits for the ERP or Salesforce has sweeps.
        """
        await self._say_of_customers()
        taken = woken = 0
        for _block in range(BLOCKS):
            settled = await asyncio.to_thread(self._settling.settle_marked)
            if not settled:
                break
            activity.heartbeat()
            taken += len(settled)
            woken += await self._wake(settled)
        return OrdersLook(taken=taken, woken=woken)

    async def _say_of_customers(self) -> None:
        """Let Salesforce be told of customers whose balance moved; after a crash here they are told once more."""
        moved = await asyncio.to_thread(self._settling.moved_customers)
        if moved:
            work = PublishWork(shipments=[], customers=list(moved))
            await say_later(self._client, work, f"publication/customers/{uuid4().hex}")
            await asyncio.to_thread(self._settling.forget_moved, moved)

    async def _wake(self, settled: Sequence[OrderSettled]) -> int:
        own = [one.order_number for one in settled if one.flow]
        told = [one.order_number for one in settled if one.tell and not one.flow]
        limit = asyncio.Semaphore(AT_ONCE)

        async def wake(number: str) -> None:
            async with limit:
                await wake_order(self._client, number)
                activity.heartbeat()

        await asyncio.gather(*(wake(number) for number in own))
        if told:
            await say_later(self._client, PublishWork(shipments=[], orders=told), f"publication/orders/{uuid4().hex}")
        return len(own)
