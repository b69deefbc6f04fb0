"""Activities of source files: read and stage one, check its place in the sequence, and note that it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.receiving import FILE_DESK
from adapters.erp.layouts import Layouts
from adapters.erp.reading import FileReading as Reading
from domain.errors import Missing
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.files import FileState, FileSummary, StagedGroup
from domain.work import FileReading, FileWork, SequenceCheck
from runtime import metrics
from store import exceptions, files, staging
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.files import SourceFile
from store.session import transaction


class RefusedWhole(Exception):
    """Rolls back what was staged of a file that cannot be applied; never leaves this module."""

    def __init__(self, summary: FileSummary) -> None:
        super().__init__("refused")
        self.summary = summary


class FileActivities:
    """Steps that read a file's bytes or say where it stands."""

    def __init__(self, engine: Engine, layouts: Layouts, folder: Path) -> None:
        self._engine, self._layouts, self._folder = engine, layouts, folder

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def read_source_file(self, work: FileWork) -> FileReading:
        """Read a file and stage its groups by COPY in one transaction; a refused file leaves only its findings.

        Running it again replaces what an earlier attempt staged.
        """
        with beating():
            try:
                summary = self._stage(work)
            except RefusedWhole as refused:
                summary = refused.summary
            exception_id = self._note(work, summary)
        outcome = "refused" if summary.refused else "read"
        metrics.count("files", layout=summary.layout, outcome=outcome)
        metrics.count("file_groups", summary.group_count, layout=summary.layout, outcome=outcome)
        metrics.count("file_groups", summary.rejected_group_count, layout=summary.layout, outcome="rejected")
        return FileReading(
            refused=summary.refused,
            entity=summary.entity,
            group_count=summary.group_count,
            rejected_group_count=summary.rejected_group_count,
            exception_id=exception_id,
        )

    def _stage(self, work: FileWork) -> FileSummary:
        with transaction(self._engine, _cause(work)) as session:
            file = _file(session, work)
            reading = Reading(self._folder / file.sha256[:2] / file.sha256, self._layouts.get(file.layout))
            staging.stage(session, file.id, _blocks(reading))
            if reading.summary.refused:
                raise RefusedWhole(reading.summary)
            return reading.summary

    def _note(self, work: FileWork, summary: FileSummary) -> str | None:
        """Keep what was found, and open an exception for what a person must know."""
        now = datetime.now(UTC)
        with transaction(self._engine, _cause(work)) as session:
            files.save_summary(session, UUID(work.file_id), summary)
            state = FileState.REFUSED if summary.refused else FileState.READ
            file = files.set_state(session, UUID(work.file_id), state, now)
            if not summary.refused:
                _forget_refused_twins(session, file, now)
            if not summary.refused and not summary.rejected_group_count:
                return None
            finding = _refused(work, summary) if summary.refused else _rows_refused(work, summary)
            return exceptions.open_item(
                session,
                finding=finding,
                findings=(finding,),
                choices=finding.choices,
                record=("file", work.file_id),
                money_at_stake=None,
                owner=FILE_DESK,
                workflow_id=None,
            )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def check_sequence(self, work: FileWork) -> SequenceCheck:
        """Hold a file whose sequence another file had (F6); say so when sequences are missing before it (F7)."""
        now = datetime.now(UTC)
        with transaction(self._engine, _cause(work)) as session:
            file = _file(session, work)
            if file.sequence is None:
                return SequenceCheck(held=False)
            files.take_turn(session, file.layout)
            decided = exceptions.latest_resolution(session, ("file", work.file_id), Cause.FILE_SEQUENCE_REPEATED)
            if decided and decided.choice is Choice.REFUSE_FILE:
                files.set_state(session, file.id, FileState.REFUSED, now, error="a person refused it for its sequence")
                return SequenceCheck(held=False, refused=True)
            others = _others_with(session, file)
            if others and not decided:
                item = self._open(session, work, _sequence_repeated(file, others[0]))
                files.set_state(session, file.id, FileState.HELD, now)
                return SequenceCheck(held=True, exception_id=item)
            self._watch_gap(session, work, file)
            _end_alarm_of_next(session, file, now)
            files.set_state(session, file.id, FileState.READ, now)
            return SequenceCheck(held=False)

    def _watch_gap(self, session: Session, work: FileWork, file: SourceFile) -> None:
        """A gap is announced, not waited for: each shipment is billed on its own, whatever came before (F7)."""
        latest = files.latest_before(session, file.layout, file.sequence or 0)
        if latest is None or file.sequence is None or file.sequence <= latest + 1:
            return
        self._open(session, work, _sequence_gap(file, latest))

    def _open(self, session: Session, work: FileWork, finding: Finding) -> str:
        waits = finding.cause is Cause.FILE_SEQUENCE_REPEATED
        return exceptions.open_item(
            session,
            finding=finding,
            findings=(finding,),
            choices=finding.choices,
            record=("file", work.file_id),
            money_at_stake=None,
            owner=FILE_DESK,
            workflow_id=f"erp-file/{work.sha256}" if waits else None,
        )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def finish_file(self, work: FileWork) -> None:
        """Note that everything in the file was acted on, held or rejected."""
        with transaction(self._engine, _cause(work)) as session:
            files.set_state(session, UUID(work.file_id), FileState.APPLIED, datetime.now(UTC))


