"""How several test processes share the work: what stays together, and what comes first."""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Tests of one gateway run in one process: to start a gateway is slow.
GENERATED = (
    "tests/e2e/test_outages.py",
    "tests/e2e/test_watched_folder.py",
    "tests/e2e/test_worker_killed.py",
    "tests/e2e/test_stock.py",  # the last: from then on orders may be short of stock, and say so
)
SAMPLED = ("tests/e2e/test_damaged_files.py", "tests/e2e/test_main_job.py", "tests/e2e/test_troubled_file.py")
TOGETHER = {**dict.fromkeys(GENERATED, "generated gateway"), **dict.fromkeys(SAMPLED, "sampled gateway")}
# What takes long comes first: as the last one it would keep one process busy while the others idle.
FIRST = (
    *GENERATED,
    "tests/console/test_stack.py",
    "tests/deployment/test_services_run.py",
    "tests/activities/test_walk.py",
    "tests/e2e/",
    "tests/activities/test_booking",
    "tests/activities/",
    "tests/workflows/",
    "tests/activities_temporal/",
)


class SharedByGateway(LoadFileScheduling):
    """The tests of a file stay together, and so do those of a gateway."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedByGateway | None:
    """Share by gateway where the work is shared by files, as `make test` does."""
    return SharedByGateway(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow proofs to `make prove`; put what takes long first, in each of several processes."""
    if not os.environ.get("THREEWAY_TEST_PROOFS"):
        left = pytest.mark.skip(reason="a slow proof: `make prove` runs it")
        for item in items:
            if item.get_closest_marker("proof"):
                item.add_marker(left)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _turn(item.nodeid))


def _turn(nodeid: str) -> int:
    return next((turn for turn, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))
