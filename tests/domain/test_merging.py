"""The three-way merge of one field: who moved, what stands, who is written, what a person is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.links import LinkKind
from domain.master_values import Comparator, Value, same
from domain.merge_cases import Move, Reason, Ruling
from domain.merging import Base, MergeInput, MergeOutcome, Side, SideState, merge, next_base, redecide
from domain.ownership import FieldRule, Flapping, PhaseRule, Policy, Sensitivity
from domain.sources import System
from tests.domain.merge_world import ERP, NOON, QUICKBOOKS, SALESFORCE, World, asked, owned, rule, side


def phone(given: MergeInput, phone_rule: FieldRule | None = None, flapping: Flapping | None = None) -> MergeOutcome:
    """The outcome of a merge in which the phone is the only field."""
    return merge(given, owned(flapping, phone=phone_rule or rule()))


def test_where_nobody_moved_nothing_is_written() -> None:
    (field,) = phone(asked(side(SALESFORCE, "A"), side(QUICKBOOKS, "A"))).fields
    assert (field.value, field.reason, field.writes) == ("A", Reason.UNCHANGED, ())


def test_what_one_side_changed_is_taken_and_written_to_the_other() -> None:
    (field,) = phone(asked(side(SALESFORCE, "A"), side(QUICKBOOKS, "B"))).fields
    assert (field.value, field.reason, field.writes) == ("B", Reason.ONE_SIDE_MOVED, (SALESFORCE,))


def test_what_both_sides_changed_to_the_same_is_agreed_without_a_write() -> None:
    given = asked(side(SALESFORCE, "555 12-34"), side(QUICKBOOKS, "(555) 1234"))
    (field,) = phone(given, rule(comparator=Comparator.PHONE)).fields
    assert (field.value, field.reason, field.writes) == ("555 12-34", Reason.SAME_ON_BOTH, ())


@pytest.mark.parametrize(
    ("policy", "given", "value", "reason"),
    [
        (Policy.OWNER_WINS, {}, "S", Reason.OWNER_WINS),
        (Policy.SOURCE_RANK, {"rank": (QUICKBOOKS, SALESFORCE)}, "Q", Reason.SOURCE_RANK),
        (Policy.PREFER_UNLESS_EMPTY, {}, "S", Reason.PREFER_UNLESS_EMPTY),
        (Policy.FROZEN, {}, "A", Reason.FROZEN),
    ],
)
def test_a_policy_decides_where_both_changed_it_differently(
    policy: Policy, given: dict[str, object], value: str, reason: Reason
) -> None:
    (field,) = phone(asked(side(SALESFORCE, "S"), side(QUICKBOOKS, "Q")), rule(policy, **given)).fields
    assert (field.value, field.reason, field.conflict) == (value, reason, None)
    assert {said.system for said in field.losers} == {one for one, has in _changed().items() if has != value}


def _changed() -> dict[System, str]:
    return {SALESFORCE: "S", QUICKBOOKS: "Q"}


def test_the_preferred_side_yields_where_it_is_empty() -> None:
    (field,) = phone(asked(side(SALESFORCE, " "), side(QUICKBOOKS, "Q")), rule(Policy.PREFER_UNLESS_EMPTY)).fields
    assert (field.value, field.writes) == ("Q", (SALESFORCE,))


@pytest.mark.parametrize(("policy", "value"), [(Policy.MAX, "10.50"), (Policy.MIN, "9")])
def test_numbers_may_be_decided_by_size(policy: Policy, value: str) -> None:
    given = asked(side(SALESFORCE, "9"), side(QUICKBOOKS, "10.50"))
    (field,) = phone(given, rule(policy, comparator=Comparator.DECIMAL)).fields
    assert field.value == value


def test_what_is_no_number_is_not_decided_by_size() -> None:
    given = asked(side(SALESFORCE, "nine"), side(QUICKBOOKS, "10.50"))
    assert phone(given, rule(Policy.MAX, comparator=Comparator.DECIMAL)).held


def test_sets_may_be_joined() -> None:
    given = asked(side(SALESFORCE, ["a", "b"], []), side(QUICKBOOKS, ["b", "c"], []), agreed=[])
    (field,) = phone(given, rule(Policy.UNION)).fields
    assert field.value == ["a", "b", "c"]


def _timed(system: System, value: str, second: int, **given: object) -> Side:
    return side(system, value, changed_at=NOON + timedelta(seconds=second), **given)


def test_the_newest_change_stands_where_the_clocks_can_tell() -> None:
    """By Salesforce's clock its change was later by ten seconds, but that clock is a minute ahead."""
    sides = (
        _timed(SALESFORCE, "S", 10, clock_offset_ms=60_000, clock_bound_ms=1000),
        _timed(QUICKBOOKS, "Q", 0, clock_bound_ms=1000),
    )
    (field,) = phone(asked(*sides), rule(Policy.NEWEST)).fields
    assert (field.value, field.reason) == ("Q", Reason.NEWEST)


