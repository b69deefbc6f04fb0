"""The file that a step works on, and the cause of what it changes."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session
from temporalio import activity

from domain.errors import Missing
from domain.work import FileWork
from store import files
from store.causes import Cause, CauseSource
from store.files import SourceFile


def cause_of(work: FileWork) -> Cause:
    """The ERP stated it, in this file."""
    return Cause(
        source=CauseSource.ERP,
        actor="worker",
        reference={"file_id": work.file_id, "filename": work.filename},
        workflow_id=activity.info().workflow_id,
    )


def file_of(session: Session, work: FileWork) -> SourceFile:
    """The file in the store. Raises Missing for one that is not there."""
    file = files.get(session, UUID(work.file_id))
    if file is None:
        raise Missing(f"Source file {work.file_id} is not in the store.", file_id=work.file_id)
    return file
