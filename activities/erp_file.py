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
from activities.file_findings import failed, refused, rows_refused, sequence_gap, sequence_repeated
from activities.last_applied import last_applied
from activities.receiving import FILE_DESK
from activities.source_files import cause_of, file_of
from adapters.erp.codes import CODES
from adapters.erp.layout import Layout
from adapters.erp.layouts import Layouts
from adapters.erp.reading import FileReading as Reading
from domain.errors import Missing
from domain.exceptions import Cause, Choice, Finding
from domain.files import Entity, FileState, FileSummary, Reject, Severity, StagedGroup
from domain.work import FileReading, FileTrouble, FileWork, SequenceCheck
from runtime import metrics
from store import amendments, exceptions, files, staging
from store.files import SourceFile
from store.session import transaction

APPLIED = frozenset(
    {
        Entity.SHIPMENT_CONFIRMATION,
        Entity.CUSTOMER_MASTER,
        Entity.ITEM_MASTER,
        Entity.INVENTORY_SNAPSHOT,
        Entity.ORDER_ACK,
        Entity.RETURNS,
    }
)
SEQUENCE_CAUSES = (Cause.FILE_SEQUENCE_REPEATED, Cause.FILE_SEQUENCE_GAP)


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
        with transaction(self._engine, cause_of(work)) as session:
            file = file_of(session, work)
            layout = self._layouts.get(file.layout)
            path = self._folder / file.sha256[:2] / file.sha256
            if not path.exists():
                raise Missing(
                    f"The bytes of file {work.filename} are not here: do API and worker share their data folder?"
                )
            before = None if work.whole else last_applied(session, layout, self._folder)
            reading = Reading(path, layout, unchanged=before.lines if before else None)
            staging.stage(session, file.id, _blocks(reading))
            if reading.summary.refused:
                raise RefusedWhole(reading.summary)
            if reading.summary.entity not in APPLIED:
                raise RefusedWhole(
                    reading.summary.model_copy(update={"refused": True, "rejects": (_unsupported(layout),)})
                )
            if before is None:
                return reading.summary
            staging.note_departures(session, file.id, before.lines.unmatched())
            return reading.summary.model_copy(update={"compared_with": before.file_id})

    def _note(self, work: FileWork, summary: FileSummary) -> str | None:
        """Keep what was found, and open an exception for what a person must know."""
        now = datetime.now(UTC)
        with transaction(self._engine, cause_of(work)) as session:
            files.save_summary(session, UUID(work.file_id), summary)
            state = FileState.REFUSED if summary.refused else FileState.READ
            file = files.set_state(session, UUID(work.file_id), state, now)
            if not summary.refused:
                _forget_refused_twins(session, file, now)
            if not summary.refused and not summary.rejected_group_count:
                return None
            return self._open(session, work, refused(work, summary) if summary.refused else rows_refused(work, summary))

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def check_sequence(self, work: FileWork) -> SequenceCheck:
        """Hold a file whose sequence an earlier one had (F6); where some are missing before it, do as its layout says.

        `on_gap`: `accept` says nothing, `alert` announces it and goes on, `hold` waits (F7). Looking again is harmless.
        """
        now = datetime.now(UTC)
        with transaction(self._engine, cause_of(work)) as session:
            file = file_of(session, work)
            if file.sequence is None:
                return SequenceCheck(held=False)
            files.take_turn(session, file.layout)
            decisions = [exceptions.latest_resolution(session, _record(work), one) for one in SEQUENCE_CAUSES]
            choices = {one.choice for one in decisions if one}
            if Choice.REFUSE_FILE in choices:
                files.set_state(session, file.id, FileState.REFUSED, now, error="a person refused it for its sequence")
                return SequenceCheck(held=False, refused=True)
            finding = self._trouble(session, file, accepted=Choice.ACCEPT_FILE in choices)
            item = self._open(session, work, finding) if finding else None
            held = finding is not None and Choice.ACCEPT_FILE in finding.choices
            keep = tuple(
                cause for cause in Cause if cause not in SEQUENCE_CAUSES or (finding and finding.cause is cause)
            )
            exceptions.close_by_itself(session, _record(work), now, keep=keep)
            files.set_state(session, file.id, FileState.HELD if held else FileState.READ, now)
            if not held:
                self._close_filled_gaps(session, file, now)
            return SequenceCheck(held=held, exception_id=item)

    def _trouble(self, session: Session, file: SourceFile, *, accepted: bool) -> Finding | None:
        """What is wrong with a file's place in the sequence, if anything."""
        if accepted:
            return None
        others = _earlier_with(session, file)
        if others:
            return sequence_repeated(file, others[0])
        on_gap = self._layouts.get(file.layout).intake.sequence
        latest = files.latest_before(session, file.layout, file.sequence or 0)
        gap = latest is not None and (file.sequence or 0) > latest + 1
        if not gap or latest is None or on_gap is None or on_gap.on_gap == "accept":
            return None
        return sequence_gap(file, latest, holds=on_gap.on_gap == "hold")

    def _close_filled_gaps(self, session: Session, file: SourceFile, at: datetime) -> None:
        """A file that came late may be the one that later files missed."""
        keep = tuple(cause for cause in Cause if cause is not Cause.FILE_SEQUENCE_GAP)
        for later in files.after(session, file.layout, file.sequence or 0):
            latest = files.latest_before(session, later.layout, later.sequence or 0)
            if latest is not None and later.sequence == latest + 1:
                exceptions.close_by_itself(session, ("file", str(later.id)), at, keep=keep)

    def _open(self, session: Session, work: FileWork, finding: Finding) -> str:
        waits = Choice.ACCEPT_FILE in finding.choices
        return exceptions.open_item(
            session,
            finding=finding,
            record=_record(work),
            owner=FILE_DESK,
            workflow_id=f"erp-file/{work.sha256}" if waits else None,
        )

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def note_failure(self, trouble: FileTrouble) -> str:
        """Open an exception for a file whose work stopped with an error; answers its id."""
        with transaction(self._engine, cause_of(trouble.work)) as session:
            return self._open(session, trouble.work, failed(trouble.work.filename, trouble.why))

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def finish_file(self, work: FileWork) -> None:
        """Note that everything in the file was acted on, held or rejected."""
        with transaction(self._engine, cause_of(work)) as session:
            now = datetime.now(UTC)
            files.set_state(session, UUID(work.file_id), FileState.APPLIED, now)
            staging.keep_lines(session, UUID(work.file_id))
            staging.clear(session, UUID(work.file_id))  # its records have become revisions and masters by now
            keep = tuple(cause for cause in Cause if cause not in {Cause.FILE_FAILED, Cause.FILE_REFUSED})
            exceptions.close_by_itself(session, _record(work), now, keep=keep)


