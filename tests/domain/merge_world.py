"""Sides, rules and a small world of systems for tests of the merge: what is written is there at the next look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from domain.links import LinkKind
from domain.master_values import Comparator, Value, same
from domain.merging import Base, MergeInput, MergeOutcome, Side, SideState, merge, next_base
from domain.ownership import FieldRule, Flapping, Ownership, Policy, Sensitivity
from domain.sources import System

ERP, QUICKBOOKS, SALESFORCE = System.ERP, System.QUICKBOOKS, System.SALESFORCE
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def rule(policy: Policy = Policy.OWNER_WINS, owner: System = SALESFORCE, **given: object) -> FieldRule:
    """A cosmetic text that Salesforce and QuickBooks both keep and may both change, unless said otherwise."""
    both = (SALESFORCE, QUICKBOOKS)
    known = {"takes_from": both, "writes_to": both, "sensitivity": Sensitivity.COSMETIC, **given}
    return FieldRule.model_validate({"owner": owner, "policy": policy, **known})


def owned(flapping: Flapping | None = None, **fields: FieldRule) -> Ownership:
    """Rules of customers."""
    return Ownership(version="of-the-test", customer=fields, flapping=flapping or Flapping())


def side(system: System, value: Value, theirs: Value = "A", ours: Value = "A", **given: object) -> Side:
    """A side of which one field, `phone`, was agreed before."""
    base = Base(theirs={"phone": theirs}, ours={"phone": ours})
    known = {"external_id": f"{system}-1", "values": {"phone": value}, "base": base, **given}
    return Side.model_validate({"system": system, **known})


def asked(*sides: Side, agreed: Value = "A", **given: object) -> MergeInput:
    """A merge of one customer's phone."""
    known = {"kind": LinkKind.CUSTOMER, "key": "00000042", "at": NOON, "agreed": {"phone": agreed}, **given}
    return MergeInput.model_validate({"sides": sides, **known})


class World:
    """Systems that hold one record, and what the gateway keeps of them: `look` merges and writes once.

    `die` names what happens to a look: it dies with nothing written, after the writes, or not at all.
    """

    def __init__(self, ownership: Ownership, start: Mapping[System, Mapping[str, Value]]) -> None:
        self.ownership = ownership
        self.values: dict[System, dict[str, Value]] = {system: dict(one) for system, one in start.items()}
        self.bases: dict[System, Base | None] = dict.fromkeys(self.values)
        self.pending: dict[System, dict[str, Value]] = {}
        self.changed_at: dict[System, datetime] = {}
        self.states: dict[System, SideState] = {}
        self.agreed: dict[str, Value] = {}
        self.held: dict[str, str] = {}
        self.moves: tuple[object, ...] = ()
        self.at = NOON
        self.written: list[tuple[System, str, Value]] = []
        self.outcomes: list[tuple[MergeInput, MergeOutcome]] = []

    def change(self, system: System, field: str, value: Value) -> None:
        """Somebody changes a field there."""
        self.at += timedelta(minutes=61)
        self.values[system][field] = value
        self.changed_at[system] = self.at

    def look(self, die: str = "") -> MergeOutcome:
        """One look of the entity's flow."""
        self.at += timedelta(seconds=1)
        given = self._given()
        outcome = merge(given, self.ownership)
        if die == "before":
            return outcome
        self.outcomes.append((given, outcome))
        for system, fields in outcome.writes.items():
            self.pending.setdefault(system, {}).update(fields)
            self.values[system].update(fields)
            self.written += [(system, name, value) for name, value in fields.items()]
        if die == "after":
            return outcome
        for one in given.sides:
            if one.state is SideState.PRESENT:
                self.bases[one.system] = next_base(one, outcome, outcome.writes.get(one.system, {}))
        self.agreed |= outcome.agreed
        self.held = outcome.held
        self.moves = (*self.moves, *outcome.moves)
        self.pending = {}
        return outcome

    def _given(self) -> MergeInput:
        sides = [
            Side(
                system=system,
                external_id=f"{system}-1",
                values=dict(values),
                base=self.bases[system],
                pending=self.pending.get(system, {}),
                state=self.states.get(system, SideState.PRESENT),
                changed_at=self.changed_at.get(system),
                clock_bound_ms=500,
            )
            for system, values in self.values.items()
        ]
        return MergeInput(
            kind=LinkKind.CUSTOMER,
            key="00000042",
            at=self.at,
            agreed=dict(self.agreed),
            sides=tuple(sides),
            moves=self.moves,  # type: ignore[arg-type]
            held=dict(self.held),
        )

    def settle(self, looks: int = 6) -> None:
        """Look until nothing is written any more."""
        for _ in range(looks):
            before = len(self.written)
            self.look()
            if len(self.written) == before:
                return
        raise AssertionError("it never comes to rest")

    def is_equal(self, field: str, comparator: Comparator = Comparator.TEXT) -> bool:
        """Whether all systems have the same by now."""
        found = [values[field] for values in self.values.values() if field in values]
        return all(same(one, found[0], comparator) for one in found)
