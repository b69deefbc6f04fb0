"""One field of a merge: who moved since it was agreed, what stands now, who is written, and what a person is asked."""

from __future__ import annotations

from collections.abc import Sequence

from domain.master_values import Value, digest, normal, same
from domain.merge_cases import Case, Conflict, FieldOutcome, Move, Present, Reason, Ruling, Said, Verdict
from domain.merge_policies import by_policy
from domain.ownership import FieldRule, Policy


def decide_field(case: Case) -> FieldOutcome:
    """Decide one field: nobody moved, one moved, all moved to the same, or the policy, or a person."""
    moved = [side for side in case.sides if _has_moved(side, case.rule)]
    counted = _by_order(case.rule, [side for side in moved if side.system in case.rule.sources])
    question = _fingerprint(case, counted or moved)
    moves = tuple(move for move in (_move(case, side) for side in moved) if not _is_held(case, move))
    ruling = case.ruling.get(question) if case.held == question else None
    if ruling is not None:
        return _stands(case, Verdict(reason=Reason.PERSON, value=_ruled(case, ruling)), moved)
    if _flaps(case, moved, moves):
        return _asks(case, Verdict(reason=Reason.FLAPPING, is_found=False), moved, moves)
    verdict = _verdict(case, moved, counted)
    if not verdict.is_found:
        return _asks(case, verdict, counted, moves)
    return _stands(case, verdict, moved, moves)


def _verdict(case: Case, moved: Sequence[Present], counted: Sequence[Present]) -> Verdict:
    if not case.is_known:
        return _first(case)
    if not moved:
        return Verdict(reason=Reason.UNCHANGED, value=case.agreed)
    if case.rule.policy is Policy.FROZEN or not counted:
        reason = Reason.NOT_TAKEN if not counted else Reason.FROZEN
        return Verdict(reason=reason, value=case.agreed)
    if case.rule.policy is Policy.MANUAL and counted[0].system is not case.rule.owner:
        return Verdict(reason=Reason.CONFLICT, is_found=False)  # only the owner changes it without a person
    if all(same(side.value, counted[0].value, case.rule.comparator) for side in counted):
        reason = Reason.ONE_SIDE_MOVED if len(counted) == 1 else Reason.SAME_ON_BOTH
        return Verdict(reason=reason, value=counted[0].value)
    return by_policy(case, counted)


def _first(case: Case) -> Verdict:
    """First contact: the owner's word where it has one, else the next one's; differences stay as they are."""
    ordered = _by_order(case.rule, case.sides)
    filled = [side for side in ordered if normal(side.value, case.rule.comparator) is not None]
    return Verdict(reason=Reason.ADOPTED, value=(filled or ordered)[0].value)


def _has_moved(side: Present, rule: FieldRule) -> bool:
    if not side.has_base or same(side.value, side.theirs, rule.comparator):
        return False
    # What the gateway wrote and did not note is taken for noted: an echo.
    return not (side.has_written and same(side.seen_of_written, side.written, rule.comparator))


def _by_order(rule: FieldRule, sides: Sequence[Present]) -> list[Present]:
    order = rule.order
    return sorted(sides, key=lambda side: order.index(side.system))


def _fingerprint(case: Case, moved: Sequence[Present]) -> str:
    """The question that a field's changes pose; who moved to what, from what."""
    comparator = case.rule.comparator
    said = {side.system.value: normal(side.value, comparator) for side in moved}
    return digest([case.field, normal(case.agreed, comparator), said])


def _move(case: Case, side: Present) -> Move:
    named = digest(normal(side.value, case.rule.comparator))
    return Move(field=case.field, system=side.system, digest=named, at=case.at)


def _is_held(case: Case, move: Move) -> bool:
    """Whether a side stands where it stood when a person was asked: being looked at again is no move."""
    last = [one.digest for one in case.moves if one.system is move.system]
    return case.held is not None and last[-1:] == [move.digest]


def _flaps(case: Case, moved: Sequence[Present], moves: Sequence[Move]) -> bool:
    """Whether a side came to the same value too often lately: A, B, A, B, ... is a loop between two rules."""
    since = case.at - case.flapping.window
    lately = [(move.system, move.digest) for move in (*case.moves, *moves) if move.at > since]
    return any(lately.count((side.system, _move(case, side).digest)) >= case.flapping.times for side in moved)


def _ruled(case: Case, ruling: Ruling) -> Value:
    taken = [side.value for side in case.sides if side.system is ruling.take]
    return taken[0] if taken else ruling.value if ruling.take is None else case.agreed


def _stands(case: Case, verdict: Verdict, moved: Sequence[Present], moves: Sequence[Move] = ()) -> FieldOutcome:
    rule, value = case.rule, verdict.value
    return FieldOutcome(
        field=case.field,
        value=value,
        reason=verdict.reason,
        losers=tuple(_said(side) for side in moved if not same(side.value, value, rule.comparator)),
        writes=tuple(side.system for side in case.sides if _must_be_written(side, value, rule)),
        moves=tuple(moves),
    )


def _must_be_written(side: Present, value: Value, rule: FieldRule) -> bool:
    """Only where the side moved, or what is agreed moved since it was last agreed with the side.

    A difference that was found at first contact stands until one of the two moves.
    """
    if side.system not in rule.writes_to or not side.has_base or same(side.value, value, rule.comparator):
        return False
    return not same(side.value, side.theirs, rule.comparator) or not same(side.ours, value, rule.comparator)


def _asks(case: Case, verdict: Verdict, moved: Sequence[Present], moves: Sequence[Move]) -> FieldOutcome:
    counted = [side for side in moved if side.system in case.rule.sources] or moved
    conflict = Conflict(fingerprint=_fingerprint(case, counted), said=tuple(_said(side) for side in moved))
    return FieldOutcome(
        field=case.field, value=case.agreed, reason=verdict.reason, conflict=conflict, moves=tuple(moves)
    )


def _said(side: Present) -> Said:
    return Said(system=side.system, value=side.value)