def _blocks(reading: Reading) -> Iterator[list[StagedGroup]]:
    yield from reading


def _cause(work: FileWork) -> ChangeCause:
    return ChangeCause(
        source=CauseSource.ERP,
        actor="worker",
        reference={"file_id": work.file_id, "filename": work.filename},
        workflow_id=activity.info().workflow_id,
    )


def _file(session: Session, work: FileWork) -> SourceFile:
    file = files.get(session, UUID(work.file_id))
    if file is None:
        raise Missing(f"Source file {work.file_id} is not in the store.", file_id=work.file_id)
    return file


def _others_with(session: Session, file: SourceFile) -> list[SourceFile]:
    """Other files of the layout with this sequence that were not refused."""
    same = files.by_sequence(session, file.layout, file.sequence or 0)
    return [one for one in same if one.id != file.id and one.state is not FileState.REFUSED]


def _forget_refused_twins(session: Session, file: SourceFile, at: datetime) -> None:
    """A good file settles the exceptions of refused ones with its sequence: the full copy came (F2)."""
    if file.sequence is None:
        return
    for one in files.by_sequence(session, file.layout, file.sequence):
        if one.id != file.id and one.state is FileState.REFUSED:
            exceptions.close_by_itself(session, ("file", str(one.id)), at)


def _end_alarm_of_next(session: Session, file: SourceFile, at: datetime) -> None:
    """A late file ends the alarm of the one after it: what is still missing before it, it has announced itself (F7)."""
    others = tuple(cause for cause in Cause if cause is not Cause.FILE_SEQUENCE_GAP)
    for one in files.by_sequence(session, file.layout, (file.sequence or 0) + 1):
        exceptions.close_by_itself(session, ("file", str(one.id)), at, keep=others)


def _refused(work: FileWork, summary: FileSummary) -> Finding:
    first = summary.rejects[0] if summary.rejects else None
    why = f"{first.message} {first.remedy}" if first else "It is not a file of this layout."
    sentence = f"File {work.filename} was refused whole, nothing of it was applied: {why}"
    return Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Cause.FILE_REFUSED, sentence=sentence, choices=(Choice.HANDLED,)
    )


def _rows_refused(work: FileWork, summary: FileSummary) -> Finding:
    first = summary.rejects[0] if summary.rejects else None
    example = f" The first: {first.message} {first.remedy}" if first else ""
    sentence = (
        f"{summary.rejected_group_count} of {summary.rejected_group_count + summary.group_count} records of file "
        f"{work.filename} were refused; the others were applied.{example}"
    )
    return Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Cause.FILE_ROWS_REFUSED, sentence=sentence, choices=(Choice.HANDLED,)
    )


def _sequence_repeated(file: SourceFile, other: SourceFile) -> Finding:
    sentence = (
        f"File {file.filename} has sequence {file.sequence}, as {other.filename} had, with other content. "
        "Accept it as a correction, or refuse it."
    )
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.FILE_SEQUENCE_REPEATED,
        sentence=sentence,
        choices=(Choice.ACCEPT_FILE, Choice.REFUSE_FILE),
    )


def _sequence_gap(file: SourceFile, latest: int) -> Finding:
    first, last = latest + 1, (file.sequence or 0) - 1
    missing = f"sequence {first}" if first == last else f"sequences {first} to {last}"
    sentence = (
        f"File {file.filename} was applied, but {missing} of {file.layout} never came. Ask the ERP's operators to send "
        "them again; shipments in them are not billed."
    )
    return Finding(kind=ExceptionKind.HOLD, cause=Cause.FILE_SEQUENCE_GAP, sentence=sentence, choices=(Choice.HANDLED,))
