"""`shipment/<number>`: one shipment until it is billed, or until a person has decided that it is not."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.work import (
    Booked,
    BookWork,
    HandOver,
    Prepared,
    ShipmentProgress,
    ShipmentStep,
    ShipmentWork,
)
from runtime.names import ORDER_NUMBER, SHIPMENT, WORK_STATE
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.invoicing import BookingActivities, PreparingActivities
    from activities.waiting import WaitingActivities
    from workflows.publication import publish_later


def workflow_id(shipment_number: str) -> str:
    """The workflow of a shipment is named by its number."""
    return f"shipment/{shipment_number}"


@workflow.defn(name="ShipmentInvoicing")
class ShipmentInvoicing:
    """A shipment's own flow: the truth is in the store, a `recheck` signal says that it changed."""

    @workflow.init
    def __init__(self, work: ShipmentWork) -> None:
        self._number = work.shipment_number
        self._progress = ShipmentProgress(shipment_number=work.shipment_number, step=ShipmentStep.PREPARING)
        self._looks = 0
        self._said: tuple[ShipmentStep, str | None, int] | None = None

    @workflow.run
    async def run(self, work: ShipmentWork) -> ShipmentProgress:
        """Match, price, intend, book, publish; where that stops, wait for a decision or for the cause to go away."""
        workflow.upsert_search_attributes([SHIPMENT.value_set(work.shipment_number)])
        while True:
            looks = self._looks
            ask_again = await self._bill()
            await self._publish(looks)
            if self._progress.step is ShipmentStep.DONE and looks == self._looks:
                return self._progress
            if self._progress.step is not ShipmentStep.DONE:
                await self._wait(looks, ask_again)
            if self._progress.rounds >= policies.ROUNDS or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> ShipmentProgress:
        """Where the shipment is."""
        return self._progress

    @workflow.signal
    def recheck(self) -> None:
        """Somebody decided, or something changed that this shipment may have waited for: look again."""
        self._looks += 1

    async def _bill(self) -> timedelta | None:
        """One round; answers how long to wait before asking again by itself, None to wait for a signal only."""
        prepared = await self._prepare()
        while prepared.book:
            ask_again = await self._book(prepared.book)
            if self._progress.step is ShipmentStep.WAITING:
                return ask_again
            prepared = await self._prepare()  # a correction may have come while the invoice was being booked (F9)
        if self._number in prepared.correct:
            await self._hand_over()
            self._now(ShipmentStep.DONE, exception_id=prepared.held.get(self._number))
        elif self._number in prepared.held:
            self._now(ShipmentStep.WAITING, exception_id=prepared.held[self._number])
        else:
            self._now(ShipmentStep.DONE)
        return None

    async def _prepare(self) -> Prepared:
        self._now(ShipmentStep.PREPARING, rounds=self._progress.rounds + 1)
        first = self._progress.rounds == 1
        prepared: Prepared = await workflow.execute_local_activity_method(
            PreparingActivities.prepare,
            ShipmentWork(shipment_number=self._number),
            **policies.STORE_STEP.local_options(),
        )
        if first and prepared.order_number:
            workflow.upsert_search_attributes([ORDER_NUMBER.value_set(prepared.order_number)])
        return prepared

    async def _hand_over(self) -> None:
        """It is invoiced: what is to be corrected about it goes on in `credit/<number>`."""
        await workflow.execute_activity_method(
            WaitingActivities.hand_over_credits,
            HandOver(shipments=[self._number]),
            **policies.STORE_STEP.options(),
        )

    async def _publish(self, looks: int) -> None:
        """Say where the shipment stands, when that is news: a round by the clock that changed nothing is none.

        What holds a shipment may have changed under one exception, so that a recheck is always followed by saying it.
        """
        stands = (self._progress.step, self._progress.exception_id, looks)
        if stands != self._said:
            await publish_later([self._number])
            self._said = stands

    async def _book(self, intent_ids: list[str]) -> timedelta | None:
        """Book; what does not get its invoice waits with an exception that says why."""
        self._now(ShipmentStep.BOOKING)
        try:
            booked: Booked = await workflow.execute_activity_method(
                BookingActivities.book, BookWork(intent_ids=intent_ids), **policies.BOOK.options()
            )
        except ActivityError as error:
            workflow.logger.warning("booking did not finish", extra={"error": str(error.cause)[:500]})
            booked = Booked(uncertain=[self._number])
        if booked.booked:
            return None
        exception_id = await workflow.execute_local_activity_method(
            PreparingActivities.note_unbooked,
            ShipmentWork(shipment_number=self._number),
            **policies.STORE_STEP.local_options(),
        )
        self._now(ShipmentStep.WAITING, exception_id=exception_id)
        return policies.ASK_AGAIN_AFTER if booked.uncertain else None

    async def _wait(self, looks: int, ask_again: timedelta | None) -> None:
        workflow.upsert_search_attributes([WORK_STATE.value_set("waiting")])
        try:
            await workflow.wait_condition(lambda: self._looks > looks, timeout=ask_again)
        except TimeoutError:
            workflow.logger.info("asking again")
        workflow.upsert_search_attributes([WORK_STATE.value_set("working")])

    def _now(self, step: ShipmentStep, exception_id: str | None = None, rounds: int | None = None) -> None:
        self._progress = ShipmentProgress(
            shipment_number=self._number,
            step=step,
            exception_id=exception_id,
            rounds=self._progress.rounds if rounds is None else rounds,
        )
