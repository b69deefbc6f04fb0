"""`order/<number>`: one order from its acceptance until nothing more can happen to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.order_work import OrderAct, OrderProgress, OrderSettled, OrderWork
from runtime.names import ORDER_NUMBER, WORK_STATE
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.order import SettlingActivities
    from activities.order_export import OrderExportActivities
    from domain.work import ExportWork, OrdersWritten
    from workflows.publication import publish_later

BURST = timedelta(milliseconds=100)  # news that come together are one look


@workflow.defn(name="OrderLifecycle")
class OrderLifecycle:
    """The order's own flow: it looks whenever there is news of the order, and does what follows from its state."""

    @workflow.init
    def __init__(self, work: OrderWork) -> None:
        self._number = work.order_number
        self._step = "looking"
        self._looks = 1  # it was started because there is news
        self._seen = self._rounds = 0
        self._settled = OrderSettled(order_number=work.order_number)

    @workflow.run
    async def run(self, work: OrderWork) -> OrderProgress:
        """Settle what is true, hand the ERP what it has to know, tell Salesforce, and wait for news."""
        workflow.upsert_search_attributes([ORDER_NUMBER.value_set(self._number)])
        while True:
            await self._look()
            if self._settled.send:
                await self._hand_over()
            if self._settled.tell:
                await self._tell()
            if self._is_over():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._looks == self._seen:
                    return self._ended()
            await self._wait_for_news()
            if self._rounds >= policies.ORDER_ROUNDS or workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> OrderProgress:
        """Where the order is, and what a person may decide of it."""
        settled = self._settled
        return OrderProgress(
            order_number=self._number,
            step=self._step,
            state=settled.state,
            shows=settled.shows,
            closed=settled.closed,
            waiting_for=settled.look_at.isoformat() if settled.look_at else None,
            allowed=settled.allowed,
            rounds=self._rounds,
        )

    @workflow.signal
    def look(self) -> None:
        """Something that bears on the order has changed."""
        self._looks += 1

    @workflow.signal
    def recheck(self) -> None:
        """A person has decided an exception of the order."""
        self._looks += 1

    @workflow.update
    async def act(self, decision: OrderAct) -> OrderProgress:
        """Take a person's decision, keep it with who and why, and answer what the order has become by it.

        It is weighed against what is true now, not against the last look; what follows from it the flow does then.
        """
        try:
            await self._look()
            self._check_allowed(decision)
            await workflow.execute_activity_method(
                SettlingActivities.note_act, decision, **policies.STORE_STEP.options()
            )
            await self._look()
        finally:  # a look of its own has found what there is, also where the decision is refused: it is told
            self._looks += 1
        return self.status()

    @act.validator
    def _can_be_weighed(self, decision: OrderAct) -> None:
        """A decision without a reason is refused before it enters the history."""
        if len(decision.reason.strip()) < 3:
            raise ApplicationError("Say why, for whoever asks later.", type="reason", non_retryable=True)

    def _check_allowed(self, decision: OrderAct) -> None:
        if decision.act not in self._settled.allowed:
            allowed = ", ".join(self._settled.allowed) or "nothing"
            words = f"Order {self._number} is {self._settled.state}: {decision.act} is not allowed, only {allowed}."
            raise ApplicationError(words, type="act", non_retryable=True)

    async def _look(self) -> None:
        self._step = "looking"
        self._seen = self._looks
        self._settled = await workflow.execute_local_activity_method(
            SettlingActivities.settle_order, OrderWork(order_number=self._number), **policies.STORE_STEP.local_options()
        )
        self._rounds += 1
        workflow.upsert_search_attributes([WORK_STATE.value_set(self._settled.state or "unknown")])

    async def _hand_over(self) -> None:
        """The message is committed; the file that carries it takes whatever else waits along."""
        self._step = "writing for the ERP"
        more, told = True, False
        while more:
            written: OrdersWritten = await workflow.execute_activity_method(
                OrderExportActivities.write_orders, ExportWork(reason=self._number), **policies.WRITE_ORDERS.options()
            )
            more, told = written.more, told or self._number in written.orders
        if told:
            self._looks += 1  # it is sent now: the state follows from that

    async def _tell(self) -> None:
        await publish_later([], orders=[self._number])

    async def _wait_for_news(self) -> None:
        """Until something changes, or a wait is over by the clock."""
        if self._looks > self._seen:
            return
        self._step = "waiting for news"
        until = self._settled.look_at - workflow.now() if self._settled.look_at else policies.ORDER_LOOKS_AFTER
        timeout = min(max(until, timedelta(seconds=1)), policies.ORDER_LOOKS_AFTER)
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._looks > self._seen, timeout=timeout)
        await workflow.sleep(BURST)

    def _is_over(self) -> bool:
        return self._settled.closed or not self._settled.known

    def _ended(self) -> OrderProgress:
        self._step = "closed"
        return self.status()
