"""Byte accounting: every byte of a file is in an accepted group, quarantined, or declared to be skipped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Ledger:
    """The three sums; `position` is the first byte that was not covered yet."""

    accepted: int = 0
    quarantined: int = 0
    skipped: int = 0
    position: int = 0
    tiles: bool = True

    def cover(self, offset: int, end: int) -> int:
        """The splitter moved on; returns the number of bytes. A hole or an overlap is remembered in `tiles`."""
        self.tiles = self.tiles and offset == self.position
        self.position = end
        return end - offset

    def balanced(self, size: int) -> bool:
        """Whether the three sums tile the file exactly."""
        return self.tiles and self.position == size == self.accepted + self.quarantined + self.skipped
