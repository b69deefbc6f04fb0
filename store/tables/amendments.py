"""Table of amendments: which lines of a file a person put right, and the file that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from store.tables.columns import JSON, NOW, UTC_TIME


class FileAmendmentRow(SQLModel, table=True):
    """How a file differs from the one that it was made of, line by line; append-only."""

    __tablename__ = "file_amendments"

    file_id: UUID = Field(primary_key=True, foreign_key="source_files.id")
    amends: UUID = Field(foreign_key="source_files.id", index=True)
    lines: list[dict[str, Any]] = Field(sa_type=JSON)
    reason: str
    amended_by: str
    amended_at: datetime = Field(sa_type=UTC_TIME, sa_column_kwargs=NOW)
