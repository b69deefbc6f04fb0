"""Activities of reconciliation that read: each system in full, by a road that knows no cursor, staged as it comes.

Every kind is staged in a transaction of its own that replaces what an earlier attempt has left, so that an attempt that
dies leaves nothing half read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import Engine
from temporalio import activity

from activities.book_changes import TakingIn
from activities.boundary import at_boundary, beating
from adapters.erp.layouts import Layouts
from adapters.erp.reading import FileReading as Reading
from adapters.quickbooks import gateway as quickbooks
from adapters.quickbooks.whole import KINDS as BOOKS
from adapters.salesforce import gateway as salesforce
from adapters.salesforce.whole import KINDS as OBJECTS
from domain.book_changes import BookChanges
from domain.money import plain
from domain.reconcile_work import ReconcileCounted, ReconcilePart, ReconcileRefresh
from domain.reconciliation import DriftCause, Input, Kind, Rule, Side
from store import files, invoices
from store.causes import Cause, CauseSource
from store.reconciliation import files_read, inputs, runs
from store.session import reading, transaction

log = structlog.get_logger()

KINDS_OF_ERP = (Kind.LEVEL, Kind.CHECK)


class BooksReading:
    """Steps that read QuickBooks in full."""

    def __init__(self, engine: Engine, books: quickbooks.QuickBooksGateway) -> None:
        self._engine, self._books = engine, books

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_books(self, part: ReconcilePart) -> ReconcileCounted:
        """Stage every invoice, credit memo and customer's balance; `again` only what differed on the first read."""
        with beating():
            return ReconcileCounted(records=sum(self._stage(part, kind) for kind in BOOKS))

    def _stage(self, part: ReconcilePart, kind: Kind) -> int:
        keys = _suspects(self._engine, part, Side.QUICKBOOKS).get(kind, []) if part.again else None
        if keys is not None and not keys:
            return 0
        rows = self._books.whole(kind) if keys is None else self._books.some(kind, keys)
        return _staged(self._engine, part, Side.QUICKBOOKS, ([kind], keys), rows)

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_refresh(self, work: ReconcileRefresh) -> ReconcileCounted:
        """Bring into the store what it has missed of invoices in QuickBooks; running it again is harmless."""
        with beating():
            found = self._books.invoices_by_id(list(work.invoices))
            taking = TakingIn(self._engine, "reconciliation", _cause(work.run_id, CauseSource.QUICKBOOKS))
            taking.take(BookChanges(invoices=found))
            with reading(self._engine) as session:  # all of them: an attempt before may have died
                shipments = invoices.shipments_with(session, [one.external_id for one in found])
        return ReconcileCounted(records=taking.result.changed, shipments=tuple(shipments))


class OrgReading:
    """Steps that read Salesforce in full."""

    def __init__(self, engine: Engine, org: salesforce.SalesforceGateway) -> None:
        self._engine, self._org = engine, org

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_org(self, part: ReconcilePart) -> ReconcileCounted:
        """Stage orders, lines, invoices, stock and accounts as Salesforce shows them; `again` only what differed."""
        with beating():
            return ReconcileCounted(records=sum(self._stage(part, name) for name in OBJECTS))

    def _stage(self, part: ReconcilePart, name: str) -> int:
        kinds = OBJECTS[name]
        if not part.again:
            return _staged(self._engine, part, Side.SALESFORCE, (kinds, None), self._org.whole(name))
        suspects = _suspects(self._engine, part, Side.SALESFORCE)
        keys = list(dict.fromkeys(key for kind in kinds for key in suspects.get(kind, [])))
        if not keys:
            return 0
        wanted = set(keys)
        rows = (row for row in self._org.some(name, keys) if row.key in wanted)
        return _staged(self._engine, part, Side.SALESFORCE, (kinds, keys), rows)