@pytest.mark.parametrize(("second", "bound"), [(7, 1000), (100, None)])
def test_changes_that_the_clocks_cannot_tell_apart_are_a_persons(second: int, bound: int | None) -> None:
    sides = (_timed(SALESFORCE, "S", second, clock_bound_ms=bound), _timed(QUICKBOOKS, "Q", 0, clock_bound_ms=1000))
    (field,) = phone(asked(*sides), rule(Policy.NEWEST)).fields
    assert (field.value, field.reason, field.writes) == ("A", Reason.TIME_UNSURE, ())


def test_a_change_that_does_not_count_is_put_back() -> None:
    """The ERP owns it and is not written; a bookkeeper changed it in QuickBooks."""
    erp_rule = rule(owner=ERP, takes_from=(ERP,))
    (field,) = phone(asked(side(ERP, "A"), side(QUICKBOOKS, "B")), erp_rule).fields
    assert (field.value, field.reason, field.writes) == ("A", Reason.NOT_TAKEN, (QUICKBOOKS,))
    assert [(said.system, said.value) for said in field.losers] == [(QUICKBOOKS, "B")]


def test_by_hand_only_the_owner_changes_it_without_a_person() -> None:
    manual = rule(Policy.MANUAL)
    assert phone(asked(side(SALESFORCE, "B"), side(QUICKBOOKS, "A")), manual).agreed == {"phone": "B"}
    assert phone(asked(side(SALESFORCE, "A"), side(QUICKBOOKS, "B")), manual).held


def test_first_contact_takes_the_owners_value_and_writes_nothing() -> None:
    sides = (side(SALESFORCE, "S", base=None), side(QUICKBOOKS, "Q", base=None))
    outcome = phone(asked(*sides, agreed=None).model_copy(update={"agreed": {}}))
    assert (outcome.agreed, outcome.writes, outcome.adopted) == ({"phone": "S"}, {}, (SALESFORCE, QUICKBOOKS))


def test_a_difference_found_at_first_contact_stands_until_one_of_the_two_moves() -> None:
    world = World(owned(phone=rule()), {SALESFORCE: {"phone": "S"}, QUICKBOOKS: {"phone": "Q"}})
    for _ in range(3):
        assert world.look().writes == {}
    world.change(SALESFORCE, "phone", "S2")
    assert world.look().writes == {QUICKBOOKS: {"phone": "S2"}}
    assert world.look().writes == {}


def test_a_group_merges_as_one_and_keeps_the_parts_that_a_side_does_not_know() -> None:
    price = rule(owner=ERP, takes_from=(ERP, QUICKBOOKS), writes_to=(QUICKBOOKS,), comparator=Comparator.DECIMAL)
    known: dict[str, Value] = {"phone": {"amount": "12.5", "uom": "BX"}}
    base = Base(theirs=known, ours=known)
    in_erp = Side(system=ERP, external_id="1", values={"phone": {"amount": "12.50", "uom": "BX"}}, base=base)
    in_books = Side(system=QUICKBOOKS, external_id="2", values={"phone": {"amount": "13"}}, base=base)
    (field,) = phone(asked(in_erp, in_books, agreed=known["phone"]), price).fields
    assert (field.value, field.reason) == ({"amount": "13", "uom": "BX"}, Reason.ONE_SIDE_MOVED)


