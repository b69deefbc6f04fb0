"""Lanes: side by side, in order, never with rows of one parent at the same moment, and all stop for an error."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from adapters.salesforce.lanes import Allowance, in_lanes


class Road:
    """Notes which chunks are on their way together; a chunk is the parents of its rows."""

    def __init__(self, pause: float = 0.01) -> None:
        self.pause = pause
        self.under_way: list[str] = []
        self.sent: list[str] = []
        self.together: list[tuple[str, ...]] = []
        self.lock = threading.Lock()

    def send(self, chunk: str) -> str:
        with self.lock:
            self.under_way.append(chunk)
            self.sent.append(chunk)
            self.together.append(tuple(self.under_way))
        time.sleep(self.pause)
        with self.lock:
            self.under_way.remove(chunk)
        return chunk.lower()


def touch(before: str, after: str) -> bool:
    return before[-1] == after[0]


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 40])
@pytest.mark.parametrize(
    "chunks",
    [
        [],
        ["AB"],
        ["AB", "BC", "CD"],
        ["AA", "AA", "AA", "AA", "AA", "AA", "AA"],
        ["AB", "BB", "BB", "BC", "DE", "EF", "GH", "HI", "IJ", "KL"],
    ],
)
def test_no_parent_is_in_two_lanes_at_once(chunks: list[str], lanes: int) -> None:
    road = Road()
    assert in_lanes(chunks, road.send, lanes, touch) == [chunk.lower() for chunk in chunks]
    assert sorted(road.sent) == sorted(chunks)
    for together in road.together:
        assert len(together) <= lanes
        parents = [parent for chunk in together for parent in set(chunk)]
        assert len(parents) == len(set(parents)), together


def test_strangers_go_side_by_side() -> None:
    road = Road(0.05)
    in_lanes([letter * 2 for letter in "ABCDEF"], road.send, 3, touch)
    assert max(len(together) for together in road.together) == 3
    assert {road.sent.index("AA"), road.sent.index("CC"), road.sent.index("EE")} == {0, 1, 2}


def test_after_an_error_no_lane_begins_another_chunk() -> None:
    sent: list[str] = []

    def send(chunk: str) -> str:
        sent.append(chunk)
        if chunk == "AA":
            raise ValueError(chunk)
        time.sleep(0.05)
        return chunk

    with pytest.raises(ValueError, match="AA"):
        in_lanes([letter * 2 for letter in "ABCDEFGHI"], send, 3, touch)
    assert len(sent) <= 3


def test_an_allowance_is_one_for_all() -> None:
    allowance = Allowance(timedelta(seconds=20), 4)
    assert [allowance.may_call(2) for _ in range(3)] == [True, True, False]
    spent = Allowance(timedelta(0), 4)
    assert [spent.may_begin() for _ in range(2)] == [True, False]
    assert not spent.may_call(2)
    assert not spent.wait(0.01)
