"""Decisions over much money: one person proposes, another one confirms, and nobody moves it alone (feature G-C6)."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.exceptions import ExceptionItem, Proposal, Resolution
from domain.money import Money


class ApprovalRules(BaseModel):
    """`[approvals]` of company.toml. A decision with more than `money_limit` at stake needs two people; None: one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    money_limit: Money | None = Field(default=None, ge=0)


class Verdict(StrEnum):
    """What becomes of a person's decision: it acts, it waits for another person, or it waits already."""

    ACTS = "acts"
    PROPOSED = "proposed"
    WAITS = "waits"


def strictest(*limits: Decimal | None) -> Decimal | None:
    """The smallest of several limits, of which None are none."""
    return min((limit for limit in limits if limit is not None), default=None)


def needs_two(money: Decimal | None, limit: Decimal | None) -> bool:
    """Whether so much is more than one person may decide about; money to give back counts like money to take."""
    return limit is not None and money is not None and abs(money) > limit


def judge(item: ExceptionItem, decision: Resolution, limit: Decimal | None) -> Verdict:
    """What a decision comes to: only the same choice of another person about the same matter confirms."""
    if not needs_two(item.money_at_stake, limit):
        return Verdict.ACTS
    proposal = item.proposal
    if proposal is None or not _is_same(proposal, item, decision):
        return Verdict.PROPOSED
    return Verdict.WAITS if same_person(proposal.proposed_by, decision.decided_by) else Verdict.ACTS


def _is_same(proposal: Proposal, item: ExceptionItem, decision: Resolution) -> bool:
    """The same choice about what it was proposed about: its sentence and its money may have moved on since."""
    proposed = (proposal.choice, _said(proposal.value), proposal.sentence, proposal.money_at_stake)
    return proposed == (decision.choice, _said(decision.value), item.sentence, item.money_at_stake)


def _said(value: str | None) -> str:
    return (value or "").strip()


def proposal_of(item: ExceptionItem, decision: Resolution) -> Proposal:
    """A decision that waits for another person, with what it is about."""
    return Proposal(
        choice=decision.choice,
        value=decision.value,
        reason=decision.reason,
        proposed_by=decision.decided_by,
        proposed_at=decision.decided_at,
        sentence=item.sentence,
        money_at_stake=item.money_at_stake or Decimal(0),
    )


def same_person(one: str, other: str) -> bool:
    """Whether two names of keys are one person's: capitals and blanks make nobody a second person."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()
