"""The simulation behind the documents: repeatable, and what it claims about the promise holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.oversell import BEGIN, DOCS, END, INTERVALS, STRATEGIES, days_of_demand, policy_for, simulate, table
from bench.oversell_day import Day, Tally


def test_a_seed_gives_its_results_again() -> None:
    assert list(simulate(days=1, seed=3)) == list(simulate(days=1, seed=3))


@pytest.mark.parametrize("interval", INTERVALS)
def test_without_sales_that_nobody_sees_the_promise_never_oversells(interval: int) -> None:
    """Cases I3, I4: whatever the delay of the feed, and no sale is lost either."""
    strategy = next(one for one in STRATEGIES if one.buffer == 0)
    tally = Tally()
    for demand in days_of_demand(seed=3, load=200, days=10):
        of_reps = [one for one in demand if not one.at_counter]
        Day(strategy, interval, policy_for(200, interval, strategy), tally).run(of_reps)
    assert tally.accepted > 300
    assert (tally.oversold, tally.refused_in_vain) == (0, 0)


def test_the_document_holds_a_table_of_the_same_shape() -> None:
    text = Path(DOCS / "concepts-stock.md").read_text().partition(BEGIN)[2].partition(END)[0].strip()
    expected = table(list(simulate(days=1, seed=7)))
    assert text.splitlines()[:2] == expected.splitlines()[:2]
    assert len(text.splitlines()) == len(expected.splitlines())