def test_ownership_changes_with_the_phase() -> None:
    phased = rule(phases={"billed": PhaseRule(owner=QUICKBOOKS)})
    sides = (side(SALESFORCE, "S"), side(QUICKBOOKS, "Q"))
    assert phone(asked(*sides), phased).agreed == {"phone": "S"}
    assert phone(asked(*sides, phase="billed"), phased).agreed == {"phone": "Q"}


def test_what_we_wrote_and_did_not_note_is_no_change_of_theirs() -> None:
    """The gateway died after it had written B; meanwhile Salesforce came to C."""
    sides = (side(SALESFORCE, "C"), side(QUICKBOOKS, "B", pending={"phone": "B"}))
    (field,) = phone(asked(*sides), rule(Policy.MANUAL)).fields
    assert (field.value, field.writes, field.conflict) == ("C", (QUICKBOOKS,), None)


def test_another_version_of_the_same_values_is_an_echo() -> None:
    echoed = side(QUICKBOOKS, "A", version="8", known_version="7")
    changed = side(SALESFORCE, "B", version="2", known_version="1")
    assert phone(asked(changed, echoed)).echoes == (QUICKBOOKS,)


def test_a_field_that_flaps_is_left_to_a_person() -> None:
    mine = phone(asked(side(SALESFORCE, "B"), side(QUICKBOOKS, "A"))).moves[0].digest
    moves = tuple(
        Move(field="phone", system=SALESFORCE, digest=mine, at=NOON - timedelta(minutes=minutes)) for minutes in (5, 9)
    )
    given = asked(side(SALESFORCE, "B"), side(QUICKBOOKS, "A"), moves=moves)
    (field,) = phone(given).fields
    assert (field.reason, field.value, field.writes) == (Reason.FLAPPING, "A", ())
    assert phone(given, flapping=Flapping(times=3, minutes=6)).held == {}


def test_a_field_in_conflict_does_not_flap_by_being_looked_at() -> None:
    world = World(owned(phone=rule(Policy.MANUAL)), {SALESFORCE: {"phone": "A"}, QUICKBOOKS: {"phone": "A"}})
    world.look()
    world.change(SALESFORCE, "phone", "S")
    world.change(QUICKBOOKS, "phone", "Q")
    reasons = [world.look().fields[0].reason for _ in range(6)]
    assert set(reasons) == {Reason.CONFLICT}
    assert len(world.moves) == 2


def test_other_fields_keep_flowing_beside_a_conflict() -> None:
    rules = owned(phone=rule(Policy.MANUAL), name=rule())
    world = World(rules, {one: {"phone": "A", "name": "N"} for one in (SALESFORCE, QUICKBOOKS)})
    world.look()
    world.change(SALESFORCE, "phone", "S")
    world.change(QUICKBOOKS, "phone", "Q")
    world.change(SALESFORCE, "name", "M")
    outcome = world.look()
    assert outcome.writes == {QUICKBOOKS: {"name": "M"}}
    assert [one.field for one in outcome.conflicts] == ["phone"]


def test_a_persons_decision_answers_the_question_that_was_asked_and_no_other() -> None:
    manual = rule(Policy.MANUAL)
    sides = (side(SALESFORCE, "S"), side(QUICKBOOKS, "Q"))
    held = phone(asked(*sides), manual).held
    ruling = Ruling(field="phone", fingerprint=held["phone"], take=QUICKBOOKS, decided_by="anna")
    (field,) = phone(asked(*sides, held=held, rulings=(ruling,)), manual).fields
    assert (field.value, field.reason, field.writes) == ("Q", Reason.PERSON, (SALESFORCE,))
    later = (side(SALESFORCE, "S2"), side(QUICKBOOKS, "Q"))
    assert phone(asked(*later, held=held, rulings=(ruling,)), manual).held


