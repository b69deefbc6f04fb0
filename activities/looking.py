"""Looking at orders: those that are marked are settled block by block, and flows are woken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client

from activities.order import SettlingActivities
from activities.starting import say_later, wake_order
from domain.order_work import OrderSettled, OrdersLook
from domain.work import PublishWork

AT_ONCE = 8  # starts under way at Temporal at the same time
LOOKS_FOR = 20.0  # seconds; what is left then has the next look, at the latest the sweep's
HELD_SECONDS = 0.2  # when all that are marked are held by others


class LookingActivities:
    """The step that brings the news of orders to their flows."""

    def __init__(self, client: Client, settling: SettlingActivities) -> None:
        self._client, self._settling = client, settling

    @activity.defn
    async def look_at_orders(self, _: OrdersLook) -> OrdersLook:
        """Settle every marked order, and every one whose wait is over, and wake the flows of those that need one.

        Many at once are one transaction and, for orders without trouble, one publication: no flow each. A flow that
        is not woken because of a crash here looks by itself; what waits for the ERP or Salesforce has sweeps. While
        another process looks, this one leaves it to that: it sees what is marked by now when its block is done.
        """
        await self._say_of_customers()
        taken = woken = 0
        until = time.monotonic() + LOOKS_FOR
        while time.monotonic() < until and await asyncio.to_thread(self._settling.has_marked):
            settled = await asyncio.to_thread(self._settling.settle_marked)
            if settled is None:
                break
            if not settled:
                await asyncio.sleep(HELD_SECONDS)
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
        """Wake the flows of orders of which anything changed; the news that changed nothing has been looked at."""
        own = [one.order_number for one in settled if one.flow and (one.tell or one.send)]
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
