"""Waiting for something to become true: a look again and again, and a message that shows what was there instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.2
SHOWN_CHARACTERS = 3000


def wait_until(
    what: str,
    look: Callable[[], T],
    good: Callable[[T], Any] = bool,
    *,
    seconds: float = 45,
    explain: Callable[[], object] | None = None,
) -> T:
    """Look until the state is good and answer it. AssertionError with the last state when the time is over.

    `explain` adds what helps to understand a failure; it is asked only then.
    """
    deadline = time.monotonic() + seconds
    while True:
        state = look()
        if good(state):
            return state
        if time.monotonic() > deadline:
            more = f"\n{explain()}" if explain else ""
            raise AssertionError(f"after {seconds:g} s not yet: {what}\nlast seen: {_shown(state)}{more}")
        time.sleep(PAUSE_SECONDS)


def _shown(state: object) -> str:
    text = repr(state)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ... ({len(text)} characters)"
