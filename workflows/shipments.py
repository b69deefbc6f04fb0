"""`shipments/<file>/<range>`: up to thirty shipments of one file are matched, priced, intended, booked in one go."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.work import Booked, BookWork, HandOver, Prepared, RangeWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.invoicing import BookingActivities, PreparingActivities
    from activities.waiting import WaitingActivities
    from workflows.publication import publish_later


@workflow.defn(name="ShipmentRange")
class ShipmentRange:
    """A range of a file's shipments; whichever meets trouble goes on in its own `shipment/<number>`."""

    def __init__(self) -> None:
        self._step = "preparing"

    @staticmethod
    def workflow_id(work: RangeWork) -> str:
        """Named by the file and the range, so that a range is never under way twice."""
        return f"shipments/{work.sha256[:16]}/{work.seq_from}-{work.seq_to}"

    @workflow.run
    async def run(self, work: RangeWork) -> Prepared:
        """Prepare all in one step, book in one call, hand over what stopped, and say it in Salesforce."""
        prepared = await workflow.execute_local_activity_method(
            PreparingActivities.prepare_range, work, **policies.STORE_STEP.local_options()
        )
        troubled = {*prepared.held, *prepared.correct, *await self._book(prepared)}
        if troubled:
            await workflow.execute_activity_method(
                WaitingActivities.hand_over, HandOver(shipments=sorted(troubled)), **policies.STORE_STEP.options()
            )
        await publish_later([one for one in prepared.shipments if one not in troubled])
        self._step = "done"
        return prepared

    @workflow.query
    def status(self) -> str:
        """Where the range is."""
        return self._step

    async def _book(self, prepared: Prepared) -> list[str]:
        """Book the intents of the range; answers the shipments that did not get their invoice, or were corrected."""
        if not prepared.book:
            return []
        self._step = "booking"
        try:
            booked: Booked = await workflow.execute_activity_method(
                BookingActivities.book, BookWork(intent_ids=prepared.book), **policies.BOOK.options()
            )
        except ActivityError as error:
            workflow.logger.warning("booking of a range did not finish", extra={"error": str(error.cause)[:500]})
            return [one for one in prepared.shipments if one not in prepared.settled]
        return [*booked.refused, *booked.uncertain, *booked.again]
