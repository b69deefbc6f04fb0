"""The merge under any order, repetition and delay of changes, and wherever the gateway dies."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.master_values import Value
from domain.merge_cases import Reason
from domain.merging import redecide
from domain.ownership import FieldRule, Flapping, Ownership, Policy, Sensitivity
from domain.sources import System
from tests.domain.merge_world import ERP, QUICKBOOKS, SALESFORCE, World, owned, rule

DECIDING = [Policy.OWNER_WINS, Policy.SOURCE_RANK, Policy.PREFER_UNLESS_EMPTY, Policy.FROZEN, Policy.NEWEST]
ALL = [*DECIDING, Policy.MANUAL]
BOTH = (SALESFORCE, QUICKBOOKS)

values = st.sampled_from(["A", "B", "C", " a ", "", "D"])
systems = st.sampled_from(BOTH)
deaths = st.sampled_from(["", "", "before", "after"])
# A change somewhere, or a look of the gateway: many changes may come between two looks, many looks between two changes.
steps = st.lists(st.tuples(systems, st.sampled_from(["name", "phone"]), values) | deaths, max_size=30)


def _rules(policy: Policy, sensitivity: Sensitivity = Sensitivity.COSMETIC) -> Ownership:
    one = rule(policy, rank=(QUICKBOOKS, SALESFORCE), sensitivity=sensitivity)
    return owned(Flapping(times=1000), name=one, phone=rule(rank=(QUICKBOOKS, SALESFORCE)))


def _lived(rules: Ownership, walked: list[object]) -> World:
    world = World(rules, {system: {"name": "A", "phone": "A"} for system in BOTH})
    world.look()
    for step in walked:
        if isinstance(step, tuple):
            world.change(*step)
        else:
            world.look(str(step))
    return world


@given(steps, st.sampled_from(DECIDING))
@settings(max_examples=150, deadline=None)
def test_all_sides_end_equal_and_then_nothing_is_written(walked: list[object], policy: Policy) -> None:
    world = _lived(_rules(policy), walked)
    world.settle()
    if not world.held:
        assert world.is_equal("name")
    assert world.is_equal("phone")
    before = len(world.written)
    for _ in range(3):
        world.look()
    assert len(world.written) == before


@given(steps, st.sampled_from(ALL))
@settings(max_examples=150, deadline=None)
def test_no_change_is_lost_without_a_trace(walked: list[object], policy: Policy) -> None:
    """Whatever a side had when it was looked at stands, is kept as a loser, waits for a person, or never moved."""
    world = _lived(_rules(policy), walked)
    for asked, outcome in world.outcomes:
        for field in outcome.fields:
            told = [said.value for said in field.losers] + [field.value]
            told += [said.value for said in field.conflict.said] if field.conflict else []
            for side in asked.sides:
                if side.base is not None and side.values[field.field] != side.base.theirs.get(field.field):
                    has: Value = side.values[field.field]
                    assert any(_alike(has, one) for one in told) or _alike(has, side.pending.get(field.field))
                    assert field.reason is not Reason.ADOPTED


def _alike(left: Value, right: Value) -> bool:
    return " ".join(str(left or "").split()) == " ".join(str(right or "").split())


@given(steps, st.sampled_from(ALL))
@settings(max_examples=100, deadline=None)
def test_every_decision_comes_out_the_same_again(walked: list[object], policy: Policy) -> None:
    """Feature G-C8."""
    rules = _rules(policy)
    for asked, outcome in _lived(rules, walked).outcomes:
        kept = type(asked).model_validate_json(asked.model_dump_json())
        assert redecide(kept, rules).model_dump_json() == outcome.model_dump_json()


@given(steps, st.sampled_from([one for one in ALL if one is not Policy.NEWEST]))
@settings(max_examples=100, deadline=None)
def test_time_does_not_decide_what_may_not_be_decided_by_it(walked: list[object], policy: Policy) -> None:
    """Turn every clock round: without `newest`, which money and identity may not have, all comes out the same."""
    rules = _rules(policy, Sensitivity.MONEY)
    for asked, outcome in _lived(rules, walked).outcomes:
        turned = [one.model_copy(update={"changed_at": None, "clock_offset_ms": 9000}) for one in asked.sides]
        assert redecide(asked.model_copy(update={"sides": tuple(turned)}), rules) == outcome


@given(
    st.permutations([(SALESFORCE, "B"), (QUICKBOOKS, "C"), (ERP, "D")]), st.lists(st.booleans(), min_size=3, max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_what_the_owner_said_last_stands_everywhere(changes: list[tuple[System, str]], looks: tuple[bool, ...]) -> None:
    """The ERP owns it and the others are written: in whatever order the changes come, and whenever they are seen."""
    of_erp = FieldRule(owner=ERP, writes_to=BOTH, sensitivity=Sensitivity.IDENTITY)
    world = World(owned(name=of_erp), {system: {"name": "A"} for system in (ERP, *BOTH)})
    world.look()
    for (system, value), is_seen in zip(changes, looks, strict=True):
        world.change(system, "name", value)
        if is_seen:
            world.look()
    world.settle()
    assert {one["name"] for one in world.values.values()} == {"D"}


@given(st.integers(2, 5), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_two_rules_that_fight_are_stopped(times: int, rounds: int) -> None:
    """A robot in QuickBooks sets the name back each time we write it."""
    of_erp = FieldRule(owner=ERP, writes_to=(QUICKBOOKS,), sensitivity=Sensitivity.IDENTITY)
    world = World(owned(Flapping(times=times), name=of_erp), {ERP: {"name": "A"}, QUICKBOOKS: {"name": "A"}})
    world.look()
    for _ in range(rounds):
        world.values[QUICKBOOKS]["name"] = "robot"
        world.look()
    assert len(world.written) == min(rounds, times - 1)
    assert bool(world.held) is (rounds >= times)
