"""The words of a merge: what bears on one field, and what it can come to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.master_values import Value
from domain.ownership import Clocks, FieldRule, Flapping
from domain.sources import System


class Reason(StrEnum):
    """Why a field has its value: stable codes, each with its row in docs/reference/ownership.md."""

    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    ONE_SIDE_MOVED = "one_side_moved"
    SAME_ON_BOTH = "same_on_both"
    NOT_TAKEN = "not_taken"
    OWNER_WINS = "owner_wins"
    SOURCE_RANK = "source_rank"
    PREFER_UNLESS_EMPTY = "prefer_unless_empty"
    NEWEST = "newest"
    MAX = "max"
    MIN = "min"
    UNION = "union"
    FROZEN = "frozen"
    PERSON = "person"
    CONFLICT = "conflict"
    TIME_UNSURE = "time_unsure"
    FLAPPING = "flapping"


class Said(BaseModel):
    """A value as one system has it."""

    model_config = ConfigDict(frozen=True)

    system: System
    value: Value


class Conflict(BaseModel):
    """What a person is asked: the values that stand against each other. The same question has the same fingerprint."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    said: tuple[Said, ...]


class Move(BaseModel):
    """A side's field came to a value: what a flapping field is told by."""

    model_config = ConfigDict(frozen=True)

    field: str
    system: System
    digest: str
    at: AwareDatetime


class Ruling(BaseModel):
    """A person's decision on one question: take what a system has, or this value."""

    model_config = ConfigDict(frozen=True)

    field: str
    fingerprint: str
    take: System | None = None
    value: Value = None
    decided_by: str


class FieldOutcome(BaseModel):
    """What one field came to. `losers` are kept: what a side had that does not stand."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: Value
    reason: Reason
    losers: tuple[Said, ...] = ()
    writes: tuple[System, ...] = ()
    conflict: Conflict | None = None
    moves: tuple[Move, ...] = ()


class Present(BaseModel):
    """One side's part in a field: what it has, what was agreed with it, and what the gateway set out to write there.

    `seen_of_written`: that with the parts of it that the side keeps, as they are now.
    """

    model_config = ConfigDict(frozen=True)

    system: System
    value: Value
    has_base: bool
    theirs: Value = None
    ours: Value = None
    has_written: bool = False
    written: Value = None
    seen_of_written: Value = None
    changed_at: AwareDatetime | None = None
    clock_offset_ms: int = 0
    clock_bound_ms: int | None = None


class Case(BaseModel):
    """One field and everything that bears on it; `ruling` by fingerprint."""

    model_config = ConfigDict(frozen=True)

    field: str
    rule: FieldRule
    is_known: bool
    agreed: Value
    sides: tuple[Present, ...]
    ruling: Mapping[str, Ruling] = {}
    moves: tuple[Move, ...] = ()
    held: str | None = None
    at: AwareDatetime
    flapping: Flapping = Flapping()
    clocks: Clocks = Clocks()


class Verdict(BaseModel):
    """A value that a rule has found, and why; without one (`value` means nothing) a person is asked."""

    model_config = ConfigDict(frozen=True)

    reason: Reason
    value: Value = None
    is_found: bool = True
