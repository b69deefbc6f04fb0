"""A small week of orders through every fate: in the end all systems agree, by a checker that misses nothing.

`make prove` runs it, with a worker killed on the way; `python -m bench.week` takes any number of orders, any weather.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.week.checker import check
from bench.week.driver import Plan, Result, Week
from bench.week.evidence import gather
from bench.week.findings import Finding
from bench.week.plan import FATES
from bench.week.stage import Stage, World, staged
from bench.week.weather import Weather
from tests.architecture.project import ROOT, packages
from tests.e2e.alterations import Alteration, Hands, alterations
from tests.e2e.stacks import ports_of_the_systems_choice
from tests.folders import own_folder

PLAN = Plan(orders=30, seed=7, seconds=45, patience=200)


@dataclass(frozen=True)
class Lived:
    """A week that is over, with the gateway at rest."""

    stage: Stage
    result: Result


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    """The week. Afterwards the gateway is dead, so that nobody mends what the tests break."""
    if not os.environ.get("THREEWAY_TEST_WEEK"):
        pytest.skip("it takes minutes: `make prove` runs it")
    with (
        own_folder("week") as folder,
        ports_of_the_systems_choice(),
        staged(World(seed=PLAN.seed), poll_seconds=4, where=folder) as stage,
    ):
        weather = Weather(stage, PLAN.seed, hooks=True, kills=1)
        result = Week(stage, PLAN, weather).run()
        for process in ("worker", "api"):
            stage.stack.kill(process)
        yield Lived(stage, result)


@pytest.mark.slow
def test_every_order_comes_to_its_end_and_all_systems_agree(lived: Lived) -> None:
    """Cases O1 to O5, O8 to O17, F9: the three systems and the store, line by line, with a worker killed on the way."""
    assert lived.result.unfinished == []
    assert lived.result.report.findings == [], lived.result.report.table()
    assert set(lived.result.fates) == set(FATES)
    assert lived.result.happened["workers killed"] == 1
    assert sum(lived.result.report.compared.values()) > 2000


@pytest.mark.slow
def test_the_checker_finds_whatever_is_changed_behind_its_back(lived: Lived) -> None:
    missed = [one.name for one in alterations() if not _is_found(lived.stage, one)]

    assert missed == []
    assert len(list(alterations())) >= 20


def test_the_checker_shares_no_code_with_what_it_checks() -> None:
    product = sorted(packages())
    code = (
        "import sys; import bench.week.checker; "
        f"print(sorted({{name.partition('.')[0] for name in sys.modules}} & set({product!r})))"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    assert loaded == "[]"


def _is_found(stage: Stage, one: Alteration) -> bool:
    """Alter, compare, and take it back: exactly the finding that must come of it is new."""
    before = gather(stage.addresses)
    known = set(check(before, stage.rules).findings)
    undo = one.do(Hands(stage), before)
    try:
        new = set(check(gather(stage.addresses), stage.rules).findings) - known
    finally:
        undo()
    return any(_fits(finding, one) for finding in new)


def _fits(finding: Finding, one: Alteration) -> bool:
    return (finding.system, finding.rule) == (one.system, one.rule) and one.words in f"{finding.record} {finding.field}"
