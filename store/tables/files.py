"""Tables of intake: the inbox, source files, their names, their rejects and their staged groups."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.files import Entity, FileState, Severity
from store.tables.columns import BIG, JSON, NEW_UUID, NOW, UTC_TIME, ZERO, begins, check, one_of, word

ARRIVALS = ("http", "folder", "amendment")


class InboxRow(SQLModel, table=True):
    """Everything that came in, before anything acts on it; unique by (source, external id)."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_inbox_unstarted", "received_at", "id", postgresql_where=text("started_at IS NULL")),
        Index(None, "kind", "received_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(always=True),))
    source: str
    external_id: str
    kind: str
    payload: dict[str, Any] = Field(sa_type=JSON)
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    workflow_type: str
    workflow_id: str = Field(index=True)
    workflow_input: Any = Field(default=None, sa_type=JSON, nullable=True)
    started_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    attempts: int = Field(default=0, sa_column_kwargs=ZERO)


class SourceFileRow(SQLModel, table=True):
    """A file by its content (G-A4). `created_at` is what its header says, `visible_at` when it was first seen."""

    __tablename__ = "source_files"
    __table_args__ = (
        UniqueConstraint("sha256"),
        one_of("state", FileState),
        one_of("entity", Entity),
        one_of("arrived_by", ARRIVALS),
        Index(None, "layout", "sequence"),
        Index(None, "received_at", "id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=NEW_UUID)
    sha256: str
    filename: str
    layout: str
    entity: str | None = None
    byte_count: int = Field(sa_type=BIG)
    state: str = Field(default=FileState.RECEIVED.value, sa_column_kwargs=word(FileState.RECEIVED))
    arrived_by: str
    sequence: int | None = Field(default=None, sa_type=BIG)
    created_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    visible_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
    read_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    applied_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    record_count: int | None = Field(default=None, sa_type=BIG)
    group_count: int | None = Field(default=None, sa_type=BIG)
    rejected_group_count: int | None = Field(default=None, sa_type=BIG)
    reject_count: int | None = Field(default=None, sa_type=BIG)
    summary: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    error: str | None = None


class SourceFileNameRow(SQLModel, table=True):
    """A name under which the bytes of a file came, each time they came (case F4)."""

    __tablename__ = "source_file_names"
    __table_args__ = (begins("source_file_names", "filename"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(always=True),))
    file_id: UUID = Field(foreign_key="source_files.id", ondelete="CASCADE", index=True)
    filename: str
    arrived_by: str
    received_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)


class FileRejectRow(SQLModel, table=True):
    """One finding in a file, `n` counting from 1 in file order."""

    __tablename__ = "file_rejects"
    __table_args__ = (one_of("severity", Severity),)

    file_id: UUID = Field(primary_key=True, foreign_key="source_files.id", ondelete="CASCADE")
    n: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    severity: str
    code: str
    message: str
    remedy: str
    line: int | None = Field(default=None, sa_type=BIG)
    record_no: int | None = Field(default=None, sa_type=BIG)
    byte_offset: int | None = Field(default=None, sa_type=BIG)
    record_type: str | None = None
    group_key: str | None = None
    field: str | None = None
    column_from: int | None = None
    column_to: int | None = None
    text: str | None = None
    raw: str | None = None


class StagedDepartureRow(SQLModel, table=True):
    """A key of the file before that does not stand in this one word for word: it changed, or it vanished."""

    __tablename__ = "staged_departures"

    file_id: UUID = Field(primary_key=True, foreign_key="source_files.id", ondelete="CASCADE")
    key: str = Field(primary_key=True)


class FileLineRow(SQLModel, table=True):
    """Where a group stood in its file, kept when what was staged is gone: the way back from a row to its line."""

    __tablename__ = "file_lines"

    file_id: UUID = Field(primary_key=True, foreign_key="source_files.id", ondelete="CASCADE")
    key: str = Field(primary_key=True)
    line_from: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    line_to: int = Field(sa_type=BIG)


class StagedGroupRow(SQLModel, table=True):
    """One group of a file in canonical words, waiting to be applied; workflows carry ranges of `seq`."""

    __tablename__ = "staged_groups"
    __table_args__ = (check("seq_positive", "seq >= 1"), Index(None, "file_id", "key"))

    file_id: UUID = Field(primary_key=True, foreign_key="source_files.id", ondelete="CASCADE")
    seq: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})
    key: str
    line_from: int = Field(sa_type=BIG)
    line_to: int = Field(sa_type=BIG)
    byte_from: int = Field(sa_type=BIG)
    byte_to: int = Field(sa_type=BIG)
    payload: dict[str, Any] = Field(sa_type=JSON)
    item_lines: list[int] | None = Field(default=None, sa_type=ARRAY(BIG))
