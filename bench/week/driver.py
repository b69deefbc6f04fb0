"""Runs the week: places orders at their hours, lets their people act, waits until all is quiet, and compares."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from bench.week.checker import check
from bench.week.checks.bills import bills
from bench.week.evidence import Evidence, Json, gather, number
from bench.week.findings import Report
from bench.week.lives import Life, People, Situation
from bench.week.plan import PlannedLine, plan_week, shelf_of
from bench.week.stage import Stage, open_warehouse
from bench.week.weather import Weather

WEEK_SECONDS = 7 * 24 * 3600
EXPORTS = ("shpcnf_minutes", "ordack_minutes", "rtnrcv_minutes", "inv410r_minutes")
# How these end depends on who is quicker: a rep or the warehouse, a payment or a return.
RACES = frozenset({"cancelled_at_once", "cancelled_before", "cancelled_rest", "returned_damaged"})
OVER = "over"
QUIET_LOOKS = 2  # so many comparisons in a row have to find nothing


@dataclass(frozen=True)
class Plan:
    """How the week is run. `seconds` is how long it takes in real time, `patience` how long it may take to settle."""

    orders: int = 500
    seed: int = 7
    seconds: int = 2400
    patience: int = 600

    @property
    def pace(self) -> int:
        """So many times faster than in life everything in the warehouse happens."""
        return max(1, WEEK_SECONDS // self.seconds)


@dataclass
class Result:
    """What the week came to."""

    plan: Plan
    report: Report
    fates: Counter[str]
    happened: Counter[str]
    decided: dict[str, int]
    unfinished: list[str]
    seconds: int = 0
    outcomes: dict[str, Json] = field(default_factory=dict)
    fate_of: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Every life was lived to its end, and all systems agree."""
        return not self.report.findings and not self.unfinished

    def to_json(self) -> Json:
        """The result as a document."""
        return {
            "orders": self.plan.orders,
            "seed": self.plan.seed,
            "pace": self.plan.pace,
            "seconds": self.seconds,
            "fates": dict(sorted(self.fates.items())),
            "weather": dict(sorted(self.happened.items())),
            "decided_by_the_operator": dict(sorted(self.decided.items())),
            "unfinished": self.unfinished,
            "outcomes": self.outcomes,
            **self.report.to_json(),
        }


