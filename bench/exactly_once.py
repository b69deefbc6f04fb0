"""Exactly one invoice, proven: seeded walks over faults, deaths, repeats, concurrent workers and corrections.

`python bench/exactly_once.py --seeds 200` prints a table and JSON, and ends with 1 when any shipment has no invoice,
more than one, or one with a wrong total, in the ledger of the QuickBooks twin.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project itself, when run as a file

import structlog

from store.schema import migrate
from tests.activities.walk import Walk
from tests.activities.walk_oracle import Tally
from tests.activities.world import House, running_house
from tests.database import _embedded, _given, created

SEEDS_PER_COMPANY = 25  # a fresh database and a fresh twin after so many


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server: the one that THREEWAY_TEST_POSTGRES_URL names, or an embedded one."""
    given = os.environ.get("THREEWAY_TEST_POSTGRES_URL")
    with _given(given) if given else _embedded() as url:
        yield url


@contextmanager
def new_company(server_url: str) -> Iterator[House]:
    """A furnished company on an empty database."""
    with created(server_url) as url:
        migrate(url)
        with running_house(url) as house:
            yield house


def walk_some(server_url: str, seeds: Sequence[int]) -> Tally:
    """Walk some seeds on a company of their own, and count the faults that QuickBooks really injected there."""
    tally = Tally()
    with new_company(server_url) as house:
        place = house.books.place()
        for seed in seeds:
            Walk(house, seed, tally).run()
        tally.faults.update(entry["fault"] for entry in house.books.journal(place) if entry.get("fault"))
    print(f"seeds {seeds[0]} to {seeds[-1]}: {len(tally.violations)} violations", file=sys.stderr)
    return tally


def prove(seeds: Sequence[int], jobs: int = 2) -> dict[str, Any]:
    """Walk these seeds, on so many companies at a time; answers the report."""
    began, whole = time.monotonic(), Tally()
    parts = [seeds[first : first + SEEDS_PER_COMPANY] for first in range(0, len(seeds), SEEDS_PER_COMPANY)]
    with server() as url, ThreadPoolExecutor(jobs) as pool:
        for tally in pool.map(lambda part: walk_some(url, part), parts):
            whole.add(tally)
    return report(whole, seeds, time.monotonic() - began)


def report(tally: Tally, seeds: Sequence[int], seconds: float) -> dict[str, Any]:
    """The result as JSON: what was done, what was injected, what came of it."""
    return {
        "seeds": len(seeds),
        "first_seed": seeds[0],
        "operations": sum(tally.operations.values()),
        "operations_by_kind": dict(sorted(tally.operations.items())),
        "faults_injected": sum(tally.faults.values()),
        "faults_by_kind": dict(sorted(tally.faults.items())),
        "shipments": sum(tally.outcomes.values()),
        "outcomes": dict(sorted(tally.outcomes.items())),
        "failures": len(tally.violations),
        "violations": tally.violations[:50],
        "seconds": round(seconds),
    }


def table(result: dict[str, Any]) -> str:
    """The same for people."""
    rows = [("seeds", result["seeds"]), ("shipments", result["shipments"])]
    for name in ("outcomes", "operations_by_kind", "faults_by_kind"):
        rows += [(f"{name.split('_')[0]}: {key}", value) for key, value in result[name].items()]
    rows += [("failures", result["failures"]), ("seconds", result["seconds"])]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value:>8}" for name, value in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when every shipment has exactly its one invoice."""
    parser = argparse.ArgumentParser(description="Prove exactly one invoice per shipment by fault injection.")
    parser.add_argument("--seeds", type=int, default=200, help="how many walks")
    parser.add_argument(
        "--first-seed", type=int, default=1, help="the first seed; a failing one is run again by itself"
    )
    parser.add_argument("--json", type=Path, help="write the report here, too")
    parser.add_argument("--jobs", type=int, default=2, help="companies at a time")
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)  # failures are the point here: their log lines would be all that one sees
    result = prove(range(given.first_seed, given.first_seed + given.seeds), given.jobs)
    print(table(result))
    text = json.dumps(result, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
