"""`alerts`: what fell silent becomes work, what is new is told, what could not be told is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.alert_work import AlertsRound, AlertWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.alerts import AlertActivities


@workflow.defn(name="Alerts")
class Alerts:
    """Messages are written down before they are sent: whoever dies meanwhile, the next round goes on from there."""

    def __init__(self) -> None:
        self._round = AlertsRound()

    @workflow.run
    async def run(self, work: AlertWork) -> AlertsRound:
        """Watch, make, send. A step that fails keeps none of the others back, and makes the run fail at its end."""
        step, steps = policies.ALERT.options(), AlertActivities
        failures: list[ActivityError] = []
        with _noting(failures):
            watched = await workflow.execute_activity_method(steps.watch_silence, work, **step)
            self._round = AlertsRound(watched=watched)
        with _noting(failures):
            made = await workflow.execute_activity_method(steps.make_alerts, work, **step)
            self._round = self._round.model_copy(update={"made": made})
        with _noting(failures):
            sent = await workflow.execute_activity_method(steps.send_alerts, work, **policies.SEND_ALERTS.options())
            self._round = self._round.model_copy(update={"sent": sent})
        if failures:
            raise failures[0]
        return self._round

    @workflow.query
    def status(self) -> AlertsRound:
        """How far the round is."""
        return self._round


@contextmanager
def _noting(failures: list[ActivityError]) -> Iterator[None]:
    try:
        yield
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        failures.append(error)
