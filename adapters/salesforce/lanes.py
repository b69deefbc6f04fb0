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
    count = min(lanes, len(chunks))
    road = _Road(chunks, send, touch)
    borders = pairwise(len(chunks) * number // count for number in range(count + 1))  # equal length, give or take one
    with ThreadPoolExecutor(count, thread_name_prefix="salesforce lane") as threads:
        driven = [threads.submit(road.drive, start, end) for start, end in borders]
    return [result for lane in driven for result in lane.result()]


class _Road(Generic[Chunk, Result]):
    """Lanes that never hold rows of one parent at the same moment, though chunks are full and may split a parent.

    Chunks are sorted by parent and each lane has a run of neighbours, in order. So a parent that is split lies in one
    lane, where chunks follow one another, or at the end of a lane and the beginning of the next, which its lane sends
    before all others: the end waits until that beginning is through. Hardly ever does it have to, and no circle of
    waiting is possible, as lanes wait for later ones only.
    """

    def __init__(
        self, chunks: Sequence[Chunk], send: Callable[[Chunk], Result], touch: Callable[[Chunk, Chunk], bool]
    ) -> None:
        self._chunks = chunks
        self._send = send
        self._touch = touch
        self._through = [threading.Event() for _ in chunks]
        self._broken = threading.Event()

    def drive(self, start: int, end: int) -> list[Result]:
        """Send the chunks of one lane."""
        results = []
        try:
            for place in range(start, end):
                self._let_others_pass(place, end)
                if self._broken.is_set():
                    break
                results.append(self._send(self._chunks[place]))
                self._through[place].set()
        except BaseException:
            self._broken.set()
            raise
        finally:
            for through in self._through[start:end]:  # whoever waits for what will not be sent may go on, and stop
                through.set()
        return results

    def _let_others_pass(self, place: int, end: int) -> None:
        for other in range(end, len(self._chunks)):
            if not self._touch(self._chunks[place], self._chunks[other]):
                break
            self._through[other].wait()
