"""Decisions over much money need two people, whoever decides what in whatever order (feature G-C6)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.approvals import ApprovalRules, Verdict, judge, needs_two, proposal_of, same_person, strictest
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, ExceptionState, Resolution

AT = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
LIMIT = Decimal(1000)


def item(**given: Any) -> ExceptionItem:
    fields: dict[str, Any] = {
        "id": "e-1",
        "kind": ExceptionKind.HOLD,
        "state": ExceptionState.OPEN,
        "cause": Cause.PRICE_DIFFERS,
        "sentence": "The two prices differ.",
        "record_type": "shipment",
        "record_key": "SH1",
        "money_at_stake": Decimal("1000.01"),
        "owner": "billing",
        "findings": (),
        "choices": (Choice.BILL_ORDER_PRICE, Choice.BILL_SHIPMENT_PRICE),
        "workflow_id": None,
        "opened_at": AT,
    }
    return ExceptionItem(**{**fields, **given})


def decision(by: str, choice: Choice = Choice.BILL_ORDER_PRICE, value: str | None = None) -> Resolution:
    return Resolution(exception_id="e-1", choice=choice, value=value, reason="so agreed", decided_by=by, decided_at=AT)


def proposed(one: ExceptionItem, by: str, *more: Any) -> ExceptionItem:
    return one.model_copy(update={"proposal": proposal_of(one, decision(by, *more))})


@pytest.mark.parametrize(
    ("money", "limit", "two"),
    [
        ("1000.00", LIMIT, False),
        ("1000.01", LIMIT, True),
        ("-1000.01", LIMIT, True),
        (None, LIMIT, False),
        ("99999", None, False),
        ("0.01", Decimal(0), True),
        ("0", Decimal(0), False),
    ],
)
def test_more_than_the_limit_needs_two(money: str | None, limit: Decimal | None, two: bool) -> None:
    """G-C6: what is given back counts like what is taken."""
    assert needs_two(None if money is None else Decimal(money), limit) is two


def test_one_proposes_and_only_another_one_confirms() -> None:
    """G-C6."""
    assert judge(item(), decision("ana"), LIMIT) is Verdict.PROPOSED
    waiting = proposed(item(), "ana")
    assert judge(waiting, decision("ana"), LIMIT) is Verdict.WAITS
    assert judge(waiting, decision(" A n A"), LIMIT) is Verdict.WAITS, "another spelling is no second person"
    assert judge(waiting, decision("bo"), LIMIT) is Verdict.ACTS


@pytest.mark.parametrize(
    "moved",
    [
        {"sentence": "The two prices differ by more."},
        {"money_at_stake": Decimal("2000.00")},
    ],
)
def test_what_moved_on_since_is_another_matter(moved: dict[str, Any]) -> None:
    waiting = proposed(item(), "ana").model_copy(update=moved)
    assert judge(waiting, decision("bo"), LIMIT) is Verdict.PROPOSED


def test_another_choice_or_value_is_another_proposal() -> None:
    waiting = proposed(item(), "ana", Choice.USE_ITEM, "BOLT")
    assert judge(waiting, decision("bo", Choice.USE_ITEM, "NUT"), LIMIT) is Verdict.PROPOSED
    assert judge(waiting, decision("bo", Choice.DO_NOT_BILL), LIMIT) is Verdict.PROPOSED
    assert judge(waiting, decision("bo", Choice.USE_ITEM, " BOLT "), LIMIT) is Verdict.ACTS


def test_up_to_the_limit_one_person_is_enough() -> None:
    assert judge(item(money_at_stake=LIMIT), decision("ana"), LIMIT) is Verdict.ACTS
    assert judge(item(), decision("ana"), None) is Verdict.ACTS


def test_the_strictest_limit_holds() -> None:
    assert strictest(None, None) is None
    assert strictest(None, LIMIT) == LIMIT
    assert strictest(Decimal(5), LIMIT) == Decimal(5)


def test_a_limit_is_no_float_and_not_below_zero() -> None:
    assert ApprovalRules().money_limit is None
    with pytest.raises(ValidationError):
        ApprovalRules(money_limit=Decimal(-1))


PEOPLE = st.sampled_from(["ana", "Ana", "a na", "bo", "cy"])
STEPS = st.lists(
    st.tuples(PEOPLE, st.sampled_from([Choice.BILL_ORDER_PRICE, Choice.DO_NOT_BILL]), st.sampled_from([0, 1, 2]))
)


@given(STEPS)
def test_nobody_moves_much_money_alone(steps: list[tuple[str, Choice, int]]) -> None:
    """G-C6: people decide in any order, and now and then the money changes under them; whoever acts had an ally."""
    now, said = item(), []
    for by, choice, moves in steps:
        if moves == 2:
            now = now.model_copy(update={"money_at_stake": (now.money_at_stake or LIMIT) + 1})
            said = []
        given = decision(by, choice)
        verdict = judge(now, given, LIMIT)
        if verdict is Verdict.ACTS:
            assert any(not same_person(by, other) and choice is what for other, what in said)
            return
        said.append((by, choice))
        if verdict is Verdict.PROPOSED:
            now = now.model_copy(update={"proposal": proposal_of(now, given)})
