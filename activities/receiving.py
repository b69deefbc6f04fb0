"""Receiving files: bytes are landed by content, the file and its inbox row are committed, then its workflow is started.

The same for a file that is posted and for one that lies in the watched folder.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio.client import Client

from activities.starting import start_once
from adapters.erp.arrival import Landed, store_bytes
from adapters.erp.layout import Layout
from adapters.erp.layouts import HEAD_BYTES, Layouts
from domain.errors import Malformed, Missing
from domain.exceptions import Cause as Why
from domain.exceptions import Choice, ExceptionKind, Finding
from domain.files import FileState
from domain.sources import System
from domain.work import FileWork
from store import amendments, exceptions, files, inbox
from store.causes import Cause, CauseSource
from store.files import SourceFile
from store.session import transaction

log = structlog.get_logger()

UNIDENTIFIED = "unidentified"  # the layout of a file that fits none
FILE_DESK = "warehouse systems"  # who owns the exceptions of files
MAX_FILE_BYTES = 8 << 30  # twice the largest nightly export that is known of
START_SECONDS = 3.0  # a start that takes longer is left to the sweep: the file is committed


def make_receiver(engine: Engine, client: Client, layouts_folder: Path, folder: Path) -> Receiver:
    """The intake of one process: layouts read once, files kept below `folder`. A bad layout raises Misconfigured."""
    return Receiver(engine, client, Layouts.load(layouts_folder), folder, MAX_FILE_BYTES)


class Received(BaseModel):
    """A file that is safe: committed, and on its way or there already."""

    model_config = ConfigDict(frozen=True)

    inbox_id: int
    file_id: str
    sha256: str
    filename: str
    layout: str
    workflow_id: str
    duplicate: bool


@dataclass(frozen=True)
class Receiver:
    """What receiving needs; `max_bytes` bounds one file."""

    engine: Engine
    client: Client
    layouts: Layouts
    folder: Path
    max_bytes: int

    def land(self, chunks: Iterable[bytes]) -> Landed:
        """Put the bytes under their own hash; nothing else knows of them yet. Too many of them raise Rejected."""
        return store_bytes(chunks, self.folder, self.max_bytes)

    def receive(
        self, chunks: Iterable[bytes], filename: str, layout_name: str | None, arrived_by: str, visible_at: datetime
    ) -> Received:
        """Land and commit a file whose layout its first bytes tell; what none fits is refused and leaves nothing.

        Raises Missing for a layout that does not exist, Malformed for an empty or unrecognised file.
        """
        if layout_name:
            self.layouts.get(layout_name)
        rest = iter(chunks)
        head = _first(rest)
        if not head:
            raise Malformed("The file is empty: there is nothing in it to act on.", reason="file_empty")
        self.layout_for(head, filename, layout_name)
        return self.commit(self.land(itertools.chain([head], rest)), filename, layout_name, arrived_by, visible_at)

    def commit(
        self, landed: Landed, filename: str, layout_name: str | None, arrived_by: str, visible_at: datetime
    ) -> Received:
        """Write the file and its inbox row down in one transaction; the same bytes again are only noted (F4).

        Bytes that were refused by another layout are taken up again by this one.
        """
        layout = self.layout_of(landed, filename, layout_name)
        arrival = files.FileArrival(
            sha256=landed.sha256,
            filename=filename,
            layout=layout.name,
            entity=layout.layout.entity,
            byte_count=landed.size,
            arrived_by=arrived_by,
            visible_at=visible_at,
        )
        cause = Cause(source=CauseSource.ERP, actor=arrived_by, reference={"filename": filename})
        with transaction(self.engine, cause) as session:
            return take(session, arrival)

    def read_again(self, file_id: UUID, asked_as: str) -> Received | None:
        """Take a refused or failed file up again by the layouts of today; None where there is nothing more to do.

        `asked_as` names who asks: the same asking again changes nothing. Raises Malformed for a file that still fits
        no layout, and Missing where its bytes are gone.
        """
        cause = Cause(source=CauseSource.USER, actor="receiver", reference={"file_id": str(file_id)})
        with transaction(self.engine, cause) as session:
            file = files.lock(session, file_id)
            if file is None or file.state is FileState.APPLIED or amendments.made_of(session, file_id):
                return None
            layout = self._layout_of_today(file) if file.state is FileState.REFUSED else None
            entry, is_new = inbox.receive(session, _arrival(file, f"{file.sha256}/{asked_as}"))
            if entry.started_at is not None:
                return None
            if layout is not None and is_new:
                files.reopen(session, file_id, layout.name, layout.layout.entity)
        return Received(
            inbox_id=entry.id,
            file_id=str(file.id),
            sha256=file.sha256,
            filename=file.filename,
            layout=layout.name if layout else file.layout,
            workflow_id=entry.workflow_id,
            duplicate=False,
        )

    def _layout_of_today(self, file: SourceFile) -> Layout:
        known = file.layout if file.layout in self.layouts.names else None
        return self.layout_for(self._head(file.sha256), file.filename, known)

    def _head(self, sha256: str) -> bytes:
        try:
            with (self.folder / sha256[:2] / sha256).open("rb") as file:
                return file.read(HEAD_BYTES)
        except FileNotFoundError as error:
            detail = "The bytes of this file are no longer in the data folder. Hand it in again."
            raise Missing(detail, reason="file") from error

    def refuse(self, landed: Landed, filename: str, arrived_by: str, why: str) -> None:
        """Keep a file that no layout fits as refused, as work for a person; the same bytes again are only noted."""
        arrival = files.FileArrival(
            sha256=landed.sha256,
            filename=filename,
            layout=UNIDENTIFIED,
            byte_count=landed.size,
            arrived_by=arrived_by,
        )
        cause = Cause(source=CauseSource.ERP, actor=arrived_by, reference={"filename": filename})
        with transaction(self.engine, cause) as session:
            file, is_new = files.register(session, arrival)
            if not is_new:
                return
            files.set_state(session, file.id, FileState.REFUSED, datetime.now(UTC), error=why)
            _open_refused(session, file.id, why)

    def refuse_again(self, file_id: UUID, why: str) -> None:
        """Say why a file that was to be read again cannot be: it stays refused, and work for a person."""
        with transaction(self.engine, Cause(source=CauseSource.GATEWAY, actor="receiver")) as session:
            _open_refused(session, file_id, why)

    def layout_of(self, landed: Landed, filename: str, layout_name: str | None) -> Layout:
        """The layout that was named, or the one that the content, then the name, speak for."""
        with landed.path.open("rb") as file:
            return self.layout_for(file.read(HEAD_BYTES), filename, layout_name)

    def layout_for(self, head: bytes, filename: str, layout_name: str | None) -> Layout:
        """The same for the first bytes of a file. Raises Missing, or Malformed naming the layouts that there are."""
        layout = self.layouts.get(layout_name) if layout_name else self.layouts.identify(filename, head[:HEAD_BYTES])
        if layout is None:
            known = ", ".join(self.layouts.names)
            raise Malformed(
                f"{filename} looks like no export that has a layout. Name its layout, one of: {known}.",
                reason="layout_unknown",
            )
        return layout

    async def start(self, received: Received) -> None:
        """Start the workflow of a file that is new; when Temporal is away the sweep does it later."""
        if received.duplicate:
            return
        work = FileWork(file_id=received.file_id, sha256=received.sha256, filename=received.filename)
        try:
            async with asyncio.timeout(START_SECONDS):
                await start_once(self.client, "ErpFile", received.workflow_id, work)
            await asyncio.to_thread(self._started, received.inbox_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the file is committed and the sweep starts it
            log.warning("the file is safe, its flow starts later", file=received.file_id, error=type(error).__name__)

    def _started(self, inbox_id: int) -> None:
        cause = Cause(source=CauseSource.GATEWAY, actor="receiver")
        with transaction(self.engine, cause) as session:
            inbox.mark_started(session, [inbox_id])


def take(session: Session, arrival: files.FileArrival) -> Received:
    """Write a file and its inbox row down; the same bytes again are only noted."""
    file, is_new = files.register(session, arrival)
    entity = arrival.entity if file.layout != arrival.layout else None
    again = entity is not None and files.reopen(session, file.id, arrival.layout, entity)
    arrival_of = _arrival(file, f"{file.sha256}/{arrival.layout}" if again else file.sha256)
    known = None if is_new or again else inbox.latest(session, arrival_of.workflow_id)
    entry = known or inbox.receive(session, arrival_of)[0]
    return Received(
        inbox_id=entry.id,
        file_id=str(file.id),
        sha256=file.sha256,
        filename=file.filename,
        layout=arrival.layout if again else file.layout,
        workflow_id=entry.workflow_id,
        duplicate=not is_new and not again,
    )


def _arrival(file: SourceFile, external_id: str) -> inbox.Arrival:
    """What the inbox keeps of a file, so that its workflow is started even if Temporal is away now."""
    work = FileWork(file_id=str(file.id), sha256=file.sha256, filename=file.filename)
    return inbox.Arrival(
        source=System.ERP,
        external_id=external_id,
        kind="file",
        payload={"file_id": str(file.id), "filename": file.filename},
        workflow_type="ErpFile",
        workflow_id=f"erp-file/{file.sha256}",
        workflow_input=work.model_dump(mode="json"),
    )


def _open_refused(session: Session, file_id: UUID, why: str) -> None:
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER, cause=Why.FILE_REFUSED, sentence=why, choices=(Choice.RETRY, Choice.HANDLED)
    )
    exceptions.open_item(
        session,
        finding=finding,
        record=("file", str(file_id)),
        money_at_stake=None,
        owner=FILE_DESK,
        workflow_id=None,
    )


def _first(chunks: Iterator[bytes]) -> bytes:
    """The first bytes of a file, enough to tell its layout, or all of a small one; they are taken off `chunks`."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)
