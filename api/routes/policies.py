"""Changed rules: what they would change of past decisions, proposed by one person, approved by another (G-C6, G-C7)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.auth import Admin, Operator, Viewer
from api.changing_rules import decide, propose
from api.exports import FILE, in_csv
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, Whole, listing, problems
from domain.errors import Missing
from domain.policies import PolicyKind, PolicyProposal, PolicyUse, ProposalHead, ProposalState, Standing, read_policy
from domain.what_if import WhatIfPart
from store import policies, what_ifs

router = APIRouter(prefix="/policies", tags=["policies"])


def _storable(text: str) -> str:
    """PostgreSQL keeps no text with the character 0."""
    if "\0" in text:
        raise ValueError("it holds the character 0")
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Draft(BaseModel):
    """A changed file of rules."""

    kind: PolicyKind = Field(description="Which file it is to be: `company.toml` and so on.")
    text: Text = Field(max_length=500_000, description="The whole file.")


class WhatIfQuestion(Draft):
    """What would the draft change? `after` is `next` of the part before; `first` of each part are told one by one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "ownership", "text": '[customer.phone]\nowner = "salesforce"\n'}]}
    )

    after: Cursor = None
    limit: Whole = Field(default=what_ifs.BLOCK, ge=1, le=500, description="How many decisions to make again at most.")
    first: Whole = Field(default=what_ifs.FIRST, ge=0, le=500)


class WhatIfAnswer(BaseModel):
    """Which rules these are, whether they may be used as they are, and the next part of what they would change."""

    kind: PolicyKind
    version: str
    digest: str
    standing: Standing
    part: WhatIfPart
    next: str | None = Field(description="Give it as `after` for the next part, null: this was the last.")


class NewProposal(Draft):
    """A draft that shall come into force."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "company", "text": "code = ...", "reason": "Terms N45 end with this year"}]
        },
    )

    reason: Text = Field(min_length=3, max_length=500, description="Why, for who approves it and whoever asks later.")


class PolicyDecision(BaseModel):
    """Why a proposal is approved, rejected or withdrawn."""

    model_config = ConfigDict(
        str_strip_whitespace=True, json_schema_extra={"examples": [{"reason": "Checked against the bank's letter"}]}
    )

    reason: Text = Field(min_length=3, max_length=500)


@router.post("/what-if", responses=problems(413), summary="Say what changed rules would change")
def ask_what_if(asked: WhatIfQuestion, session: Reading, key: Operator) -> WhatIfAnswer:
    """Make stored decisions again by a draft, part by part; nothing is kept, and nothing comes into force."""
    policy = read_policy(asked.kind, asked.text)
    part, after = what_ifs.part(session, policy, asked.after, limit=asked.limit, first=asked.first)
    told = policy.model_dump(include={"kind", "version", "digest"})
    return WhatIfAnswer(**told, standing=policies.standing(session, policy), part=part, next=after)


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409, 413), summary="Propose changed rules")
def propose_policy(new: NewProposal, serving: Serving, key: Operator) -> PolicyProposal:
    """Keep a draft with its reason and what it would change; another person decides. Again it is the same proposal."""
    return propose(serving, new.kind, new.text, new.reason, key.name)


@router.get("", responses=problems() | FILE, summary="List proposals of rules")
@in_csv("policies")
def list_policies(
    session: Reading,
    key: Viewer,
    kind: PolicyKind | None = None,
    state: ProposalState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[ProposalHead]:
    """Proposals without their texts, the newest first."""
    return listing(policies.page(session, kind=kind, state=state, limit=limit, cursor=cursor))


@router.get("/uses", responses=problems(), summary="List the rules that workers took")
def list_policy_uses(session: Reading, key: Viewer) -> Listing[PolicyUse]:
    """All rules by which workers have worked, since when, and the proposal behind them, the newest first."""
    return Listing(items=policies.uses(session))


@router.get("/{proposal_id}", responses=problems(404), summary="Read one proposal of rules")
def read_proposal(proposal_id: str, session: Reading, key: Viewer) -> PolicyProposal:
    """One proposal with the text of the rules and what they would change."""
    found = policies.get(session, proposal_id)
    if found is None:
        raise Missing(f"There is no proposal {proposal_id}.", reason="proposal")
    return found


@router.post("/{proposal_id}/approve", responses=problems(404, 409, 413), summary="Approve proposed rules")
def approve_policy(proposal_id: str, given: PolicyDecision, serving: Serving, key: Admin) -> PolicyProposal:
    """Agree to what somebody else proposed: from now on a worker may start with these rules."""
    return decide(serving, proposal_id, ProposalState.APPROVED, given.reason, key.name)


@router.post("/{proposal_id}/reject", responses=problems(404, 409, 413), summary="Reject proposed rules")
def reject_policy(proposal_id: str, given: PolicyDecision, serving: Serving, key: Admin) -> PolicyProposal:
    """Turn a proposal down; the same rules may be proposed anew."""
    return decide(serving, proposal_id, ProposalState.REJECTED, given.reason, key.name)


@router.post("/{proposal_id}/withdraw", responses=problems(404, 409, 413), summary="Withdraw proposed rules")
def withdraw_policy(proposal_id: str, given: PolicyDecision, serving: Serving, key: Operator) -> PolicyProposal:
    """Take back one's own proposal."""
    return decide(serving, proposal_id, ProposalState.WITHDRAWN, given.reason, key.name)
