"""Tables of reconciliation: the runs with their certificates, what each was decided from, and what it found."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.reconciliation import Side, Standing
from store.tables.columns import BIG, EMPTY_OBJECT, FALSE, JSON, NOW, UTC_TIME, check, one_of, word

RUN_STATES = ("running", "finished", "failed")


class ReconciliationRow(SQLModel, table=True):
    """One run, named by its day; `sequence` counts the certificates, of which each names the hash of the one before.

    `as_of` holds the instants that each system was read at, `inputs_hash` the SHA-256 over everything that was staged.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (
        UniqueConstraint("sequence"),
        one_of("state", RUN_STATES),
        check("finished_has_certificate", "(state = 'finished') = (certificate IS NOT NULL)"),
        Index(None, "started_at", "id"),
    )

    id: str = Field(primary_key=True)
    day: date = Field(index=True)
    state: str = Field(default="running", sa_column_kwargs=word("running"))
    reason: str
    requested_by: str
    started_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    finished_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    policy: dict[str, Any] = Field(sa_type=JSON)
    code_version: str
    as_of: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    totals: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    error: str | None = None
    sequence: int | None = Field(default=None, sa_type=BIG)
    certificate: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    certificate_hash: str | None = None
    inputs_hash: str | None = None
    inputs_kept: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})


class ReconciliationInputRow(SQLModel, table=True):
    """What one side said of one record, as it was read for a run: `body` is compared, `facts` explain it."""

    __tablename__ = "reconciliation_inputs"
    __table_args__ = (one_of("side", Side),)

    run_id: str = Field(primary_key=True, foreign_key="reconciliations.id", ondelete="CASCADE")
    kind: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_type=JSON)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    changed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class ReconciliationFindingRow(SQLModel, table=True):
    """A difference that a run found, and what it means; `first_seen_on` is the day of the first run that found it."""

    __tablename__ = "reconciliation_findings"
    __table_args__ = (
        one_of("standing", Standing),
        Index(None, "run_id", "standing", "n"),
        Index(None, "identity", "run_id"),
        Index(None, "record_type", "record_key"),
    )

    run_id: str = Field(primary_key=True, foreign_key="reconciliations.id", ondelete="CASCADE")
    n: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    identity: str
    fingerprint: str
    rule: str
    cause: str
    system: str
    kind: str
    record_type: str
    record_key: str
    field: str
    expected: str | None = None
    found: str | None = None
    money: Decimal | None = None
    minor: bool = Field(default=False, sa_column_kwargs=FALSE)
    standing: str
    why: str
    owner: str
    remedy: str
    healed: bool = Field(default=False, sa_column_kwargs=FALSE)
    exception_id: UUID | None = None
    first_seen_on: date
    first_run_id: str
    belongs: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    changed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
