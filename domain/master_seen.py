"""A master record as an adapter saw it, in canonical words, and how the vendor's clock stands to ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.links import LinkKind
from domain.master_values import Value
from domain.merging import SideState

_MILLI = timedelta(milliseconds=1)
_HALF_A_SECOND = timedelta(milliseconds=500)


class MasterSeen(BaseModel):
    """One record. `values` holds the fields that this system keeps; `terms` is the system's own id of them.

    `merged_into`: the record that people put in its place.
    """

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    external_id: str
    name: str = ""
    state: SideState = SideState.PRESENT
    values: Mapping[str, Value] = {}
    version: str | None = None
    changed_at: AwareDatetime | None = None
    merged_into: str | None = None


class ClockReading(BaseModel):
    """How far a system's clock is ahead of ours, in milliseconds, and how sure that is."""

    model_config = ConfigDict(frozen=True)

    offset_ms: int
    bound_ms: int
    read_at: AwareDatetime


class ClockWatch:
    """The best of the last readings: what a round trip and the answer's `Date` say of the other clock."""

    def __init__(self) -> None:
        self._best: ClockReading | None = None

    def note(self, date: str | None, took: timedelta, now: datetime) -> None:
        """Take one answer: its `Date`, of whole seconds, was written at some moment of the round trip."""
        stated = _instant(date)
        if stated is None:
            return
        offset = stated + _HALF_A_SECOND - (now - took / 2)
        bound = took / 2 + _HALF_A_SECOND
        reading = ClockReading(offset_ms=offset // _MILLI, bound_ms=bound // _MILLI + 1, read_at=now)
        best = self._best
        if best is None or reading.bound_ms <= best.bound_ms or now - best.read_at > timedelta(minutes=10):
            self._best = reading

    @property
    def reading(self) -> ClockReading | None:
        """How the clocks stand, None before the first answer."""
        return self._best


def _instant(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else None
    except ValueError:
        return None
