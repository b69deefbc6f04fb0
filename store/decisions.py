"""Decisions, kept with their inputs and the policy's version: enough to decide again (feature G-C8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import Session, col

from store.tables.exceptions import DecisionRow


def keep(
    session: Session,
    *,
    kind: str,
    record: tuple[str, str],
    policy_version: str,
    inputs: BaseModel,
    outcome: BaseModel,
    made_at: datetime,
    made_by: str = "gateway",
) -> None:
    """Write down a decision, unless the newest one on this record is the very same."""
    record_type, record_key = record
    given, taken = _plain(inputs), _plain(outcome)
    newest = session.scalars(
        select(DecisionRow)
        .where(
            col(DecisionRow.record_type) == record_type,
            col(DecisionRow.record_key) == record_key,
            col(DecisionRow.kind) == kind,
        )
        .order_by(col(DecisionRow.made_at).desc())
        .limit(1)
    ).first()
    if newest and (newest.policy_version, newest.outcome) == (policy_version, taken):
        return
    session.add(
        DecisionRow(
            kind=kind,
            record_type=record_type,
            record_key=record_key,
            policy_version=policy_version,
            inputs=given,
            outcome=taken,
            made_at=made_at,
            made_by=made_by,
        )
    )


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True)


def of_record(session: Session, record_type: str, record_key: str) -> Sequence[DecisionRow]:
    """All decisions on a record, oldest first."""
    query = (
        select(DecisionRow)
        .where(col(DecisionRow.record_type) == record_type, col(DecisionRow.record_key) == record_key)
        .order_by(col(DecisionRow.made_at))
    )
    return list(session.scalars(query))
