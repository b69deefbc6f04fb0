"""Amendments: lines of an ERP's file that a person put right, so that the file is read again with them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.exceptions import Cause
from domain.files import Entity, FileState

# What amending the lines of a file answers.
AMENDABLE = frozenset({Cause.FILE_REFUSED, Cause.FILE_ROWS_REFUSED})


def may_be_amended(state: FileState, entity: Entity | None, rejected_group_count: int | None) -> bool:
    """Whether a file is done with, records of it were refused, and its rows still mean what they say.

    Stock moves on: rows of an export that was applied are of no use any more.
    """
    if state is FileState.APPLIED:
        return bool(rejected_group_count) and entity is not Entity.INVENTORY_SNAPSHOT
    return state is FileState.REFUSED


class LineText(BaseModel):
    """What a line is to say, by its number from 1; without its line end."""

    model_config = ConfigDict(frozen=True)

    line: int
    text: str


class LineChange(LineText):
    """The same with what it said before."""

    before: str


class Amendment(BaseModel):
    """The difference between a file and the one that it was made of, and who made it why."""

    model_config = ConfigDict(frozen=True)

    file_id: UUID
    amends: UUID
    lines: tuple[LineChange, ...]
    reason: str
    amended_by: str
    amended_at: datetime
