"""What the splitter hands on and the decoder makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LocalMoment:
    """What a calendar and a clock of the ERP showed; which instant that is, the layout's zone says."""

    day: date
    clock: time

    def __str__(self) -> str:
        return f"{self.day.isoformat()} {self.clock.isoformat()}"


Value = str | int | Decimal | date | time | LocalMoment | bool | None


@dataclass(slots=True)
class RawRecord:
    """A record as bytes `offset` to `end` (not included) of the file; `body` is without its line end.

    `ended` is False when the file stopped before the line end, `oversize` when the body was cut at the layout's limit.
    `column` is where the body starts in its line: 2 after a form feed that was taken off. `carried` are the values that
    a report states above the record.
    """

    line: int
    line_to: int
    offset: int
    end: int
    body: bytes
    ended: bool = True
    oversize: bool = False
    newline_ok: bool = True
    column: int = 1
    carried: Mapping[str, bytes] | None = None


@dataclass(slots=True)
class Skipped:
    """Bytes that the layout declares to be no record: a byte order mark, blank lines, the end-of-file marker."""

    offset: int
    end: int


@dataclass(slots=True)
class Cell:
    """The bytes of one field; columns count from 1 in the record, both included."""

    start: int
    end: int
    raw: bytes


@dataclass(slots=True)
class Decoded:
    """A record with its values. Fields that could not be read are in `bad` and have no value."""

    type: str
    raw: RawRecord
    number: int
    values: dict[str, Value] = field(default_factory=dict)
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    unread: bool = False

    def known(self, name: str) -> bool:
        """Whether the field was read (it may still have no value)."""
        return not self.unread and name not in self.bad
