"""Decisions, kept with their inputs and the policy's version: enough to decide again (feature G-C8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import Session, col

from store.tables.exceptions import DecisionRow


@dataclass(frozen=True)
class Decision:
    """A decision to keep: what kind, on which record (type and key), by which policy, from what, to what, when."""

    kind: str
    record: tuple[str, str]
    policy_version: str
    inputs: BaseModel
    outcome: BaseModel
    made_at: datetime
    made_by: str = "gateway"


def keep(session: Session, decision: Decision) -> None:
    """Write down a decision, unless the newest one on this record is the very same."""
    record_type, record_key = decision.record
    taken = _plain(decision.outcome)
    newest = session.scalars(
        select(DecisionRow)
        .where(col(DecisionRow.record_type) == record_type, col(DecisionRow.record_key) == record_key)
        .where(col(DecisionRow.kind) == decision.kind)
        .order_by(col(DecisionRow.made_at).desc())
        .limit(1)
    ).first()
    if newest and (newest.policy_version, newest.outcome) == (decision.policy_version, taken):
        return
    session.add(
        DecisionRow(
            kind=decision.kind,
            record_type=record_type,
            record_key=record_key,
            policy_version=decision.policy_version,
            inputs=_plain(decision.inputs),
            outcome=taken,
            made_at=decision.made_at,
            made_by=decision.made_by,
        )
    )


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def of_record(session: Session, record_type: str, record_key: str) -> Sequence[DecisionRow]:
    """All decisions on a record, oldest first."""
    query = (
        select(DecisionRow)
        .where(col(DecisionRow.record_type) == record_type, col(DecisionRow.record_key) == record_key)
        .order_by(col(DecisionRow.made_at))
    )
    return list(session.scalars(query))
