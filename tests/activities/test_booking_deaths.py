"""Booking by processes that die at every step, and by two at once: each shipment still gets exactly one invoice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.shipments import Shipment
from tests.activities.bookings import UNCERTAIN, check_all, intended, stated
from tests.activities.worker import Death, Life, Worker
from tests.activities.world import CREATES, House


@pytest.mark.parametrize("way", ["single", "batch"])
def test_two_workers_book_the_same_intents_at_once(house: House, way: str) -> None:
    """Each of two processes believes that the work is its own."""
    workers = [Worker(house), Worker(house)]
    made, ids = intended(house, workers[0], 1 if way == "single" else 6)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.book_patiently(ids), workers))
    for one in workers:
        one.close()
    check_all(house, made)


def test_a_worker_that_was_overtaken_does_not_undo_the_others_doubt(house: House, worker: Worker) -> None:
    """The first was told to slow down; meanwhile the second has sent and heard nothing: that stays uncertain."""
    (made,), ids = intended(house, worker, 1)
    other = Worker(house)
    sent_between: list[str] = []

    class Overtaken:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            call = getattr(worker.gateway, name)

            def overtaken(*args: Any) -> Any:
                if name == "draft_invoice" and not sent_between:
                    sent_between.append(name)
                    house.books.fault("commit_then_reset", path=CREATES["invoice"])
                    house.books.fault("status", path=CREATES["invoice"], status=429)
                    with pytest.raises(ApplicationError):
                        other.book(ids)
                return call(*args)

            return overtaken

    plain, worker.booking._quickbooks = worker.booking._quickbooks, Overtaken()  # type: ignore[assignment]
    with pytest.raises(ApplicationError) as raised:
        worker.book(ids)
    worker.booking._quickbooks = plain
    assert raised.value.type == "rate_limited"
    assert house.state(made.number) == UNCERTAIN
    house.books.forget_requests()
    house.books.set(warn_duplicate_numbers=False)
    other.book_patiently(ids)
    other.close()
    check_all(house, [made])


def boundaries(house: House, count: int, trouble: dict[str, object] | None) -> list[str]:
    """The boundaries that a worker passes who lives: so often can it die."""
    life = Life()
    worker = Worker(house, life)
    made, _ = _lived(house, worker, count, trouble)
    worker.close()
    check_all(house, made)
    return life.passed


def _lived(house: House, worker: Worker, count: int, trouble: dict[str, object] | None) -> tuple[list[Shipment], bool]:
    made = stated(house, count)
    if trouble:
        house.books.fault(path="/(invoice|batch)$", seconds=30, **trouble)  # type: ignore[arg-type]
    work = house.deliver(*made)
    try:
        worker.book_patiently(worker.prepare_range(work).book)
    except Death:
        house.books.calm()
        successor = Worker(house)
        successor.book_patiently(successor.prepare_range(work).book)
        successor.close()
        return made, True
    return made, False


@pytest.mark.parametrize("count", [1, 2], ids=["single", "batch"])
@pytest.mark.parametrize("trouble", [None, {"kind": "commit_then_reset"}], ids=["calm", "answer-lost"])
def test_one_invoice_wherever_the_process_dies(house: House, count: int, trouble: dict[str, object] | None) -> None:
    """G-E5: death before and after every commit and every call, then another process does the same work again."""
    passed = boundaries(house, count, trouble)
    kinds = {" ".join(one.split()[:1]) + " " + one.split()[1] for one in passed}
    call = "draft_invoice" if count == 1 else "draft_invoices"
    assert {"before commit", "after commit", f"before {call}"} <= kinds
    for step in range(1, len(passed) + 1):
        life = Life(dies_at=step)
        worker = Worker(house, life)
        made, died = _lived(house, worker, count, trouble)
        worker.close()
        assert died, f"lived through step {step} of {len(passed)}"
        check_all(house, made)