class ErpReading:
    """Steps that read the ERP's files once more, from the bytes that were kept."""

    def __init__(self, engine: Engine, layouts: Layouts, folder: Path) -> None:
        self._engine, self._layouts, self._folder = engine, layouts, folder

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def reconcile_erp(self, part: ReconcilePart) -> ReconcileCounted:
        """Stage the newest stock exports from their bytes, and every file whose bytes are not what they were."""
        with beating():
            self._note_sequences(part)
            with reading(self._engine) as session:
                exports = files_read.exports(session)
                kept = files_read.kept(session, part.run_id)
            lost = list(self._lost(kept))  # what an export says is not believed where its bytes are others
            gone = {one.body["record_key"] for one in lost}
            rows = chain(lost, self._levels(one for one in exports if one[0] not in gone))
            return ReconcileCounted(records=_staged(self._engine, part, Side.ERP, (KINDS_OF_ERP, None), rows))

    def _note_sequences(self, part: ReconcilePart) -> None:
        with transaction(self._engine, _cause(part.run_id, CauseSource.ERP)) as session:
            runs.note_fact(session, part.run_id, "erp_sequences", files_read.sequences(session))

    def _levels(self, exports: Iterable[tuple[str, list[str]]]) -> Iterator[Input]:
        for file_id, warehouses in exports:
            with reading(self._engine) as session:
                file = files.get(session, UUID(file_id))
            if file is None:
                continue
            held: dict[str, Decimal] = {}
            for block in Reading(self._path(file.sha256), self._layouts.get(file.layout)):
                for group in block:
                    key = f"{group.payload['sku']}|{group.payload['warehouse']}"
                    held[key] = held.get(key, Decimal(0)) + Decimal(str(group.payload["on_hand"]))
            for key, on_hand in held.items():
                if key.rpartition("|")[2] in warehouses:
                    yield Input(Kind.LEVEL, key, {"on_hand": plain(on_hand)}, {"file": file_id}, file.created_at)

    def _lost(self, kept: Iterable[files_read.Kept]) -> Iterator[Input]:
        for one in kept:
            wrong = _wrong(self._path(one.sha256), one)
            if wrong is not None:
                body = {
                    "rule": Rule.FILES,
                    "cause": DriftCause.FILE_BYTES_LOST,
                    "system": Side.ERP,
                    "record_type": "file",
                    "record_key": one.id,
                    "field": one.filename,
                    "expected": one.sha256,
                    "found": wrong,
                }
                yield Input(Kind.CHECK, f"bytes/{one.id}", body, {"file": one.id}, None)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _wrong(path: Path, one: files_read.Kept) -> str | None:
    """What is wrong with the bytes of a file, None where they are what they were."""
    if not path.exists():
        return "none"
    there = path.stat()
    if there.st_size != one.byte_count:
        return f"{there.st_size} bytes instead of {one.byte_count}"
    touched = one.proven_at is None or there.st_ctime >= one.proven_at.timestamp()
    if not (one.prove or touched):
        return None
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if found == one.sha256 else found


def _suspects(engine: Engine, part: ReconcilePart, side: Side) -> dict[Kind, list[str]]:
    with reading(engine) as session:
        return inputs.suspects(session, part.run_id).get(side.value, {})


def _staged(
    engine: Engine,
    part: ReconcilePart,
    side: Side,
    what: tuple[Iterable[Kind], list[str] | None],
    rows: Iterable[Input],
) -> int:
    """Put what was read in place of what an earlier attempt, or the first read, has staged of it."""
    kinds, keys = what
    cause = _cause(part.run_id, CauseSource(side.value))
    if not part.again:  # by itself: the row of the run is everybody's
        with transaction(engine, cause) as session:
            runs.note_read(session, part.run_id, side.value, datetime.now(UTC))
    with transaction(engine, cause) as session:
        inputs.clear(session, part.run_id, side, kinds, keys)
        count = inputs.put(session, part.run_id, rows, side)
    log.info("staged", run=part.run_id, side=side.value, records=count, again=part.again)
    return count


def _cause(run_id: str, source: CauseSource) -> Cause:
    workflow_id = activity.info().workflow_id
    return Cause(source=source, actor="reconciliation", reference={"run": run_id}, workflow_id=workflow_id)
