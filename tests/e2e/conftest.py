"""Whole gateways on twins: one that knows the world of the sample exports, one that knows a generated world."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.sample_world import Billed, SampleWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.twin_clients import Json

MASTERS = ("CUSMST.TXT", "ITMMST.TAB")
TEST_SECONDS = 400  # the first test of a gateway waits until all of its processes are up, on a busy machine too


FOLDER = Path(__file__).parent
_running = ExitStack()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the gateways with this folder's last test: until all tests ended they would take a share of the cores."""
    if nextitem is None or not nextitem.path.is_relative_to(FOLDER):
        _running.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time that whole gateways take."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session")
def sampled(samples: Path) -> SampleWorld:
    """A gateway that knows the sample exports' customers, items, terms and orders."""
    gateway = _running.enter_context(stacked_gateway())
    world = json.loads((samples / "world.json").read_text())
    gateway.know(world, [(name, (samples / name).read_bytes()) for name in MASTERS])
    return SampleWorld(gateway, world, json.loads((samples / "truth.json").read_text()), samples)


@pytest.fixture(scope="session")
def clean(sampled: SampleWorld) -> Billed:
    """The clean export, applied to empty books."""
    return sampled.hand_in("SHPCNF.S000417")


@pytest.fixture(scope="session")
def shown(sampled: SampleWorld, clean: Billed) -> dict[str, Json]:
    """Salesforce's orders by number, as soon as it shows all invoices of the clean export and before anything else."""
    return sampled.shown_orders(clean)


@pytest.fixture(scope="session")
def troubled(sampled: SampleWorld, clean: Billed, shown: dict[str, Json]) -> Billed:
    """The export full of business trouble, applied after the clean one."""
    return sampled.hand_in("SHPCNF.S000418")


@pytest.fixture(scope="session")
def generated() -> GeneratedWorld:
    """A gateway that knows a world made by the ERP's twin; it needs no sample. Each export ships other orders."""
    gateway = _running.enter_context(stacked_gateway())
    world = gateway.erp.make_world(seed=20261120, customers=25, items=60, orders=420, sequence=101)
    gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
    return GeneratedWorld(gateway, world)
