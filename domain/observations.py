"""Observations: what the systems said of an order, each a fact with an instant and a reference that makes it unique."""

from __future__ import annotations

import hashlib
import json

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.sources import System


class Observation(BaseModel):
    """One thing that a system said of one order.

    `occurred_at` is the business instant (when it shipped, when the file was cut), never when the gateway saw it.
    `reference` is what it was said in: shipment number, file and sequence, invoice key, RMA, record id and its version.
    Within an order the identity is system, kind, value and reference: said again it is the same observation, so what
    can happen twice (a credit hold after a release, a second activation) needs a reference of its own each time.
    """

    model_config = ConfigDict(frozen=True)

    system: System
    kind: str
    value: str
    reference: str
    occurred_at: AwareDatetime
    note: str = ""

    @property
    def meaning(self) -> tuple[System, str, str]:
        """What kind of thing it is: the part of the identity that events of a lifecycle name."""
        return (self.system, self.kind, self.value)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes it one and the same observation, whenever and however often it is said."""
        return (str(self.system), self.kind, self.value, self.reference)

    @property
    def key(self) -> str:
        """A short stable text for the identity within its order, fit for an external id: 32 hex digits."""
        return hashlib.sha256(json.dumps(self.identity).encode()).hexdigest()[:32]
