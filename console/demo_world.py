"""The demo's world: a made-up distributor in the stand-ins, and the files that its ERP exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

from console.http import Json
from console.output import CommandFailedError

WORLD: Final = {"seed": 2026, "customers": 25, "items": 60, "orders": 40, "sequence": 417}
TROUBLE: Final = "price_differs"  # one shipment that a person has to decide about


@dataclass(frozen=True)
class Export:
    """A file of the ERP, and what it truly says."""

    filename: str
    content: bytes
    truth: Json


class World:
    """The three stand-ins as the demo drives them, by their control routes."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls
        self._client = httpx.Client(timeout=60.0, trust_env=False)

    def begin(self) -> Json:
        """Make the world, or find the one of an earlier run, and let every stand-in know it. Idempotent."""
        found = self._client.get(f"{self._urls['erp']}/__twin__/world")
        world = found.json() if found.is_success else self._post("erp", "world", WORLD)
        for system in ("quickbooks", "salesforce"):
            self._post(system, "seed", world)
        return dict(world)

    def masters(self) -> list[Export]:
        """The customer and item masters."""
        return [self._export("CUSMST", {}), self._export("ITMMST", {})]

    def shipments(self, count: int) -> Export:
        """The demo's shipment file: the same one at every run on the same state."""
        known = self._get("erp", "exports")
        again = next((name for name in _names(known) if name.startswith("SHPCNF")), None)
        if again:
            return self._export("SHPCNF", {"again": again})
        return self._export("SHPCNF", {"shipments": count, "troubles": {TROUBLE: 1}})

    def stock(self) -> Export:
        """The demo's stock export: the same one at every run on the same state."""
        again = next((name for name in _names(self._get("erp", "exports")) if name.startswith("INV410R")), None)
        return self._export("INV410R", {"again": again} if again else {})

    def levels(self) -> list[Json]:
        """What the Salesforce stand-in shows of stock."""
        rows: list[Json] = self._get("salesforce", "records/Inventory_Level__c")["records"]
        return rows

    def ledger(self) -> Json:
        """What the QuickBooks stand-in has booked."""
        return self._get("quickbooks", "ledger")

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def _export(self, name: str, wanted: Json) -> Export:
        answer = self._client.post(f"{self._urls['erp']}/__twin__/exports/{name}", json=wanted)
        _must_work(answer)
        filename = answer.headers["X-Filename"]
        truth = self._get("erp", f"truth/{filename}")
        return Export(filename, answer.content, truth)

    def _post(self, system: str, path: str, body: object) -> Json:
        answer = self._client.post(f"{self._urls[system]}/__twin__/{path}", json=body)
        _must_work(answer)
        return dict(answer.json())

    def _get(self, system: str, path: str) -> Json:
        answer = self._client.get(f"{self._urls[system]}/__twin__/{path}")
        _must_work(answer)
        return dict(answer.json())


def _names(exports: Json) -> list[str]:
    listed: list[Any] = exports.get("exports", [])
    return [str(one["filename"] if isinstance(one, dict) else one) for one in listed]


def _must_work(answer: httpx.Response) -> None:
    if answer.is_error:
        raise CommandFailedError(f"A stand-in answered {answer.status_code} to {answer.url.path}: {answer.text[:300]}")
