"""One number for each new order, without a gap, whatever dies, is lost, or works beside."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from tests.activities.order_desk import Desk
from tests.activities.worker import Death, Life, MortalGateway, mortal_engine


@pytest.mark.parametrize("kind", ["commit_then_reset", "commit_then_hang", "reset_before", "hang_before"])
@pytest.mark.parametrize("nth", [0, 1])
def test_a_lost_answer_gives_no_second_number(desk: Desk, kind: str, nth: int) -> None:
    """Of the lines' call, and of the order's: whether it took effect or not."""
    order = desk.place()
    desk.org.fault(kind, method="PATCH", path="/composite/sobjects", skip=nth, times=2, seconds=5)
    for _ in range(4):
        assert may_be_tried_again(desk)
        desk.later()
    desk.org.clear_faults()
    desk.pull()

    assert desk.number(order) == "SO900001"
    assert desk.line_numbers(order) == [1, 2]
    assert desk.known("SO900001")
    assert desk.work_on(order) == []
    after = desk.place()
    desk.pull()
    assert desk.number(after) == "SO900002"


def may_be_tried_again(desk: Desk) -> bool:
    """Whether a poll did its work, or failed so that Temporal tries it again."""
    try:
        desk.pull()
    except ApplicationError as error:
        return not error.non_retryable
    return True


def boundaries(desk: Desk) -> int:
    """How many commits and calls one acceptance passes."""
    desk.place()
    return len(lived(desk, Life()).passed)


def lived(desk: Desk, life: Life) -> Life:
    """One poll in a process of its own, which may die."""
    mortal = mortal_engine(desk.url, life)
    try:
        desk.pull(mortal, MortalGateway(cast("Any", desk.gateway), life))
    except Death:
        pass
    finally:
        mortal.dispose()
    return life


def test_a_death_anywhere_leaves_one_number_and_no_gap(desk: Desk) -> None:
    """The process dies before and after every commit and every call; the next one goes on."""
    last = boundaries(desk)
    assert last > 15
    expected = 1
    for dies_at in range(1, last + 1):
        order = desk.place()
        lived(desk, Life(dies_at=dies_at))
        desk.later()
        desk.pull()
        expected += 1
        number = f"SO{900000 + expected}"
        assert desk.number(order) == number, dies_at
        assert desk.line_numbers(order) == [1, 2], dies_at
        assert desk.known(number), dies_at
    assert desk.waiting() == {}


def test_two_workers_and_many_hints_at_once_give_one_number_each(desk: Desk) -> None:
    placed = [desk.place() for _ in range(6)]
    together = threading.Barrier(8)

    def work(place: int) -> None:
        together.wait()
        if place % 2:
            desk.pull()
        else:
            desk.read(*placed)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, place) for place in range(8)]:
            done.result()
    desk.later()
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == [f"SO90000{place}" for place in range(1, 7)]
    assert all(desk.line_numbers(one) == [1, 2] for one in placed)
    assert len(desk.known(*(f"SO90000{place}" for place in range(1, 7)))) == 6
    assert all(desk.work_on(one) == [] for one in placed)
