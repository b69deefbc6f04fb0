"""Counts requests as QuickBooks meters them, and tells when a limit of its throttles is passed."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from twins.web import JsonObject

PER_MINUTE, PER_SECOND, BATCHES_PER_MINUTE = 500, 10, 40
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)


class Usage:
    """Sliding windows over the twin's clock; kept in memory, as a throttle forgets after a minute anyway."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._requests: deque[datetime] = deque()
        self._batches: deque[datetime] = deque()
        self._total = self._throttled = self._most_second = self._most_minute = 0

    def count(self, *, batch: bool) -> bool:
        """Count one request; True when it is over a limit."""
        now = self._now()
        self._requests.append(now)
        if batch:
            self._batches.append(now)
        self._total += 1
        minute, second, batches = self._windows(now)
        self._most_minute, self._most_second = max(self._most_minute, minute), max(self._most_second, second)
        return minute > PER_MINUTE or second > PER_SECOND or batches > BATCHES_PER_MINUTE

    def throttled(self) -> None:
        """Note that a request was answered with 429."""
        self._throttled += 1

    def report(self) -> JsonObject:
        """Return the counters."""
        minute, second, batches = self._windows(self._now())
        return {
            "requests": self._total,
            "throttled": self._throttled,
            "last_minute": minute,
            "last_second": second,
            "batches_last_minute": batches,
            "most_in_a_minute": self._most_minute,
            "most_in_a_second": self._most_second,
        }

    def _windows(self, now: datetime) -> tuple[int, int, int]:
        for window in (self._requests, self._batches):
            # A clock that was set back leaves times of the future: they are dropped from the other end.
            while window and window[0] <= now - _MINUTE:
                window.popleft()
            while window and window[-1] > now:
                window.pop()
        second = 0
        for moment in reversed(self._requests):
            if moment <= now - _SECOND:
                break
            second += 1
        return len(self._requests), second, len(self._batches)