def test_a_person_may_type_a_value_that_no_system_has() -> None:
    manual = rule(Policy.MANUAL)
    sides = (side(SALESFORCE, "S"), side(QUICKBOOKS, "Q"))
    held = phone(asked(*sides), manual).held
    ruling = Ruling(field="phone", fingerprint=held["phone"], value="T", decided_by="anna")
    (field,) = phone(asked(*sides, held=held, rulings=(ruling,)), manual).fields
    assert (field.value, field.writes) == ("T", (SALESFORCE, QUICKBOOKS))


@pytest.mark.parametrize("state", [SideState.DELETED, SideState.INACTIVE])
def test_a_record_that_is_gone_is_told_of_and_never_made_again(state: SideState) -> None:
    """Case M9: deleted on one side, changed on the other; the rest goes on without it."""
    sides = (side(SALESFORCE, "B"), side(QUICKBOOKS, "A", state=state), side(ERP, "A"))
    outcome = phone(asked(*sides))
    assert [(one.system, one.state) for one in outcome.gone] == [(QUICKBOOKS, state)]
    assert QUICKBOOKS not in outcome.writes
    assert outcome.agreed == {"phone": "B"}


def test_a_failed_write_is_written_again() -> None:
    given = asked(side(SALESFORCE, "B"), side(QUICKBOOKS, "A"))
    outcome = phone(given)
    base = next_base(given.sides[1], outcome, {})
    later = asked(side(SALESFORCE, "B", "B", "B"), side(QUICKBOOKS, "A", base=base), agreed="B")
    assert phone(later).writes == {QUICKBOOKS: {"phone": "B"}}


def test_a_decision_is_taken_again_bit_for_bit_from_what_is_kept() -> None:
    """Feature G-C8."""
    given = asked(side(SALESFORCE, "S"), side(QUICKBOOKS, "Q", changed_at=NOON, clock_bound_ms=250))
    rules = owned(phone=rule())
    outcome = merge(given, rules)
    kept = MergeInput.model_validate_json(given.model_dump_json())
    again = redecide(kept, type(rules).model_validate_json(rules.model_dump_json()))
    assert again.model_dump_json() == outcome.model_dump_json()
    assert MergeOutcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_under_other_rules_a_kept_decision_says_what_they_would_have_decided() -> None:
    """Feature G-C7."""
    given = asked(side(SALESFORCE, "S"), side(QUICKBOOKS, "Q"))
    assert redecide(given, owned(phone=rule())).agreed == {"phone": "S"}
    assert redecide(given, owned(phone=rule(owner=QUICKBOOKS))).agreed == {"phone": "Q"}


@pytest.mark.parametrize(
    ("comparator", "left", "right", "is_same"),
    [
        (Comparator.TEXT, " Acme  Inc ", "Acme Inc", True),
        (Comparator.TEXT, "Acme", "ACME", False),
        (Comparator.TEXT, None, "  ", True),
        (Comparator.CASELESS, "Main St", "MAIN  ST", True),
        (Comparator.NAME, "Café & Co.", "cafe and co", True),
        (Comparator.PHONE, "+1 (404) 555-0100", "404.555.0100", True),
        (Comparator.PHONE, "+49 30 1234", "30 1234", False),
        (Comparator.DECIMAL, "12.50", "12.5", True),
        (Comparator.DECIMAL, "-0", "0.00", True),
        (Comparator.DECIMAL, "1,200.00", "1200", True),
        (Comparator.DATE, "2026-11-20T00:00:00+00:00", "2026-11-20", True),
        (Comparator.EXACT, False, None, False),
        (Comparator.CASELESS, {"city": "Reno", "state": ""}, {"city": "RENO"}, True),
    ],
)
def test_what_means_the_same(comparator: Comparator, left: Value, right: Value, is_same: bool) -> None:
    assert same(left, right, comparator) is is_same


def test_kinds_have_rules_of_their_own() -> None:
    assert owned(phone=rule()).rules(LinkKind.ITEM) == {}
    assert rule(sensitivity=Sensitivity.MONEY).sources == (SALESFORCE, QUICKBOOKS)
