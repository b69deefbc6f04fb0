"""`sweep`: what was committed but never started, or left lying by a crash, is set going again."""

from __future__ import annotations

from temporalio import workflow

from domain.work import SweepWork, Swept
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.waiting import WaitingActivities


@workflow.defn(name="Sweep")
class Sweep:
    """The relay of the inbox: an accepted file is never lost because Temporal was away when it came."""

    def __init__(self) -> None:
        self._swept: Swept | None = None

    @workflow.run
    async def run(self, work: SweepWork) -> Swept:
        """Start what is in the inbox without a workflow, and shipments that nobody works on."""
        swept: Swept = await workflow.execute_activity_method(
            WaitingActivities.sweep, work, **policies.STORE_BULK.options()
        )
        self._swept = swept
        return swept

    @workflow.query
    def status(self) -> Swept | None:
        """What was set going, None while the sweep is under way."""
        return self._swept
