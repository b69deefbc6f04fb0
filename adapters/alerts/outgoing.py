"""An alert on its way out: its id stays the same with every try, so that a receiver can tell a repeated one."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from domain.alert_texts import AlertContent

TIMEOUT_SECONDS = 15.0


class Outgoing(NamedTuple):
    """One message to one channel."""

    id: str
    channel: str
    content: AlertContent
    made_at: datetime


class Sender(Protocol):
    """One channel's own way out."""

    def send(self, message: Outgoing) -> str | None:
        """Hand a message over; answers what of it was not taken, None: all of it was.

        Raises Transient or Permanent errors, whose texts hold no address and no secret.
        """
