"""Seeded walks through everything that can go wrong; `make prove` walks a hundred of them."""

from __future__ import annotations

import pytest

from tests.activities.walk import Walk
from tests.activities.walk_oracle import Tally
from tests.activities.world import House

SEEDS = 8


@pytest.mark.parametrize("seed", range(9001, 9001 + SEEDS))
def test_exactly_one_invoice_on_a_random_walk(house: House, seed: int) -> None:
    """G-E5: faults, deaths, repeats, concurrent workers, corrections and people; the ledger is the oracle."""
    tally = Tally()
    Walk(house, seed, tally).run()
    assert tally.violations == []
    assert sum(tally.outcomes.values()) >= 3
