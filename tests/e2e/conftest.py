"""Whole gateways on twins: one that knows the world of the sample exports, one that knows a generated world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.sample_world import SampleWorld
from tests.e2e.stacks import stacked_gateway

MASTERS = ("CUSMST.TXT", "ITMMST.TAB")


@pytest.fixture(scope="module")
def sampled(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleWorld]:
    """A gateway of this module alone that knows the sample exports' customers, items, terms and orders."""
    with stacked_gateway(tmp_path_factory.mktemp("sampled")) as gateway:
        world = json.loads((samples / "world.json").read_text())
        gateway.know(world, [(name, (samples / name).read_bytes()) for name in MASTERS])
        yield SampleWorld(gateway, world, json.loads((samples / "truth.json").read_text()), samples)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedWorld]:
    """A gateway that knows a world made by the ERP's twin; it needs no sample. Each export ships other orders."""
    with stacked_gateway(tmp_path_factory.mktemp("generated")) as gateway:
        world = gateway.erp.make_world(seed=20261120, customers=25, items=60, orders=420, sequence=101)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        yield GeneratedWorld(gateway, world)
