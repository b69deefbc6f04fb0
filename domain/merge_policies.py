"""What decides where two systems changed one field to different values: the declared policy, or else a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from domain.master_values import is_empty
from domain.merge_cases import Case, Present, Reason, Verdict
from domain.ownership import Policy

ASKED = Verdict(reason=Reason.CONFLICT, is_found=False)


def by_policy(case: Case, moved: Sequence[Present]) -> Verdict:
    """The verdict on changes that count and differ, given in the order of their systems' word."""
    return _POLICIES[case.rule.policy](case, moved)


def _owner_wins(case: Case, moved: Sequence[Present]) -> Verdict:
    """The owner's change stands; where two others changed it, neither of them has the word."""
    of_owner = [side for side in moved if side.system is case.rule.owner]
    return Verdict(reason=Reason.OWNER_WINS, value=of_owner[0].value) if of_owner else ASKED


def _source_rank(case: Case, moved: Sequence[Present]) -> Verdict:
    rank = case.rule.rank
    ranked = sorted((side for side in moved if side.system in rank), key=lambda side: rank.index(side.system))
    return Verdict(reason=Reason.SOURCE_RANK, value=ranked[0].value) if ranked else ASKED


def _prefer_unless_empty(_: Case, moved: Sequence[Present]) -> Verdict:
    filled = [side for side in moved if not is_empty(side.value)]
    return Verdict(reason=Reason.PREFER_UNLESS_EMPTY, value=(filled or moved)[0].value)


def _newest(case: Case, moved: Sequence[Present]) -> Verdict:
    """The later change, if the clocks can tell which that is; a file's time is nobody's own instant."""
    timed = [(_instant(side), side) for side in moved]
    known = sorted(((at, side) for at, side in timed if at is not None), key=lambda one: one[0], reverse=True)
    if len(known) < len(moved):
        return Verdict(reason=Reason.TIME_UNSURE, is_found=False)
    (latest, winner), (before, other) = known[0], known[1]
    unsure = timedelta(milliseconds=(winner.clock_bound_ms or 0) + (other.clock_bound_ms or 0))
    if latest - before <= unsure + timedelta(seconds=case.clocks.tie_seconds):
        return Verdict(reason=Reason.TIME_UNSURE, is_found=False)
    return Verdict(reason=Reason.NEWEST, value=winner.value)


def _instant(side: Present) -> datetime | None:
    """When a side changed by our own clock; None where its clock was never compared with ours."""
    if side.changed_at is None or side.clock_bound_ms is None:
        return None
    return side.changed_at - timedelta(milliseconds=side.clock_offset_ms)


def _extreme(case: Case, moved: Sequence[Present]) -> Verdict:
    numbers = [(_number(side), side) for side in moved]
    known = sorted(((number, side.value) for number, side in numbers if number is not None), key=lambda one: one[0])
    if len(known) < len(moved):
        return ASKED
    is_max = case.rule.policy is Policy.MAX
    return Verdict(reason=Reason.MAX if is_max else Reason.MIN, value=known[-1 if is_max else 0][1])


def _number(side: Present) -> Decimal | None:
    try:
        number = Decimal(side.value.strip()) if isinstance(side.value, str) else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _union(_: Case, moved: Sequence[Present]) -> Verdict:
    sets = [side.value for side in moved if isinstance(side.value, list)]
    if len(sets) < len(moved):
        return ASKED
    return Verdict(reason=Reason.UNION, value=sorted({one for found in sets for one in found}))


def _ask(_case: Case, _moved: Sequence[Present]) -> Verdict:
    return ASKED


_POLICIES: Mapping[Policy, Callable[[Case, Sequence[Present]], Verdict]] = {
    Policy.OWNER_WINS: _owner_wins,
    Policy.SOURCE_RANK: _source_rank,
    Policy.PREFER_UNLESS_EMPTY: _prefer_unless_empty,
    Policy.NEWEST: _newest,
    Policy.MAX: _extreme,
    Policy.MIN: _extreme,
    Policy.UNION: _union,
    Policy.FROZEN: _ask,  # decided before: what is frozen stands whatever moved
    Policy.MANUAL: _ask,
}
