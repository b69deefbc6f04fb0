"""Processes that are killed in the middle of their work: every shipment is invoiced, none twice; the books tell.

The moments of death are drawn from a seed, which is printed; THREEWAY_TEST_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.generated_world import Export, GeneratedWorld
from tests.e2e.twin_clients import BATCHES
from tests.e2e.waiting import wait_until

SHIPMENTS = 100
SLOW_SECONDS = 0.7  # a call takes so long that a kill can find it under way, on either side of its commit


@pytest.fixture
def chance() -> random.Random:
    """The moments of death."""
    seed = int(os.environ.get("THREEWAY_TEST_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    return random.Random(seed)  # noqa: S311 - not for secrets


@pytest.fixture
def slow_books(generated: GeneratedWorld) -> Iterator[None]:
    """QuickBooks takes its time over every batch, and answers some only after it has committed and waited."""
    books = generated.gateway.quickbooks
    books.fault("commit_then_hang", path=BATCHES, method="POST", skip=1, times=1, seconds=SLOW_SECONDS)
    books.fault("slow", path=BATCHES, method="POST", times=0, seconds=SLOW_SECONDS)
    yield
    books.heal()


def _kill_and_start(generated: GeneratedWorld, name: str, after: float) -> None:
    """Kill one process of the stack at a moment of the run, as the kernel would, and bring it back."""
    time.sleep(after)
    generated.gateway.stack.kill(name)
    print(f"{name} killed after {after:.2f} s with {generated.billed_in_all()} invoices in the books")  # noqa: T201
    generated.gateway.stack.start(name)


def _wait_until_quickbooks_is_asked(generated: GeneratedWorld) -> None:
    """A new call of the API is under way there; the longest wait is that for a dead worker to be noticed."""
    books = generated.gateway.quickbooks
    last = books.last_request()
    wait_until(
        "QuickBooks is asked for something",
        lambda: books.requests(last),
        lambda asked: any(one["path"].startswith("/v3/") for one in asked),
        explain=generated.standing,
    )


@pytest.mark.proof
@pytest.mark.usefixtures("slow_books")
def test_a_worker_that_is_killed_again_and_again_bills_every_shipment_once(
    generated: GeneratedWorld, chance: random.Random
) -> None:
    """Cases E13, X8: kills land before the calls of QuickBooks, in them, after them, and in the recovery from that."""
    export = generated.ship(SHIPMENTS)
    file_id = generated.gateway.hand_in(export.filename, export.content)
    _kill_and_start(generated, "worker", chance.uniform(0, 0.5))
    for _ in range(2):
        _wait_until_quickbooks_is_asked(generated)
        _kill_and_start(generated, "worker", chance.uniform(0, 2 * SLOW_SECONDS))
    _assert_all_billed_once(generated, export, file_id)


@pytest.mark.proof
def test_an_api_that_is_killed_loses_no_file_that_it_accepted(generated: GeneratedWorld, chance: random.Random) -> None:
    """A client that got no answer sends again, as clients do: it gets the same file, and nothing is billed twice."""
    exports = [generated.ship(10) for _ in range(2)]
    file_ids = []
    for export in exports:
        answered = _posted_while(generated, export, lambda: _kill_and_start(generated, "api", chance.uniform(0, 0.3)))
        print(f"{export.filename}: {answered}")  # noqa: T201
        again = generated.gateway.post_file(export.filename, export.content)
        assert again.status_code in {200, 202}, again.text
        if answered is not None:
            assert (again.status_code, again.json()["file_id"]) == (200, answered)
        file_ids.append(again.json()["file_id"])
    for export, file_id in zip(exports, file_ids, strict=True):
        _assert_all_billed_once(generated, export, file_id)


@pytest.mark.proof
@pytest.mark.usefixtures("slow_books")
def test_a_temporal_server_that_is_killed_loses_no_work(generated: GeneratedWorld, chance: random.Random) -> None:
    export = generated.ship(60)
    file_id = generated.gateway.hand_in(export.filename, export.content)
    for after in (chance.uniform(0, 1), chance.uniform(0.1, 1.5)):
        _kill_and_start(generated, "temporal", after)
    _assert_all_billed_once(generated, export, file_id)


def _posted_while(generated: GeneratedWorld, export: Export, disturb: Callable[[], None]) -> str | None:
    """Post a file while something happens to the API; the file's id if there was an answer, else None."""
    with ThreadPoolExecutor(1) as pool:
        posting = pool.submit(generated.gateway.post_file, export.filename, export.content)
        disturb()
        try:
            answer = posting.result()
        except httpx.HTTPError:
            return None
    assert answer.status_code == 202, answer.text
    return str(answer.json()["file_id"])


def _assert_all_billed_once(generated: GeneratedWorld, export: Export, file_id: str) -> None:
    """The books, then the gateway's own view of them, agree with the truth of the export."""
    generated.wait_until_billed(export, seconds=120)
    assert generated.gateway.file_ended(file_id, seconds=60)["state"] == "applied"
    shipments = generated.gateway.shipments(file_id)
    assert shipments.keys() == {one["shipment_no"] for one in export.truth["shipments"]}
    assert {len(one["invoices"]) for one in shipments.values()} == {1}
    generated.assert_books_right(export)
