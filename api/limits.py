"""How many requests are taken: a bucket of tokens for each key, for each address, and for those who call the hooks.

What one process has counted lies in its memory alone: two processes of the API take twice as many. A bucket holds what
half a minute allows and fills evenly, so that a page that asks for much at once is served, and a loop is slowed down.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import Scope

EXEMPT = frozenset({"/livez", "/readyz", "/metrics"})  # what watches a gateway must see it when it is busy, too
HOOKS = "/hooks/"
BURST_SECONDS = 30
ROUNDING = 1e-9
KEPT = 20_000  # buckets; one that was dropped is full when it is asked again


@dataclass(frozen=True)
class Rates:
    """Requests a minute for one key, for one address, and for one address that calls the hooks; 0: no limit."""

    key: int = 0
    address: int = 0
    hooks: int = 0


@dataclass
class _Buckets:
    """The buckets of one kind, the one that was asked longest ago first."""

    per_minute: int
    levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, name: str, now: float) -> float:
        """In how many seconds there is a token for this name; 0: now."""
        if not self.per_minute:
            return 0
        missing = 1 - self._level(name, now)
        return 0 if missing < ROUNDING else missing * 60 / self.per_minute

    def take(self, name: str, now: float) -> None:
        """Take a token that is there."""
        if not self.per_minute:
            return
        level = self._level(name, now)
        self.levels[name] = (max(0.0, level - 1), now)
        self.levels.move_to_end(name)
        if len(self.levels) > KEPT:
            self.levels.popitem(last=False)

    def _level(self, name: str, now: float) -> float:
        most = max(1.0, self.per_minute * BURST_SECONDS / 60)
        level, seen = self.levels.get(name, (most, now))
        return min(most, level + (now - seen) * self.per_minute / 60)


class Limits:
    """Decides of a request by its outside whether it is one too many. For one event loop: it has no lock."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._keys, self._addresses, self._hooks = map(_Buckets, (rates.key, rates.address, rates.hooks))

    def wait(self, scope: Scope) -> int:
        """0 for a request that is taken, else in how many whole seconds it may come again.

        A request with a key counts for its key and for its address: who tries keys has a new one each time. One that is
        refused counts for nothing.
        """
        if scope["path"] in EXEMPT:
            return 0
        asked, now = self._asked(scope), self._clock()
        wait = max(buckets.wait(name, now) for buckets, name in asked)
        if not wait:
            for buckets, name in asked:
                buckets.take(name, now)
        return math.ceil(wait)

    def _asked(self, scope: Scope) -> list[tuple[_Buckets, str]]:
        address = _address(scope)
        if scope["method"] == "POST" and scope["path"].startswith(HOOKS):
            return [(self._hooks, address)]
        key = Headers(scope=scope).get("x-api-key")
        of_key = [(self._keys, hashlib.sha256(key.encode()).hexdigest())] if key else []
        return [*of_key, (self._addresses, address)]


def _address(scope: Scope) -> str:
    """Who calls; of an IPv6 address its network (/64), of which one machine has every address."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> 64)
    return str(host)
