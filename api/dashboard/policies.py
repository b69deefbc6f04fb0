"""The rules: which are in force, what is proposed and what it would change, and the word of a second person."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from fastapi import Depends, Form, Request
from fastapi.responses import Response
from sqlmodel import Session

from api.dashboard.pages import back_to, formed, given, key_of, page_router, said
from api.dashboard.records import Paged
from api.dashboard.rendering import page
from api.dashboard.signing_in import Administering, Looking, Operating
from api.routes import policies
from api.routes.policies import PolicyDecision
from api.services import Reading, Serving
from domain.errors import Malformed
from domain.policies import PolicyKind, PolicyProposal, PolicyUse, ProposalState, read_policy
from domain.what_if import WhatIf
from store import policies as stored

router = page_router()

AT_ONCE = 20  # waiting proposals that are told with what they would change
Reason = Annotated[str, Form(max_length=500)]


class ProposalFilter(Paged):
    """Which proposals of the past."""

    kind: PolicyKind | None = None
    state: ProposalState | None = None


class InForce(NamedTuple):
    """Rules of one kind by which workers work, and the proposal behind them; None: the first ones, or unapproved."""

    use: PolicyUse
    proposal: PolicyProposal | None


class Proposed(NamedTuple):
    """A proposal, and what it would change."""

    proposal: PolicyProposal
    what_if: WhatIf | None


@router.get("/ui/policies")
def show_policies(
    request: Request,
    session: Reading,
    person: Looking,
    wanted: Annotated[ProposalFilter, Depends(given(ProposalFilter))],
) -> Response:
    """What is in force by kind, what waits for a second person, and all that was ever proposed or used."""
    key = key_of(person)
    waiting = policies.list_policies(session, key, state=ProposalState.PROPOSED, limit=AT_ONCE)
    uses = policies.list_policy_uses(session, key).items
    return page(
        request,
        "policies.html",
        person,
        in_force=_in_force(session, uses),
        waiting=[_proposed(policies.read_proposal(one.id, session, key)) for one in waiting.items],
        more_wait=waiting.next is not None,
        found=policies.list_policies(session, key, **wanted.model_dump()),
        uses=uses,
        wanted=wanted,
        kinds=list(PolicyKind),
        states=list(ProposalState),
        current=dict(request.query_params),
        said=said(request),
    )


@router.get("/ui/policies/{proposal_id}")
def show_proposal(proposal_id: str, request: Request, session: Reading, serving: Serving, person: Looking) -> Response:
    """One proposal: why, its text beside the one in force, and which decisions would come out otherwise."""
    found = policies.read_proposal(proposal_id, session, key_of(person))
    before = _text_in_force(session, serving.config_dir, found)
    return page(
        request,
        "policy.html",
        person,
        one=_proposed(found),
        changed=None if before is None else _changed(before, found.body),
        said=said(request),
    )


@router.post("/ui/policies/{proposal_id}/approve")
def take_approval(proposal_id: str, serving: Serving, person: Administering, reason: Reason) -> Response:
    """Agree to what somebody else proposed."""
    policies.approve_policy(proposal_id, formed(PolicyDecision, reason=reason), serving, key_of(person))
    return back_to(f"/ui/policies/{proposal_id}", "approved")


@router.post("/ui/policies/{proposal_id}/reject")
def take_rejection(proposal_id: str, serving: Serving, person: Administering, reason: Reason) -> Response:
    """Turn a proposal down."""
    policies.reject_policy(proposal_id, formed(PolicyDecision, reason=reason), serving, key_of(person))
    return back_to(f"/ui/policies/{proposal_id}", "rejected")


@router.post("/ui/policies/{proposal_id}/withdraw")
def take_withdrawal(proposal_id: str, serving: Serving, person: Operating, reason: Reason) -> Response:
    """Take back one's own proposal."""
    policies.withdraw_policy(proposal_id, formed(PolicyDecision, reason=reason), serving, key_of(person))
    return back_to(f"/ui/policies/{proposal_id}", "withdrawn")


def _in_force(session: Session, uses: Sequence[PolicyUse]) -> list[InForce]:
    """The newest of each kind, in the order of kinds."""
    newest = {kind: next((one for one in uses if one.kind is kind), None) for kind in PolicyKind}
    return [InForce(one, _behind(session, one)) for one in newest.values() if one is not None]


def _behind(session: Session, use: PolicyUse) -> PolicyProposal | None:
    return None if use.proposal_id is None else stored.get(session, use.proposal_id)


def _proposed(proposal: PolicyProposal) -> Proposed:
    kept = proposal.what_if
    return Proposed(proposal, None if kept is None else WhatIf.model_validate(kept))


def _text_in_force(session: Session, config_dir: Path, proposal: PolicyProposal) -> str | None:
    """None where nobody has their text: it is in no proposal, and the file here is of other rules by now."""
    use = stored.current(session, proposal.kind)
    behind = None if use is None else _behind(session, use)
    if use is None or use.proposal_id == proposal.id:
        return None
    return behind.body if behind else _text_of_file(config_dir / proposal.kind.file, use)


def _text_of_file(file: Path, use: PolicyUse) -> str | None:
    """The first rules are in no proposal: only the file has them, as long as it is the one that was taken."""
    try:
        text = file.read_text(encoding="utf-8")
        return text if read_policy(use.kind, text).digest == use.digest else None
    except (OSError, ValueError, Malformed):
        return None


def _changed(before: str, after: str) -> list[str]:
    """The lines that differ, with a few around them."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), "in force", "proposed", lineterm=""))
