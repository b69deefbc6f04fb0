"""The demo's second promise: a stock export becomes numbers in Salesforce, each with its age and its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic, sleep
from typing import Final
from urllib.parse import quote

from console.demo_world import Export, World
from console.http import Api, Json
from console.output import CommandFailedError

WAIT_SECONDS: Final = 120.0


@dataclass(frozen=True)
class StockOutcome:
    """What became of the export: rows shown, how long it took, one number explained, and what is wrong."""

    filename: str
    duplicate: bool
    rows: int
    seconds: float | None
    why: str
    problems: Sequence[str]

    def document(self) -> Json:
        """The same for a program."""
        return {
            "file": self.filename,
            "duplicate": self.duplicate,
            "rows": self.rows,
            "seconds": self.seconds,
            "why": self.why,
        }


def show_stock(world: World, api: Api, hand_over: Callable[[Export], Json]) -> StockOutcome:
    """Hand in the stock export, wait until Salesforce shows it, and compare the two."""
    export = world.stock()
    accepted = hand_over(export)
    measured = _wait(api, str(accepted["file_id"]))
    levels = world.levels()
    asked = next(iter(api.items("/orders", limit=1)), None)
    sku = asked["lines"][0]["sku"] if asked and asked["lines"] else export.truth["rows"][0]["sku"]
    return StockOutcome(
        filename=export.filename,
        duplicate=bool(accepted["duplicate"]),
        rows=len(levels),
        seconds=measured["p99_seconds"],
        why=f"{sku}: {api.get(f'/stock/{quote(sku)}')['rows'][0]['explanation']}",
        problems=list(stock_differences(levels, export.truth)),
    )


def stock_differences(levels: Iterable[Json], truth: Json) -> Iterable[str]:
    """Every row that Salesforce shows otherwise than the export states it, one sentence each; none: proven.

    What is below zero is shown as nothing. A number that has become old is shown as unknown, which is right.
    """
    shown = {one["Key__c"]: one for one in levels}
    for row in truth["rows"]:
        key = f"{row['sku']}|{row['warehouse']}"
        on_hand, allocated = Decimal(row["on_hand"]), Decimal(row["allocated"])
        free = on_hand - allocated if row["status"] == "A" else Decimal(0)
        level = shown.get(key)
        if level is None:
            yield f"{key} is not in Salesforce."
        elif (_number(level["On_Hand__c"]), _number(level["Allocated__c"])) != (max(on_hand, Decimal(0)), allocated):
            yield f"{key} is shown with other stock than the ERP states."
        elif level["Confidence__c"] == "fresh" and _number(level["Available__c"]) != max(free, Decimal(0)):
            yield f"{key} can be promised as {level['Available__c']}, {max(free, Decimal(0))} is right."


def _wait(api: Api, file_id: str) -> Json:
    deadline = monotonic() + WAIT_SECONDS
    while monotonic() < deadline:
        found = next((one for one in api.items("/stock/exports", limit=20) if one["file_id"] == file_id), None)
        if found:
            return found
        sleep(0.2)
    raise CommandFailedError(f"Salesforce did not show the stock export within {WAIT_SECONDS} s.")


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
