"""Who owns which field of a master record, and what decides where two systems disagree (`config/ownership.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.links import LinkKind
from domain.master_values import Comparator
from domain.sources import System


class Policy(StrEnum):
    """What decides where two systems changed one field to different values since they last agreed."""

    OWNER_WINS = "owner_wins"
    SOURCE_RANK = "source_rank"
    PREFER_UNLESS_EMPTY = "prefer_unless_empty"
    NEWEST = "newest"
    MAX = "max"
    MIN = "min"
    UNION = "union"
    FROZEN = "frozen"
    MANUAL = "manual"


class Sensitivity(StrEnum):
    """What a wrong value costs; time alone never decides what is money or identity."""

    MONEY = "money"
    IDENTITY = "identity"
    COSMETIC = "cosmetic"


class PhaseRule(BaseModel):
    """What holds instead while the record is in a phase; what is not named stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: System | None = None
    takes_from: tuple[System, ...] | None = None
    writes_to: tuple[System, ...] | None = None
    policy: Policy | None = None


class FieldRule(BaseModel):
    """The rule of one field, or of one group of fields that merges as a unit.

    `takes_from`: whose changes count (by default the owner's alone); another system's change is put back where that
    system is written. `writes_to`: which systems are brought to the value. `rank`: for `source_rank`, and whom
    `prefer_unless_empty` asks after the owner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: System
    takes_from: tuple[System, ...] = ()
    writes_to: tuple[System, ...] = ()
    comparator: Comparator = Comparator.TEXT
    sensitivity: Sensitivity
    policy: Policy = Policy.OWNER_WINS
    rank: tuple[System, ...] = ()
    phases: Mapping[str, PhaseRule] = {}

    @property
    def sources(self) -> tuple[System, ...]:
        """The systems whose changes count."""
        return self.takes_from or (self.owner,)

    @property
    def order(self) -> tuple[System, ...]:
        """The systems in the order of their word: the owner, then by rank, then the rest."""
        return tuple(dict.fromkeys((self.owner, *self.rank, *self.sources, *System)))

    def in_phase(self, phase: str) -> FieldRule:
        """The rule that holds while the record is in a phase (an owner that changes brings its own changes along)."""
        given = self.phases.get(phase)
        if given is None:
            return self
        changed = given.model_dump(exclude_none=True)
        if given.owner is not None and given.takes_from is None:
            changed["takes_from"] = (given.owner,)
        return self.model_copy(update=changed)


class Flapping(BaseModel):
    """A field that one side brings to the same value `times` times within so many minutes is left to a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: int = Field(default=3, ge=2)
    minutes: int = Field(default=60, ge=1)

    @property
    def window(self) -> timedelta:
        """How far back one looks."""
        return timedelta(minutes=self.minutes)


class Clocks(BaseModel):
    """For `newest`: two changes that are closer than the clocks are sure, and this many seconds, are a person's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tie_seconds: int = Field(default=5, ge=0)


class Ownership(BaseModel):
    """Every rule, by kind of record and field. `version` is a digest of the text that it was read from."""

    model_config = ConfigDict(frozen=True)

    version: str
    flapping: Flapping = Flapping()
    clocks: Clocks = Clocks()
    customer: Mapping[str, FieldRule] = {}
    item: Mapping[str, FieldRule] = {}
    terms: Mapping[str, FieldRule] = {}

    def rules(self, kind: LinkKind) -> Mapping[str, FieldRule]:
        """The rules of a kind of record, in the order in which they are declared."""
        found: Mapping[str, FieldRule] = getattr(self, kind.value)
        return found
