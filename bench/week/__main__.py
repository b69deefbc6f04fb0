"""A simulated week, and whether all systems agree in the end: `python -m bench.week`. Table, and JSON with --json.

Ends with 1 when anything differs, or an order did not come to its end.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.week.driver import Plan, Result, Week, unlike
from bench.week.stage import World, staged
from bench.week.weather import Weather
from runtime import logs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when everything agrees."""
    given = _parser().parse_args(arguments)
    logs.configure(level="ERROR")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stack goes with it
    plan = Plan(orders=given.orders, seed=given.seed, seconds=given.seconds, patience=given.patience)
    with staged(World(seed=given.seed), hooks=not given.no_hooks) as stage:
        storm = not given.calm
        weather = Weather(stage, given.seed, faults=storm, hooks=storm, habits=storm, kills=given.kills)
        result = Week(stage, plan, weather, _saying()).run()
    print(table(result))
    other = _unlike(given.like, result) if given.like else []
    print(*(f"not as in {given.like}: {one}" for one in other), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(result.to_json(), indent=2) + "\n", "utf-8")
    return 0 if result.good and not other else 1


def _unlike(path: Path, result: Result) -> list[str]:
    """The orders that ended otherwise than in the run whose result lies there."""
    return unlike(json.loads(path.read_text("utf-8"))["outcomes"], result.outcomes, result.fate_of)


def table(result: Result) -> str:
    """The result for people."""
    rows = [("orders", result.plan.orders), ("seed", result.plan.seed), ("seconds", result.seconds)]
    rows += [(f"fate: {name}", count) for name, count in sorted(result.fates.items())]
    rows += [(f"weather: {name}", count) for name, count in sorted(result.happened.items())]
    rows += [(f"decided: {name}", count) for name, count in sorted(result.decided.items())]
    rows += [("comparisons", sum(result.report.compared.values())), ("differences", len(result.report.findings))]
    width = max(len(name) for name, _ in rows)
    told = [f"{name:<{width}}  {value:>8}" for name, value in rows]
    return "\n".join([*told, "", result.report.table(), *(f"not at its end: {one}" for one in result.unfinished)])


def _saying() -> Callable[[str], None]:
    """Progress on the error output, a line every ten seconds."""
    last = 0.0

    def say(words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= 10:
            last = time.monotonic()
            sys.stderr.write(f"{words}\n")

    return say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.week", description=__doc__)
    add = parser.add_argument
    add("--orders", type=int, default=500)
    add("--seed", type=int, default=7)
    add("--seconds", type=int, default=2400, help="how long the week takes in real time")
    add("--patience", type=int, default=600, help="seconds that it may take to settle after that")
    add("--kills", type=int, default=0, help="how often the worker is killed in the week")
    add("--calm", action="store_true", help="nothing goes wrong by itself: no faults, no lost hooks, no bad habits")
    add("--no-hooks", action="store_true", help="Salesforce says nothing by itself: polling alone")
    add("--json", type=Path, help="write the result here, too")
    add(
        "--like",
        type=Path,
        metavar="FILE",
        help="the result of another run: every order must have ended as it did there",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
