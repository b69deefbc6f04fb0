"""Credit memos, voids and further invoices under every failure, death and double work: each takes effect once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.exceptions import Cause
from domain.shipments import Shipment
from tests.activities.corrections import AUTOMATIC, WRITES, check_kept, corrected, invoiced
from tests.activities.test_booking import TROUBLES, Trouble
from tests.activities.worker import Death, Life, Worker
from tests.activities.world import House


@dataclass(frozen=True)
class Kind:
    """A kind of correction: what is stated after ten were invoiced, and what is kept then."""

    name: str
    later: int

    def __str__(self) -> str:
        return self.name

    @property
    def kept(self) -> dict[str, int]:
        return {"BOLT": self.later} if self.later else {}


# One death in so many; each kind begins at another one. `make prove` takes them all.
ONE_IN = int(os.environ.get("THREEWAY_TEST_DEATHS", "3"))
KINDS = (Kind("credit_memo", 8), Kind("void", 0), Kind("supplement", 12))


def automat(house: House, life: Life | None = None, **more: Any) -> Worker:
    return Worker(house, life, corrections=AUTOMATIC, **more)


def writes(house: House, after: int) -> list[str]:
    """The request ids of what was written."""
    found = [one for one in house.books.journal(after) if one["method"] == "POST" and "query" not in one["path"]]
    return [part for one in found for part in one["query"].split("&") if part.startswith("requestid")]


def due(house: House, worker: Worker, kind: Kind) -> Shipment:
    made = invoiced(house, worker, 10)
    corrected(house, worker, made, kind.later)
    return made


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_once_whatever_happens_to_the_call(house: House, kind: Kind, trouble: Trouble) -> None:
    """E13: looked up first; what is nowhere is sent again under the same request id."""
    worker = automat(house)
    made = due(house, worker, kind)
    house.books.fault(trouble.kind, path=WRITES[kind.name], seconds=30, **trouble.rule)
    place = house.books.place()
    hasty = automat(house, read_timeout=1.0) if "hang" in trouble.kind else worker
    assert hasty.correct(made.number) is None
    check_kept(house, made.number, **kind.kept)
    assert len(set(writes(house, place))) == 1
    again = {"credit_memo": 1, "void": 0, "supplement": 1}[kind.name] if trouble.there else 0
    if trouble.there:
        assert len(writes(house, place)) == 1, "what was there was written again"
        assert house.books.words(place).count("query") >= again
    assert not house.open_work(made.number)
    for one in {hasty, worker}:
        one.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_forgotten_request_id_makes_no_second_one(house: House, kind: Kind) -> None:
    """E13: the outcome stays uncertain for longer than QuickBooks remembers, and numbers need not be unique."""
    house.books.set(custom_txn_numbers=False, warn_duplicate_numbers=False)
    worker = automat(house)
    made = due(house, worker, kind)
    house.books.fault("commit_then_reset", path=WRITES[kind.name])
    with pytest.raises(ApplicationError):
        worker.book_credit(worker.prepare_credit(made.number))
    house.books.forget_requests()
    assert worker.correct(made.number) is None
    check_kept(house, made.number, **kind.kept)
    worker.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_two_workers_correct_one_shipment_at_once(house: House, kind: Kind) -> None:
    """E13: each of two processes believes that the work is its own."""
    workers = [automat(house), automat(house)]
    made = due(house, workers[0], kind)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda one: one.correct(made.number), workers)) == [None, None]
    check_kept(house, made.number, **kind.kept)
    for one in workers:
        one.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_slow_quickbooks_is_not_asked_twice(house: House, kind: Kind) -> None:
    """E13: the first call is still under way there while the second is made."""
    hasty, steady = automat(house, read_timeout=0.4), automat(house)
    made = due(house, steady, kind)
    house.books.fault("slow", path=WRITES[kind.name], seconds=0.8)
    with pytest.raises(ApplicationError):
        hasty.book_credit(hasty.prepare_credit(made.number))
    assert steady.correct(made.number) is None
    check_kept(house, made.number, **kind.kept)
    hasty.close()
    steady.close()


def test_an_uncertain_correction_is_shown_and_not_decided_anew(house: House) -> None:
    """E13: nothing is decided upon books that may be about to change."""
    worker = automat(house)
    made = due(house, worker, KINDS[0])
    house.books.fault("commit_then_reset", path=WRITES["credit_memo"])
    prepared = worker.prepare_credit(made.number)
    with pytest.raises(ApplicationError):
        worker.book_credit(prepared)
    noted = worker.note_unbooked_credit(made.number)
    (item,) = house.open_work(made.number)
    assert (item.id, item.cause, item.money_at_stake) == (noted, Cause.CREDIT_UNCERTAIN, Decimal("2.23"))
    corrected(house, worker, made, 5)
    assert worker.prepare_credit(made.number).credits == prepared.credits
    assert worker.correct(made.number) is None
    check_kept(house, made.number, BOLT=5)
    assert len(house.books.credits(made.number)) == 2
    assert not house.open_work(made.number)
    worker.close()


def lived(house: House, worker: Worker, kind: Kind, trouble: dict[str, object] | None, prepare: Callable[..., Any]):
    """Correct until done, or until the process dies and another does the same work again."""
    made = prepare()
    if trouble:
        house.books.fault(path=WRITES[kind.name], seconds=30, **trouble)
    try:
        assert worker.correct(made.number) is None
    except Death:
        house.books.calm()
        successor = automat(house)
        assert successor.correct(made.number) is None
        successor.close()
        return made, True
    return made, False


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("trouble", [None, {"kind": "commit_then_reset"}], ids=["calm", "answer-lost"])
def test_once_wherever_the_process_dies(house: House, kind: Kind, trouble: dict[str, object] | None) -> None:
    """G-E5: death before and after every commit and every call."""
    helper = automat(house)

    def prepare() -> Shipment:
        made = invoiced(house, helper, 10)
        corrected(house, helper, made, kind.later)
        return made

    life = Life()
    worker = automat(house, life)
    made, _ = lived(house, worker, kind, trouble, prepare)
    worker.close()
    check_kept(house, made.number, **kind.kept)
    assert {"before commit", "after commit"} <= set(life.passed)
    for step in range(1 + KINDS.index(kind) % ONE_IN, len(life.passed) + 1, ONE_IN):
        worker = automat(house, Life(dies_at=step))
        made, died = lived(house, worker, kind, trouble, prepare)
        worker.close()
        assert died, f"lived through step {step} of {len(life.passed)}"
        check_kept(house, made.number, **kind.kept)
        assert not house.open_work(made.number)
    helper.close()