def _blocks(reading: Reading) -> Iterator[list[StagedGroup]]:
    yield from reading


def _record(work: FileWork) -> tuple[str, str]:
    return ("file", work.file_id)


def _unsupported(layout: Layout) -> Reject:
    why = f"Files of layout {layout.name} can be read, but nothing is done with their records yet."
    if layout.layout.direction == "out":
        why = f"Files of layout {layout.name} are written by the gateway for the ERP: this one came the wrong way."
    return Reject(
        severity=Severity.FILE,
        code="E_UNSUPPORTED",
        message=why,
        remedy=CODES["E_UNSUPPORTED"].remedy,
    )


def _earlier_with(session: Session, file: SourceFile) -> list[SourceFile]:
    """Files of the layout with this sequence that came before and were not refused, but for those it was made of."""
    amended = amendments.before(session, file.id)
    same = [one for one in files.by_sequence(session, file.layout, file.sequence or 0) if one.id not in amended]
    earlier = [one for one in same if (one.received_at, one.id) < (file.received_at, file.id)]
    return [one for one in earlier if one.state is not FileState.REFUSED]


def _forget_refused_twins(session: Session, file: SourceFile, at: datetime) -> None:
    """A good file settles the exceptions of refused ones with its sequence: the full copy came (F2)."""
    if file.sequence is None:
        return
    for one in files.by_sequence(session, file.layout, file.sequence):
        if one.id != file.id and one.state is FileState.REFUSED:
            exceptions.close_by_itself(session, ("file", str(one.id)), at)
