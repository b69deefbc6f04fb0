"""Activities of alerts: thin steps of the alert desk."""

from __future__ import annotations

from temporalio import activity

from activities.alerting import AlertDesk
from activities.boundary import application_error, at_boundary, beating, keeping_alive
from domain.alert_work import AlertsMade, AlertsSent, AlertWork, SilenceWatched
from domain.errors import GatewayError


class AlertActivities:
    """The steps of a round; each may be run again after a death."""

    def __init__(self, desk: AlertDesk) -> None:
        self._desk = desk

    @activity.defn
    async def watch_silence(self, work: AlertWork) -> SilenceWatched:  # noqa: ARG002 - a flow hands its work to every step
        """Open work for what fell silent, and close it where something is heard of again."""
        try:
            async with keeping_alive():
                return await self._desk.watch()
        except GatewayError as error:
            raise application_error(error) from error

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def make_alerts(self, work: AlertWork) -> AlertsMade:  # noqa: ARG002 - a flow hands its work to every step
        """Note what is new, over or late, and make messages of what is due."""
        with beating():
            return self._desk.make()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def send_alerts(self, work: AlertWork) -> AlertsSent:  # noqa: ARG002 - a flow hands its work to every step
        """Hand over the messages that are due."""
        with beating():
            return self._desk.send()
