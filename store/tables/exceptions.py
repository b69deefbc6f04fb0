"""Tables of work for people, and of the decisions that were taken: by rules and by people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from domain.exceptions import ExceptionKind, ExceptionState
from store.tables.columns import (
    BIG,
    EMPTY_LIST,
    JSON,
    NEW_UUID,
    NOW,
    ONE,
    THIS_TRANSACTION,
    UTC_TIME,
    check,
    one_of,
    word,
)


class ExceptionRow(SQLModel, table=True):
    """A piece of work. While it is open, the same cause on the same record collapses into it (feature G-I2)."""

    __tablename__ = "exceptions"
    __table_args__ = (
        one_of("kind", ExceptionKind),
        one_of("state", ExceptionState),
        check("closed", "(state = 'open') = (closed_at IS NULL)"),
        check("resolved_has_resolution", "state <> 'resolved' OR resolution IS NOT NULL"),
        Index(
            "uq_exceptions_open",
            "record_type",
            "record_key",
            "cause",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "state", "opened_at", "id"),
        Index(None, "record_key"),
        Index(None, "due_at", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    kind: str
    state: str = Field(default=ExceptionState.OPEN.value, sa_column_kwargs=word(ExceptionState.OPEN))
    cause: str
    sentence: str
    record_type: str
    record_key: str
    money_at_stake: Decimal | None = None
    owner: str
    findings: list[Any] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY_LIST)
    choices: list[Any] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY_LIST)
    workflow_id: str | None = None
    opened_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    closed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    resolution: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    seen_count: int = Field(default=1, sa_column_kwargs=ONE)
    last_seen_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    due_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    assignee: str | None = None
    snoozed_until: datetime | None = Field(default=None, sa_type=UTC_TIME)
    notes: list[Any] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY_LIST)
    closed_because: str | None = None


class ExceptionRuleRow(SQLModel, table=True):
    """Who owns the work of a cause and how long it may take, as `company.toml` says; `*` stands for all others."""

    __tablename__ = "exception_rules"

    cause: str = Field(primary_key=True)
    owner: str | None = None
    due_minutes: int


class DecisionRow(SQLModel, table=True):
    """What was decided from which inputs under which policy: enough to decide it again (feature G-C8). Append-only.

    `transaction_id` is that of the changes which followed from it at once.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "record_type", "record_key", "made_at"),
        Index(None, "made_at", "id"),
        Index(None, "transaction_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    kind: str
    record_type: str
    record_key: str
    policy_version: str
    inputs: dict[str, Any] = Field(sa_type=JSON)
    outcome: dict[str, Any] = Field(sa_type=JSON)
    made_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    made_by: str
    transaction_id: int | None = Field(default=None, sa_type=BIG, sa_column_kwargs=THIS_TRANSACTION)
