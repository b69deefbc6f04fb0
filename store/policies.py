"""Policies in the store: proposed by one person, approved by another, and used by the worker since when (G-C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from domain.errors import Duplicate, Malformed, Missing
from domain.policies import (
    Policy,
    PolicyKind,
    PolicyProposal,
    PolicyUse,
    ProposalHead,
    ProposalState,
    Standing,
    same_person,
)
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.policies import PolicyProposalRow, PolicyUseRow
from store.upserts import append


def propose(
    session: Session, policy: Policy, body: str, reason: str, by: str, what_if: dict[str, Any] | None
) -> PolicyProposal:
    """Keep a proposal. The same rules proposed again by the same person, while they wait, are the same proposal.

    Raises Duplicate where the rules may be used already.
    """
    lock(session, policy.kind)
    if standing(session, policy) is not Standing.UNAPPROVED and current(session, policy.kind) is not None:
        detail = f"These rules ({policy.version}) may be used already: nobody has to agree to them again."
        raise Duplicate(detail, reason="policy_stands")
    known_ones = session.scalars(_of(policy).where(col(PolicyProposalRow.state) == ProposalState.PROPOSED.value))
    for known in known_ones:
        if same_person(known.proposed_by, by):
            return _proposal(known)
    row = session.scalars(
        insert(PolicyProposalRow)
        .values(
            kind=policy.kind.value,
            version=policy.version,
            digest=policy.digest,
            body=body,
            reason=reason,
            what_if=what_if,
            proposed_by=by,
        )
        .returning(PolicyProposalRow)
    ).one()
    return _proposal(row)


def decide(
    session: Session, proposal_id: str, state: ProposalState, by: str, reason: str, at: datetime
) -> PolicyProposal:
    """Approve, reject or withdraw a proposal. Saying the same again changes nothing.

    Raises Missing; Malformed where somebody approves their own, or withdraws another's; Duplicate where it is decided.
    """
    row = _row(session, proposal_id, lock=True)
    if row is None:
        raise Missing(f"There is no proposal {proposal_id}.", reason="proposal")
    if (row.state, row.decided_by) == (state.value, by):
        return _proposal(row)
    if row.state != ProposalState.PROPOSED:
        raise Duplicate(f"This proposal is {row.state} already, by {row.decided_by}.", reason="proposal_decided")
    own = same_person(row.proposed_by, by)
    if state is ProposalState.APPROVED and own:
        detail = f"A change of the rules needs a second person: {row.proposed_by} proposed this one."
        raise Malformed(detail, reason="second_person")
    if state is ProposalState.WITHDRAWN and not own:
        raise Malformed(
            f"Only {row.proposed_by}, who proposed it, withdraws it: reject it instead.", reason="not_yours"
        )
    row.state, row.decided_by, row.decided_at, row.decided_because = state.value, by, at, reason
    session.flush()
    return _proposal(row)


def get(session: Session, proposal_id: str) -> PolicyProposal | None:
    """A proposal, or None."""
    row = _row(session, proposal_id, lock=False)
    return None if row is None else _proposal(row)


def page(
    session: Session,
    *,
    kind: PolicyKind | None = None,
    state: ProposalState | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ProposalHead]:
    """Proposals without their texts, the newest first."""
    row = PolicyProposalRow
    query = select(row)
    if kind is not None:
        query = query.where(col(row.kind) == kind.value)
    if state is not None:
        query = query.where(col(row.state) == state.value)
    keys = [col(row.proposed_at), col(row.id)]
    return page_of(session, query, keys, limit=limit, cursor=cursor, descending=True).of(_head)


def standing(session: Session, policy: Policy) -> Standing:
    """Whether these rules are approved, or the first of their kind that this store ever saw."""
    if approved(session, policy) is not None:
        return Standing.APPROVED
    first = session.scalars(_uses(policy.kind).order_by(*_IN_TIME).limit(1)).first()
    return Standing.FIRST if first is None or first.digest == policy.digest else Standing.UNAPPROVED


def current(session: Session, kind: PolicyKind) -> PolicyUse | None:
    """The newest rules by which a worker works; None: none did yet."""
    newest = session.scalars(_uses(kind).order_by(*(one.desc() for one in _IN_TIME)).limit(1)).first()
    return None if newest is None else _use(newest)


def uses(session: Session) -> list[PolicyUse]:
    """All rules by which workers have worked, the newest first: some a year."""
    query = select(PolicyUseRow).order_by(*(one.desc() for one in _IN_TIME))
    return [_use(row) for row in session.scalars(query)]


def note_use(session: Session, policy: Policy) -> None:
    """Note that a worker works by these rules; again changes nothing."""
    found = approved(session, policy)
    row = {"kind": policy.kind.value, "digest": policy.digest, "version": policy.version}
    append(session, PolicyUseRow, [{**row, "proposal_id": found.id if found else None}])


def lock(session: Session, kind: PolicyKind) -> None:
    """One at a time looks at rules of a kind and notes them, until the transaction ends: only one can be the first."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"policies of {kind}"))))


def approved(session: Session, policy: Policy) -> PolicyProposal | None:
    """The proposal by which these rules were approved, or None."""
    return _newest(session, policy, ProposalState.APPROVED)


def waiting(session: Session, policy: Policy) -> PolicyProposal | None:
    """A proposal of these rules that waits for a second person, or None."""
    return _newest(session, policy, ProposalState.PROPOSED)


_IN_TIME = (col(PolicyUseRow.first_used_at), col(PolicyUseRow.digest))


def _uses(kind: PolicyKind) -> Select[PolicyUseRow]:
    return select(PolicyUseRow).where(col(PolicyUseRow.kind) == kind.value)


def _of(policy: Policy) -> Select[PolicyProposalRow]:
    row = PolicyProposalRow
    same = (col(row.kind) == policy.kind.value, col(row.digest) == policy.digest)
    return select(row).where(*same).order_by(col(row.proposed_at).desc())


def _newest(session: Session, policy: Policy, state: ProposalState) -> PolicyProposal | None:
    found = session.scalars(_of(policy).where(col(PolicyProposalRow.state) == state.value).limit(1)).first()
    return None if found is None else _proposal(found)


def _row(session: Session, proposal_id: str, *, lock: bool) -> PolicyProposalRow | None:
    try:
        key = UUID(proposal_id)
    except ValueError:
        return None
    return session.get(PolicyProposalRow, key, with_for_update=True if lock else None, populate_existing=True)


def _proposal(row: PolicyProposalRow) -> PolicyProposal:
    return PolicyProposal.model_validate({**row.model_dump(), "id": str(row.id)})


def _head(row: PolicyProposalRow) -> ProposalHead:
    return ProposalHead.model_validate({**row.model_dump(include=set(ProposalHead.model_fields)), "id": str(row.id)})


def _use(row: PolicyUseRow) -> PolicyUse:
    proposal = str(row.proposal_id) if row.proposal_id else None
    return PolicyUse.model_validate({**row.model_dump(), "proposal_id": proposal})
