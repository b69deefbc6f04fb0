"""`credit/<shipment>`: what is invoiced is corrected until the books say what was shipped, less what came back."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.work import (
    CreditBooked,
    CreditBookWork,
    CreditPrepared,
    CreditProgress,
    CreditStep,
    CreditWork,
)
from runtime.names import ORDER_NUMBER, SHIPMENT, WORK_STATE
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.credits import CorrectingActivities, CreditBookingActivities
    from workflows.publication import publish_later


def workflow_id(shipment_number: str) -> str:
    """The corrections of a shipment are one flow, named by its number: two are never under way at a time."""
    return f"credit/{shipment_number}"


@workflow.defn(name="Correction")
class Correction:
    """The corrections of one invoiced shipment: the truth is in the store, a `recheck` signal says that it changed."""

    @workflow.init
    def __init__(self, work: CreditWork) -> None:
        self._number = work.shipment_number
        self._progress = CreditProgress(shipment_number=work.shipment_number, step=CreditStep.DECIDING)
        self._looks = 0

    @workflow.run
    async def run(self, work: CreditWork) -> CreditProgress:
        """Decide, write down, book, publish; where that stops, wait for a person or for the cause to go away."""
        workflow.upsert_search_attributes([SHIPMENT.value_set(self._number)])
        while True:
            looks = self._looks
            ask_again = await self._correct()
            await publish_later([self._number])
            if self._progress.step is CreditStep.DONE and looks == self._looks:
                return self._progress
            if self._progress.step is not CreditStep.DONE:
                await self._wait(looks, ask_again)
            if self._progress.rounds >= policies.ROUNDS or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work)

    @workflow.query
    def status(self) -> CreditProgress:
        """Where the corrections are."""
        return self._progress

    @workflow.signal
    def recheck(self) -> None:
        """Somebody decided, or something changed that this may have waited for: look again."""
        self._looks += 1

    async def _correct(self) -> timedelta | None:
        """One round; answers how long to wait before asking again by itself, None to wait for a signal only."""
        prepared = await self._prepare()
        while prepared.credits or prepared.invoices:
            if not await self._book(prepared):
                return policies.ASK_AGAIN_AFTER
            prepared = await self._prepare()
        if prepared.held:
            self._now(CreditStep.WAITING, exception_id=prepared.held)
        else:
            self._now(CreditStep.DONE)
        return None

    async def _prepare(self) -> CreditPrepared:
        self._now(CreditStep.DECIDING, rounds=self._progress.rounds + 1)
        prepared: CreditPrepared = await workflow.execute_local_activity_method(
            CorrectingActivities.prepare_credit,
            CreditWork(shipment_number=self._number),
            **policies.STORE_STEP.local_options(),
        )
        if self._progress.rounds == 1 and prepared.order_number:
            workflow.upsert_search_attributes([ORDER_NUMBER.value_set(prepared.order_number)])
        return prepared

    async def _book(self, prepared: CreditPrepared) -> bool:
        """Book; what stays open waits with an exception that says why, and False is answered."""
        self._now(CreditStep.BOOKING)
        try:
            booked: CreditBooked = await workflow.execute_activity_method(
                CreditBookingActivities.book_credit,
                CreditBookWork(credits=prepared.credits, invoices=prepared.invoices),
                **policies.BOOK.options(),
            )
        except ActivityError as error:
            workflow.logger.warning("a correction was not booked", extra={"error": str(error.cause)[:500]})
        else:
            if not booked.open:
                return True
        exception_id = await workflow.execute_local_activity_method(
            CorrectingActivities.note_unbooked_credit,
            CreditWork(shipment_number=self._number),
            **policies.STORE_STEP.local_options(),
        )
        self._now(CreditStep.WAITING, exception_id=exception_id)
        return False

    async def _wait(self, looks: int, ask_again: timedelta | None) -> None:
        workflow.upsert_search_attributes([WORK_STATE.value_set("waiting")])
        try:
            await workflow.wait_condition(lambda: self._looks > looks, timeout=ask_again)
        except TimeoutError:
            workflow.logger.info("asking again")
        workflow.upsert_search_attributes([WORK_STATE.value_set("working")])

    def _now(self, step: CreditStep, exception_id: str | None = None, rounds: int | None = None) -> None:
        self._progress = CreditProgress(
            shipment_number=self._number,
            step=step,
            exception_id=exception_id,
            rounds=self._progress.rounds if rounds is None else rounds,
        )
