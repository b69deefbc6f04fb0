"""Chunks of rows sent side by side, and what the lanes of one statement share: its time and its extra calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Generic, TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


class Allowance:
    """The time and the extra calls of one statement; thread-safe, for all its lanes draw on it."""

    def __init__(self, budget: timedelta, extra_calls: int) -> None:
        self._deadline = time.monotonic() + budget.total_seconds()
        self._extra_calls = extra_calls
        self._begun = False
        self._guard = threading.Lock()

    def may_begin(self) -> bool:
        """True until the time is used up, and once even then: a statement that was due says at least something."""
        with self._guard:
            first, self._begun = not self._begun, True
        return first or time.monotonic() < self._deadline

    def may_call(self, count: int) -> bool:
        """Take extra calls: given while there is time and the daily pool is not being burnt."""
        with self._guard:
            self._extra_calls -= count
            return self._extra_calls >= 0 and time.monotonic() < self._deadline

    def wait(self, seconds: float) -> bool:
        """Wait that long; False, at once, when the time does not allow it."""
        if time.monotonic() + seconds > self._deadline:
            return False
        time.sleep(seconds)
        return True


def in_lanes(
    chunks: Sequence[Chunk], send: Callable[[Chunk], Result], lanes: int, touch: Callable[[Chunk, Chunk], bool]
) -> list[Result]:
    """Send sorted chunks in so many lanes at once; `touch` says whether two neighbours hold rows of one parent.

    After an error no lane begins another chunk, and the error is raised when all have stopped.
    """
    if lanes <= 1 or len(chunks) <= 1:
        return [send(chunk) for chunk in chunks]
    road = _Road(_split(chunks, min(lanes, len(chunks))), send, touch)
    with ThreadPoolExecutor(len(road.lanes), thread_name_prefix="salesforce lane") as threads:
        driven = [threads.submit(road.drive, number) for number in range(len(road.lanes))]
    return [result for lane in driven for result in lane.result()]


def _split(chunks: Sequence[Chunk], count: int) -> list[Sequence[Chunk]]:
    """Runs of neighbours, of equal length give or take one."""
    ends = [len(chunks) * number // count for number in range(count + 1)]
    return [chunks[start:end] for start, end in pairwise(ends)]


class _Road(Generic[Chunk, Result]):
    """Lanes that never hold rows of one parent at the same moment, though chunks are full and may split a parent.

    Chunks are sorted by parent and each lane has a run of neighbours, in order. So a parent that is split lies in one
    lane, where chunks follow one another, or in the last chunk of a lane and the first of the next: then the last one
    waits until that first one, which its lane sends before all others, is through. No circle of waiting is possible,
    as lanes wait for later ones only.
    """

    def __init__(
        self, lanes: list[Sequence[Chunk]], send: Callable[[Chunk], Result], touch: Callable[[Chunk, Chunk], bool]
    ) -> None:
        self.lanes = lanes
        self._send = send
        self._touch = touch
        self._first_is_through = [threading.Event() for _ in lanes]
        self._broken = threading.Event()

    def drive(self, number: int) -> list[Result]:
        """Send the chunks of one lane."""
        lane, results = self.lanes[number], []
        try:
            for place, chunk in enumerate(lane, start=1):
                if place == len(lane):
                    self._let_the_next_lane_pass(number, chunk)
                if self._broken.is_set():
                    break
                results.append(self._send(chunk))
                self._first_is_through[number].set()
        except BaseException:
            self._broken.set()
            raise
        finally:
            self._first_is_through[number].set()
        return results

    def _let_the_next_lane_pass(self, number: int, chunk: Chunk) -> None:
        following = number + 1
        if following < len(self.lanes) and self._touch(chunk, self.lanes[following][0]):
            self._first_is_through[following].wait()
