"""How often reps sell what is not there, and what the buffer costs: a seeded simulation. `python -m bench.oversell`.

One item in one warehouse, day after day. Reps sell through Salesforce; the ERP's own counter sells too, which the
gateway sees only in the next export. At each export the ERP ships what it had allocated, imports the orders that came
in, allocates what it can, and cuts acknowledgement and snapshot; both are visible some minutes later. The promise is
the product's own decision (`domain.availability`). Prints the table; writes table and plot into the documents.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from bench.oversell_day import DAY_MINUTES, OPENING_STOCK, Arrival, Day, Strategy, Tally
from bench.oversell_plot import plot
from domain.freshness import BufferPolicy, FeedSchedule
from domain.promises import AvailabilityPolicy

COUNTER_PERCENT = 25  # of all demand: what the ERP sells by itself
INTERVALS = (15, 60, 120, 240)
LOADS = (80, 100, 120, 150)  # demand of a day, in per cent of its opening stock
PLOTTED_LOAD = 120
DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- simulation: begin -->", "<!-- simulation: end -->"

STRATEGIES = (
    Strategy("copy of on hand"),
    Strategy("copy of on hand - allocated", less_allocated=True),
    Strategy("promise, no buffer", buffer=0),
    Strategy("promise, buffer 1x", buffer=1),
    Strategy("promise, buffer 2x", buffer=2),
)


@dataclass(frozen=True)
class Result:
    """One cell of the table."""

    load: int
    interval: int
    strategy: str
    oversell: Decimal
    lost: Decimal


def arrivals(random: Random, load: int) -> list[Arrival]:
    """A day's demand: one to three pieces at a time, reps and counter mixed."""
    per_million = load * OPENING_STOCK * 1_000_000 // (100 * 2 * DAY_MINUTES)
    return [
        Arrival(minute, random.randint(1, 3), at_counter=random.randrange(100) < COUNTER_PERCENT)
        for minute in range(DAY_MINUTES)
        if random.randrange(1_000_000) < per_million
    ]


def days_of_demand(seed: int, load: int, days: int) -> list[list[Arrival]]:
    """The same days for the same seed."""
    random = Random(f"{seed}/{load}")
    return [arrivals(random, load) for _ in range(days)]


def policy_for(load: int, interval: int, strategy: Strategy) -> AvailabilityPolicy:
    """A buffer of so many times what the counter is expected to sell since the export was cut."""
    hourly = Decimal(load * OPENING_STOCK * COUNTER_PERCENT * 60) / (100 * 100 * DAY_MINUTES)
    buffer = BufferPolicy(units_per_hour=hourly * (strategy.buffer or 0), widen_every_minutes=1)
    return AvailabilityPolicy(version="bench", feed=FeedSchedule(every=timedelta(minutes=interval)), buffer=buffer)


def simulate(days: int, seed: int) -> Iterator[Result]:
    """Every load, interval and strategy on the same demand."""
    for load in LOADS:
        demand = days_of_demand(seed, load, days)
        for interval in INTERVALS:
            for strategy in STRATEGIES:
                tally, policy = Tally(), policy_for(load, interval, strategy)
                for one in demand:
                    Day(strategy, interval, policy, tally).run(one)
                yield Result(load, interval, strategy.name, tally.oversell_percent(), tally.lost_percent())


def table(results: list[Result]) -> str:
    """The results as Markdown: oversold / lost, in per cent."""
    head = "| load | export every | " + " | ".join(one.name for one in STRATEGIES) + " |"
    rule = "|---:|---:|" + "---:|" * len(STRATEGIES)
    cells = {(one.load, one.interval, one.strategy): f"{one.oversell} / {one.lost}" for one in results}
    rows = [
        f"| {load} % | {interval} min | " + " | ".join(cells[load, interval, one.name] for one in STRATEGIES) + " |"
        for load in LOADS
        for interval in INTERVALS
    ]
    return "\n".join([head, rule, *rows])


def write_documents(text: str, results: list[Result], document: Path, picture: Path) -> None:
    """Put the table between its marks, and the plot beside it."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    shown = [one for one in results if one.load == PLOTTED_LOAD]
    series = {
        one.name: [(each.oversell, each.lost) for each in shown if each.strategy == one.name] for one in STRATEGIES
    }
    picture.write_text(plot(series, [f"{one} min" for one in INTERVALS]))


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=150, help="simulated days for each setting")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--print-only", action="store_true", help="leave the documents as they are")
    options = parser.parse_args()
    results = list(simulate(options.days, options.seed))
    text = table(results)
    print(text)
    if not options.print_only:
        write_documents(text, results, DOCS / "concepts-stock.md", DOCS / "concepts-stock.svg")


if __name__ == "__main__":
    main()
