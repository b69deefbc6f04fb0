"""What a person may decide about an order in a state: the acts of which its lifecycle makes something."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.lifecycle import Lifecycle
from domain.observations import Observation
from domain.sources import System

ACTS = {"release": "released", "cancel": "cancel_requested", "resend": "resend_requested"}
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def act_observation(act: str, key: str, words: str, at: datetime) -> Observation:
    """A person's decision as an observation of the order; the same `key` again is the same decision."""
    return Observation(system=System.GATEWAY, kind="order", value=ACTS[act], reference=key, occurred_at=at, note=words)


def allowed_acts(lifecycle: Lifecycle, state: str) -> list[str]:
    """The acts that lead somewhere from a state: telling the ERP again is news, the others have to move the order."""
    allowed = []
    for act in ACTS:
        event = lifecycle.event_of(act_observation(act, "", "", _ANY_TIME))
        to = lifecycle.reaction(event.name, state) if event else None
        if to is not None and (to != state or act == "resend"):
            allowed.append(act)
    return allowed
