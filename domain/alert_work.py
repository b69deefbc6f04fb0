"""What the flow of alerts is asked and answers."""

from __future__ import annotations

from domain.work import Message


class AlertWork(Message):
    """Start of a round of alerts."""

    reason: str = "schedule"


class SilenceWatched(Message):
    """How many things are silent that should not be."""

    silent: int


class AlertsMade(Message):
    """How much was noted that somebody is to be told, and how many messages were made of what is due."""

    noted: int
    messages: int


class AlertsSent(Message):
    """How many messages were taken, and how many tries failed."""

    sent: int
    failed: int = 0


class AlertsRound(Message):
    """What a round has come to; None: not yet."""

    watched: SilenceWatched | None = None
    made: AlertsMade | None = None
    sent: AlertsSent | None = None
