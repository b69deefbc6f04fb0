"""Changing rules: a draft is kept with what it would change, and decided about by another person."""

from __future__ import annotations

from datetime import UTC, datetime

from api.operations import user_cause
from api.services import Services
from domain.policies import PolicyKind, PolicyProposal, ProposalState, read_policy
from store import policies, what_ifs
from store.session import reading, transaction


def propose(services: Services, kind: PolicyKind, text: str, reason: str, by: str) -> PolicyProposal:
    """Keep a draft. Raises Malformed for one that cannot be read, Duplicate for rules that may be used already."""
    policy = read_policy(kind, text)
    with reading(services.engine) as session:
        what_if = what_ifs.newest(session, policy).model_dump(mode="json")
    with transaction(services.engine, user_cause(by, policy=policy.version, reason=reason)) as session:
        return policies.propose(session, policy, text, reason, by, what_if)


def decide(services: Services, proposal_id: str, state: ProposalState, reason: str, by: str) -> PolicyProposal:
    """Approve, reject or withdraw. Raises Missing, Malformed for the wrong person, Duplicate where it is decided."""
    with transaction(services.engine, user_cause(by, proposal=proposal_id, reason=reason)) as session:
        return policies.decide(session, proposal_id, state, by, reason, datetime.now(UTC))
