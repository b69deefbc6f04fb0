"""The request budget of one process: moving windows, with headroom kept for what matters most."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from fractions import Fraction

from adapters.quickbooks.connection import QuickBooksConnection
from domain.errors import RateLimited

MAX_WAIT_SECONDS = 15.0  # longer waits belong to the caller's retry, not to a blocked thread


class Priority(Enum):
    """The share of every window that a kind of work may fill: what is left over belongs to the kinds above it."""

    INVOICES = Fraction(1)
    PROBES = Fraction(9, 10)
    MASTERS = Fraction(1, 2)


@dataclass
class _Window:
    limit: int
    seconds: float
    starts: deque[float] = field(default_factory=deque)

    def wait(self, now: float, share: Fraction) -> float:
        """Seconds until one more call fits into the given share of this window."""
        while self.starts and self.starts[0] <= now - self.seconds:
            self.starts.popleft()
        allowed = max(1, int(self.limit * share))
        surplus = len(self.starts) - allowed
        return 0.0 if surplus < 0 else self.starts[surplus] + self.seconds - now


class Governor:
    """Let calls through at the vendor's pace. Thread-safe; `clock` counts seconds and never goes back."""

    def __init__(
        self,
        limits: Sequence[tuple[int, float]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        max_wait: float = MAX_WAIT_SECONDS,
    ) -> None:
        """`limits` are pairs: calls, and the seconds in which so many may start."""
        self._windows = [_Window(limit, seconds) for limit, seconds in limits]
        self._clock = clock
        self._sleep = sleep
        self._max_wait = max_wait
        self._resume_at = float("-inf")
        self._lock = threading.Lock()

    def acquire(self, priority: Priority = Priority.INVOICES) -> None:
        """Wait for a place and take it. RateLimited with `retry_after` when that would last longer than `max_wait`."""
        deadline = self._clock() + self._max_wait
        while (wait := self._take(priority)) > 0:
            if self._clock() + wait > deadline:
                raise RateLimited(
                    "The request budget for QuickBooks is used up for the moment: the call waits its turn.",
                    reason="local_budget",
                    retry_after=timedelta(seconds=wait),
                )
            self._sleep(wait)

    def pause(self, duration: timedelta) -> None:
        """Start nothing for a while: QuickBooks has asked for it."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + duration.total_seconds())

    def _take(self, priority: Priority) -> float:
        with self._lock:
            now = self._clock()
            waits = [window.wait(now, priority.value) for window in self._windows]
            wait = max([self._resume_at - now, *waits])
            if wait <= 0:
                for window in self._windows:
                    window.starts.append(now)
            return wait


@dataclass(frozen=True)
class Budget:
    """What one company may be asked: every request counts, and batches are counted once more by themselves."""

    requests: Governor
    batches: Governor

    @classmethod
    def of(cls, connection: QuickBooksConnection) -> Budget:
        """The budget that the connection states."""
        per_second, per_minute = connection.requests_per_second, connection.requests_per_minute
        return cls(
            requests=Governor([(per_second, 1.0), (per_minute, 60.0)]),
            batches=Governor([(connection.batches_per_minute, 60.0)]),
        )
