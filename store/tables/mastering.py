"""Tables of the merge of master records: what is agreed, what each side has, what is decided and being written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index
from sqlmodel import Field, SQLModel

from domain.links import LinkKind
from domain.master_work import WriteState
from domain.merging import SideState
from domain.sources import System
from store.tables.columns import BIG, EMPTY_LIST, EMPTY_OBJECT, JSON, NOW, UTC_TIME, ZERO, one_of, word


class MasterRecordRow(SQLModel, table=True):
    """What is agreed of a record among the systems, and what was agreed with our own side of it (`home_base`).

    `held`: fields that wait for a person, by the fingerprint of their question. `moves`: what moved lately.
    """

    __tablename__ = "master_records"
    __table_args__ = (one_of("kind", LinkKind),)

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    agreed: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    home_base: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    held: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs=EMPTY_OBJECT)
    moves: list[Any] = Field(default_factory=list, sa_type=JSON, sa_column_kwargs=EMPTY_LIST)
    policy_version: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class MasterSideRow(SQLModel, table=True):
    """A record as one system had it when it was read last. `changed_at` is by that system's clock."""

    __tablename__ = "master_sides"
    __table_args__ = (one_of("kind", LinkKind), one_of("system", System), one_of("state", SideState))

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    external_id: str
    state: str = Field(default=SideState.PRESENT.value, sa_column_kwargs=word(SideState.PRESENT))
    stated: dict[str, Any] = Field(sa_type=JSON)
    version: str | None = None
    changed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    clock_offset_ms: int = Field(default=0, sa_type=BIG, sa_column_kwargs=ZERO)
    clock_bound_ms: int | None = Field(default=None, sa_type=BIG)
    merged_into: str | None = None
    observed_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class MasterPlanRow(SQLModel, table=True):
    """A decision whose writes are under way, with its inputs; gone when what came of it is kept."""

    __tablename__ = "master_plans"

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    inputs: dict[str, Any] = Field(sa_type=JSON)
    outcome: dict[str, Any] = Field(sa_type=JSON)
    planned_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class MasterWriteRow(SQLModel, table=True):
    """What the gateway sets out to write into a record elsewhere, before it does, and what came of it."""

    __tablename__ = "master_writes"
    __table_args__ = (
        one_of("kind", LinkKind),
        one_of("system", System),
        one_of("state", WriteState),
        Index(None, "kind", "key", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(always=True),))
    kind: str
    key: str
    system: str
    external_id: str
    fields: dict[str, Any] = Field(sa_type=JSON)
    digest: str
    policy_version: str
    based_on: str | None = None
    state: str = Field(default=WriteState.PLANNED.value, sa_column_kwargs=word(WriteState.PLANNED))
    answered: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    version: str | None = None
    code: str | None = None
    detail: str | None = None
    planned_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    ended_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class MasterMarkRow(SQLModel, table=True):
    """A record of which something changed and whose flow was not woken yet."""

    __tablename__ = "master_marks"
    __table_args__ = (Index(None, "marked_at"),)

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    reason: str
    marked_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class OwnershipVersionRow(SQLModel, table=True):
    """Rules of ownership as they were in force once: a kept decision is taken again under its own."""

    __tablename__ = "ownership_versions"

    version: str = Field(primary_key=True)
    rules: dict[str, Any] = Field(sa_type=JSON)
    first_used_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