class Week:
    """One simulated week on a stage."""

    def __init__(self, stage: Stage, plan: Plan, weather: Weather, say: Callable[[str], None] = lambda _: None) -> None:
        self._stage, self._plan, self._weather, self._say = stage, plan, weather, say
        self._people = People(stage.rep, stage.bookkeeper, stage.foreman, stage.operator)
        planned = plan_week(stage.world, plan.orders, plan.seed)
        self._lives = [Life(one, self._people, self._extra(one.purchase_order, one.lines)) for one in planned]

    def run(self) -> Result:
        """Live the week, and compare when nothing moves any more."""
        began = time.monotonic()
        open_warehouse(self._stage, self._plan.pace)
        self._weather.begin()
        self._live()
        self._weather.calm()
        self._say("the week is over; waiting until nothing moves")
        evidence, report = self._settle()
        return Result(
            plan=self._plan,
            report=report,
            fates=Counter(life.planned.fate for life in self._lives),
            happened=self._weather.happened,
            decided=self._stage.operator.decided,
            unfinished=[_unfinished(life) for life in self._lives if life.waits_for],
            seconds=round(time.monotonic() - began),
            outcomes=outcomes(evidence),
            fate_of={life.planned.purchase_order: life.planned.fate for life in self._lives},
        )

    def _live(self) -> None:
        """Until every life is lived, or the patience after the week is over."""
        began, running = time.monotonic(), dict[str, Iterator[None]]()
        waiting = list(self._lives)
        while waiting or running:
            passed = time.monotonic() - began
            if passed > self._plan.seconds + self._plan.patience:
                return
            self._look(running, waiting, passed / self._plan.seconds)
            self._weather.change(passed / self._plan.seconds)
            time.sleep(0.5)

    def _look(self, running: dict[str, Iterator[None]], waiting: list[Life], share: float) -> None:
        """Everybody sees what there is and does what is due."""
        self._people.now = situation(self._people)
        self._stage.operator.keep_looking()
        while waiting and waiting[0].planned.at <= share:
            life = waiting.pop(0)
            running[life.planned.purchase_order] = life.run()
        for key, lived in list(running.items()):
            if next(lived, OVER) == OVER:
                del running[key]
        self._say(f"{share:.0%} of the week, {len(waiting)} orders to come, {len(running)} on their way")

    def _settle(self) -> tuple[Evidence, Report]:
        """The ERP says all that it has to say; then compare until there is nothing, twice, or patience ends."""
        deadline, quiet = time.monotonic() + self._plan.patience, 0
        self._wait_for_the_warehouse(deadline)
        self._stage.foreman.set(**dict.fromkeys(EXPORTS, 0))
        self._tell_everything()
        while True:
            self._stage.operator.look()
            evidence = gather(self._stage.addresses)
            report = check(evidence, self._stage.rules)
            quiet = 0 if report.findings else quiet + 1
            if quiet >= QUIET_LOOKS or time.monotonic() > deadline:
                return evidence, report
            self._say(f"{len(report.findings)} differences left")
            time.sleep(2)

    def _wait_for_the_warehouse(self, deadline: float) -> None:
        """Nothing is due there but looks and exports, and every file has arrived."""
        while time.monotonic() < deadline:
            due = {one["kind"] for one in self._stage.foreman.get("warehouse/schedule")["due"]}
            if due <= {"look", "export"}:
                return
            self._say(f"the warehouse still has to {', '.join(sorted(due - {'look', 'export'}))}")
            time.sleep(1)

    def _tell_everything(self) -> None:
        """What was not told yet, and the last stock report: in a minute in which nothing moved."""
        for name in ("SHPCNF", "RTNRCV", "ORDACK"):
            self._stage.foreman.try_to("export", name=name)
        moves = self._stage.foreman.get("warehouse/moves")["moves"]
        exports = self._stage.foreman.get("exports")["exports"]
        last = max(datetime.fromisoformat(one["at"]).timestamp() for one in moves)
        last = max([last, *(_written_at(one) for one in exports if str(one["filename"]).startswith("INV410R"))])
        while time.time() // 60 <= last // 60:
            time.sleep(0.5)
        self._stage.foreman.try_to("export", name="INV410R")

    def _extra(self, purchase_order: str, lines: tuple[PlannedLine, ...]) -> PlannedLine:
        """The line that is added to an order later: an item that it does not have yet."""
        have = {one.sku for one in lines}
        items = [item for item in shelf_of(self._stage.world["items"]).plenty if item["sku"] not in have]
        item = Random(f"{self._plan.seed}|extra|{purchase_order}").choice(items)
        return PlannedLine(item["sku"], number(4), number(item["list_price"]))


def situation(people: People) -> Situation:
    """What there is to see now."""
    truth = people.foreman.truth()
    shipments: defaultdict[str, list[Json]] = defaultdict(list)
    for one in truth["shipments"]:
        shipments[one["order_no"]].append(one)
    ledger = people.bookkeeper.ledger()
    written, _ = bills_of(ledger)
    return Situation(
        numbers={one["PoNumber"]: one["ERP_Order_Id__c"] for one in people.rep.orders() if one["ERP_Order_Id__c"]},
        orders={one["order_no"]: one for one in truth["orders"]},
        shipments=dict(shipments),
        bills=written,
    )


def outcomes(evidence: Evidence) -> dict[str, Json]:
    """What became of each order, without what time and chance decide: by purchase order, to compare two runs."""
    shown = {one["ERP_Order_Id__c"]: one for one in evidence.org["Order"]}
    found = {}
    for order in evidence.warehouse["orders"]:
        lines = [[str(number(line[name])) for name in ("ordered", "shipped", "returned")] for line in order["lines"]]
        row = shown.get(order["order_no"], {})
        found[order["po_no"]] = {"state": row.get("Gateway_Status__c"), "lines": lines}
    return dict(sorted(found.items()))


def unlike(before: Json, now: Json, fates: Mapping[str, str]) -> list[str]:
    """The orders that ended otherwise than in another run of the same week, in words; races are left out."""
    return [
        f"{order}: {before.get(order)} before, {now.get(order)} now"
        for order in sorted({*before, *now})
        if before.get(order) != now.get(order) and fates.get(order) not in RACES
    ]


def bills_of(ledger: Json) -> tuple[dict[str, Any], list[Json]]:
    """The documents of the books by shipment."""
    return bills(Evidence(warehouse={}, schedule={}, ledger=ledger, org={}, store={}, order_files={}))


def _written_at(export: Json) -> float:
    return datetime.fromisoformat(str(export["created_at"])).timestamp()


def _unfinished(life: Life) -> str:
    return f"{life.planned.purchase_order} {life.number or 'without a number'} ({life.planned.fate}): {life.waits_for}"
