"""The three-way merge: what each side has, against what was last agreed with it, by the declared rules. Pure.

`merge` looks at its inputs and nothing else: no clock, no earlier run. The same inputs under the same rules give the
same outcome bit for bit, so a decision that was kept can be taken again (`redecide`), also under other rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.links import LinkKind
from domain.master_values import Value, completed, same
from domain.merge_cases import Case, FieldOutcome, Move, Present, Ruling
from domain.merge_fields import decide_field
from domain.ownership import Ownership
from domain.sources import System

__all__ = [
    "Base",
    "FieldOutcome",
    "Gone",
    "MergeInput",
    "MergeOutcome",
    "Move",
    "Ruling",
    "Side",
    "SideState",
    "merge",
    "redecide",
]


class SideState(StrEnum):
    """Whether a side has the record. Only one that is present takes part (cases M5, M9)."""

    PRESENT = "present"
    INACTIVE = "inactive"
    DELETED = "deleted"


class Base(BaseModel):
    """What was last agreed with one side: `theirs` as the side had it, `ours` the agreed value at that moment.

    The two differ where the side keeps another value and is not written.
    """

    model_config = ConfigDict(frozen=True)

    theirs: Mapping[str, Value] = {}
    ours: Mapping[str, Value] = {}


class Side(BaseModel):
    """One system's record as it was read. `base` None: first contact, so its values are adopted and nothing is written.

    `pending`: what the gateway set out to write there without having noted the answer. `changed_at` is by the system's
    own clock, which is `clock_offset_ms` ahead of ours, give or take `clock_bound_ms`; None: not measured, or an
    instant that is not the record's own, such as a file's.
    """

    model_config = ConfigDict(frozen=True)

    system: System
    external_id: str
    state: SideState = SideState.PRESENT
    values: Mapping[str, Value] = {}
    base: Base | None = None
    pending: Mapping[str, Value] = {}
    version: str | None = None
    known_version: str | None = None
    changed_at: AwareDatetime | None = None
    clock_offset_ms: int = 0
    clock_bound_ms: int | None = None
    merged_into: str | None = None


class MergeInput(BaseModel):
    """Everything that a merge is decided from. `agreed`: the value of each field that stood before.

    `held`: the fields that waited for a person, by the fingerprint of their conflict. `moves`: what moved lately.
    """

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    key: str
    at: AwareDatetime
    phase: str = "open"
    agreed: Mapping[str, Value] = {}
    sides: tuple[Side, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    moves: tuple[Move, ...] = ()
    held: Mapping[str, str] = {}


class Gone(BaseModel):
    """A side that does not have the record any more, or not in use. It is never made again, and nothing cascades."""

    model_config = ConfigDict(frozen=True)

    system: System
    external_id: str
    state: SideState
    merged_into: str | None = None


class MergeOutcome(BaseModel):
    """What was decided. `adopted`: sides met for the first time. `echoes`: sides of which only the version moved.

    `policy_version` names the rules.
    """

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    key: str
    policy_version: str
    fields: tuple[FieldOutcome, ...] = ()
    gone: tuple[Gone, ...] = ()
    adopted: tuple[System, ...] = ()
    echoes: tuple[System, ...] = ()
    moves: tuple[Move, ...] = ()

    @property
    def agreed(self) -> dict[str, Value]:
        """The value of each field that stands now; one in conflict stands as it stood before."""
        return {one.field: one.value for one in self.fields}

    @property
    def writes(self) -> dict[System, dict[str, Value]]:
        """What has to be written, by system."""
        found: dict[System, dict[str, Value]] = {}
        for one in self.fields:
            for system in one.writes:
                found.setdefault(system, {})[one.field] = one.value
        return found

    @property
    def conflicts(self) -> tuple[FieldOutcome, ...]:
        """The fields that wait for a person."""
        return tuple(one for one in self.fields if one.conflict is not None)

    @property
    def held(self) -> dict[str, str]:
        """The fields that wait for a person, by the fingerprint of their conflict."""
        return {one.field: one.conflict.fingerprint for one in self.fields if one.conflict is not None}


def merge(given: MergeInput, ownership: Ownership) -> MergeOutcome:
    """Decide every field of a record that has a rule and that some side keeps."""
    present = [side for side in given.sides if side.state is SideState.PRESENT]
    fields = [
        decide_field(_case(given, present, name, ownership))
        for name in sorted(ownership.rules(given.kind))  # not in the order of declaration: rules are kept as JSON, too
        if any(name in side.values for side in present)
    ]
    return MergeOutcome(
        kind=given.kind,
        key=given.key,
        policy_version=ownership.version,
        fields=tuple(fields),
        gone=tuple(_gone(side) for side in given.sides if side.state is not SideState.PRESENT),
        adopted=tuple(side.system for side in present if side.base is None),
        echoes=tuple(side.system for side in present if _is_echo(side, ownership, given.kind)),
        moves=tuple(move for one in fields for move in one.moves),
    )


def redecide(given: MergeInput, ownership: Ownership) -> MergeOutcome:
    """Take a decision again from its kept inputs: under the rules of its version it comes out the same.

    Under other rules it says what they would have decided (what-if).
    """
    return merge(MergeInput.model_validate(given.model_dump(mode="json")), ownership)


def next_base(side: Side, outcome: MergeOutcome, written: Mapping[str, Value]) -> Base:
    """What is agreed with a side after a merge of which `written` reached it, in the words of the side's own answer.

    A field in conflict keeps its base, so that its changes still count as changes; so does one whose write failed.
    """
    before = side.base or Base()
    theirs, ours = dict(before.theirs), dict(before.ours)
    for one in outcome.fields:
        if one.field not in side.values or one.conflict is not None:
            continue
        if side.system in one.writes and one.field not in written:
            continue
        theirs[one.field] = written.get(one.field, side.values[one.field])
        ours[one.field] = one.value
    return Base(theirs=theirs, ours=ours)


def _case(given: MergeInput, present: list[Side], name: str, ownership: Ownership) -> Case:
    known = given.agreed.get(name)
    return Case(
        field=name,
        rule=ownership.rules(given.kind)[name].in_phase(given.phase),
        is_known=name in given.agreed,
        agreed=known,
        sides=tuple(_seen(side, name, known) for side in present if name in side.values),
        ruling={one.fingerprint: one for one in given.rulings if one.field == name},
        moves=tuple(move for move in given.moves if move.field == name),
        held=given.held.get(name),
        at=given.at,
        flapping=ownership.flapping,
        clocks=ownership.clocks,
    )


def _seen(side: Side, name: str, agreed: Value) -> Present:
    """One side's part in one field; a group has the parts that the side does not keep from what was agreed."""
    base, given = side.base, side.values[name]
    has_base = base is not None and name in base.theirs
    ours = base.ours.get(name) if base is not None else None
    known = ours if has_base else agreed
    return Present(
        system=side.system,
        value=completed(given, known),
        has_base=has_base,
        theirs=completed(base.theirs[name], known) if base is not None and has_base else None,
        ours=ours,
        written=side.pending.get(name),
        seen_of_written=completed(given, side.pending.get(name)),
        has_written=name in side.pending,
        changed_at=side.changed_at,
        clock_offset_ms=side.clock_offset_ms,
        clock_bound_ms=side.clock_bound_ms,
    )


def _is_echo(side: Side, ownership: Ownership, kind: LinkKind) -> bool:
    """Whether a side has another version of what it had: our own writes, or a change that does not concern us."""
    if side.base is None or side.version == side.known_version:
        return False
    rules, base = ownership.rules(kind), side.base
    known = {name: base.theirs[name] for name in rules if name in side.values and name in base.theirs}
    return all(
        same(completed(side.values[name], theirs), side.pending.get(name, theirs), rules[name].comparator)
        for name, theirs in known.items()
    )


def _gone(side: Side) -> Gone:
    return Gone(system=side.system, external_id=side.external_id, state=side.state, merged_into=side.merged_into)
