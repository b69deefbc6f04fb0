"""From an order that a rep activates in Salesforce to the file that tells the ERP of it: `make bench-orders`.

By a flow's signed call, by outbound message, and by polling alone with every hook lost. Prints a table, and JSON with
--json; ends with 1 when a target is missed or an order is in no file.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from bench.latency import percentile
from bench.week.checks.papers import read_files
from bench.week.plan import PlannedOrder, plan_week
from bench.week.stage import HOOK_SECRET, Stage, World, staged
from runtime import logs

WAYS: dict[str, dict[str, Any]] = {  # how Salesforce tells, and how many seconds 95 of 100 orders may take
    "hook": {"flow_calls": True, "outbound_messages": False, "target": 5},
    "outbound message": {"flow_calls": False, "outbound_messages": True, "target": 5},
    "polling alone": {"flow_calls": True, "outbound_messages": True, "hook_lose_next": 1_000_000, "target": 30},
}
POLL_SECONDS = 15  # as shipped
LATEST = 90
LOOK_SECONDS = 0.02
FIRST_CONTACT_AT_MOST = 300
QUIET_SECONDS = 15
AGREED = """
SELECT count(*) FILTER (WHERE decided_at IS NOT NULL), max(decided_at), (SELECT count(*) FROM master_marks)
FROM master_records
"""
APART = (0.2, 2.5)  # seconds between two orders


@dataclass(frozen=True)
class Measure:
    """One way. Times are seconds from the order being activated to its file being there under its final name."""

    way: str
    orders: int
    p50: float
    p95: float
    p99: float
    target: int
    missing: int

    @property
    def good(self) -> bool:
        """Every order came, and the target was met."""
        return not self.missing and self.p95 < self.target


class Folder:
    """Watches the folder of order files: when each purchase order was first in one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._ended = threading.Event()
        self.came_at: dict[str, float] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            now = time.monotonic()
            for path in self._path.glob("ORDIMP.S*"):
                if path.name not in self._seen:
                    self._seen.add(path.name)
                    for told in read_files({path.name: path.read_bytes()}).values():
                        self.came_at.setdefault(told.purchase_order, now)


class Bench:
    """A stack of its own whose ERP takes nothing: what is measured is the gateway."""

    def __init__(self, stage: Stage, orders: int, seed: int) -> None:
        self._stage, self._rng = stage, Random(seed)
        self._planned = iter(plan_week(stage.world, (orders + 1) * len(WAYS), seed))
        self._orders = orders
        self._folder = Folder(stage.stack.settings.erp.outbox_dir)

    def run(self) -> list[Measure]:
        """Each way in turn; an order before each, that is not counted, to have everything warm."""
        try:
            self._wait_for_first_contact()
            return [self._measure(way, dict(settings)) for way, settings in WAYS.items()]
        finally:
            self._folder.stop()

    def _wait_for_first_contact(self) -> None:
        """The customers and items of all systems are agreed on: that is done once, and takes all of a worker."""
        deadline, before, since = time.monotonic() + FIRST_CONTACT_AT_MOST, (0, None), time.monotonic()
        with psycopg.connect(self._stage.stack.database_url, autocommit=True) as store:
            while time.monotonic() < deadline:
                now = store.execute(AGREED).fetchone()
                if now != before:
                    before, since = now, time.monotonic()
                if before[0] and time.monotonic() - since > QUIET_SECONDS:
                    return
                time.sleep(0.5)
        raise RuntimeError(f"the systems' records were not agreed on within {FIRST_CONTACT_AT_MOST} s")

    def _measure(self, way: str, settings: dict[str, Any]) -> Measure:
        target = int(settings.pop("target"))
        hooks = {"hook_lose_next": 0, **settings, "hook_url": self._stage.stack.api_url, "hook_secret": HOOK_SECRET}
        self._stage.rep.set(**hooks)
        self._wait([self._place(next(self._planned))])
        placed = []
        for _ in range(self._orders):
            placed.append(self._place(next(self._planned)))
            time.sleep(self._rng.uniform(*APART))
        self._wait(placed)
        took = [self._folder.came_at[number] - at for number, at in placed if number in self._folder.came_at]
        return Measure(
            way=way,
            orders=self._orders,
            p50=round(statistics.median(took), 2) if took else 0,
            p95=round(percentile(took, 0.95), 2) if took else 0,
            p99=round(percentile(took, 0.99), 2) if took else 0,
            target=target,
            missing=len(placed) - len(took),
        )

    def _place(self, planned: PlannedOrder) -> tuple[str, float]:
        record = self._stage.rep.draft(planned)
        started = time.monotonic()
        self._stage.rep.activate(record)
        return planned.purchase_order, started

    def _wait(self, placed: list[tuple[str, float]]) -> None:
        deadline = time.monotonic() + LATEST
        while time.monotonic() < deadline:
            if all(number in self._folder.came_at for number, _ in placed):
                return
            time.sleep(0.1)


def table(measures: list[Measure]) -> str:
    """The result for people."""
    rows = [f"{'way':<18}  orders     p50     p95     p99  target"]
    rows += [
        f"{one.way:<18}  {one.orders:>6}  {one.p50:>5.2f} s  {one.p95:>5.2f} s  {one.p99:>5.2f} s  {one.target:>4} s"
        + ("" if not one.missing else f"  {one.missing} in no file")
        for one in measures
    ]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when every target is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.order_latency", description=__doc__)
    parser.add_argument("--orders", type=int, default=60, help="orders for each way")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the result here, too")
    given = parser.parse_args(arguments)
    logs.configure(level="ERROR")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stack goes with it
    with staged(World(seed=given.seed), poll_seconds=POLL_SECONDS, hooks=False) as stage:
        measures = Bench(stage, given.orders, given.seed).run()
    print(table(measures))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in measures], indent=2) + "\n", "utf-8")
    return 0 if all(one.good for one in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
