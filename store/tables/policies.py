"""Tables of the rules: which were proposed, by whom, who agreed, and which are in use (feature G-C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from domain.policies import PolicyKind, ProposalState
from store.tables.columns import JSON, NEW_UUID, NOW, UTC_TIME, check, one_of, word


class PolicyProposalRow(SQLModel, table=True):
    """A changed file of rules that somebody proposed; approved only by somebody else. Its content is frozen."""

    __tablename__ = "policy_proposals"
    __table_args__ = (
        one_of("kind", PolicyKind),
        one_of("state", ProposalState),
        check("decided", "(state = 'proposed') = (decided_by IS NULL)"),
        check("two_people", "state <> 'approved' OR decided_by <> proposed_by"),
        Index(None, "kind", "digest"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    kind: str
    version: str
    digest: str
    body: str
    reason: str
    what_if: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    state: str = Field(default=ProposalState.PROPOSED.value, sa_column_kwargs=word(ProposalState.PROPOSED))
    proposed_by: str
    proposed_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    decided_because: str | None = None


class PolicyUseRow(SQLModel, table=True):
    """Rules by which a worker has worked, since when, and the approved proposal that they came from. Append-only."""

    __tablename__ = "policy_uses"

    kind: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    version: str
    proposal_id: UUID | None = Field(default=None, foreign_key="policy_proposals.id")
    first_used_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
