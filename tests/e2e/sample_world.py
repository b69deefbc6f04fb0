"""The sample exports beside the gateway that knows their world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stacks import StackedGateway
from tests.e2e.twin_clients import Json


@dataclass(frozen=True)
class SampleWorld:
    """A gateway, the world of `world.json`, the truth about every export, and where the exports lie."""

    gateway: StackedGateway
    world: Json
    truth: Json
    folder: Path

    def content(self, name: str) -> bytes:
        """The bytes of an export."""
        return (self.folder / name).read_bytes()

    def order(self, number: str) -> Json:
        """An order as Salesforce knows it."""
        return dict(next(one for one in self.world["orders"] if one["order_no"] == number))
