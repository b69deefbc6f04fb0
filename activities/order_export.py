"""Activities of the way out: what the ERP is to be told of orders becomes files in its folder.

A file's bytes are frozen with its number and its messages in one transaction, before any of them is written; the next
file is not made before it is on disk. So a process may die anywhere: the next one goes on with the same bytes under the
same name, and no number is ever missing or used twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.order_findings import ORDER_DESK, blocked, order_file_record, order_record, unwritable
from activities.stating import utc_now
from adapters.erp.layouts import Layouts
from adapters.erp.outbox import Outbox
from adapters.erp.proof import prove, prove_bytes
from adapters.erp.writer import FileWriter, Unwritable, Written
from domain.company import Company
from domain.errors import Misconfigured, Permanent
from domain.exceptions import Finding
from domain.work import ExportWork, OrdersWritten
from runtime import metrics
from store import exceptions, order_files, order_marks, order_messages
from store.causes import Cause, CauseSource
from store.order_files import OrderFile
from store.order_messages import KnownMessage
from store.session import exclusive, reading, transaction

ONE_AT_A_TIME = "order files"
MESSAGES = 500  # a file
FILES = 20  # a call


class OrderExportActivities:
    """Steps that write files for the ERP."""

    def __init__(
        self,
        engine: Engine,
        layouts: Layouts,
        outbox: Outbox,
        company: Company,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._engine, self._layouts, self._outbox = engine, layouts, outbox
        self._company, self._clock = company, clock

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def write_orders(self, work: ExportWork) -> OrdersWritten:
        """Write every message that waits: first the file that is on its way, then new ones. One process at a time.

        Running it again writes nothing twice. A folder that is full or away raises Unavailable, nothing is lost; a file
        that cannot be delivered becomes work for a person, and so does an order that does not fit, while others go on.
        """
        del work
        done = OrdersWritten()
        with beating(), exclusive(self._engine, [ONE_AT_A_TIME]):
            for _ in range(FILES):
                file, refused = self._next()
                done = done.model_copy(update={"refused": {**done.refused, **refused}})
                if isinstance(file, str):
                    return done.model_copy(update={"blocked": file})
                if file is None:
                    return done
                try:
                    orders = self._deliver(file)
                except Permanent as error:
                    return done.model_copy(update={"blocked": self._block(file.sequence, error)})
                told = {
                    "files": [*done.files, file.sequence],
                    "orders": [*done.orders, *orders],
                    "replacements": done.replacements + len(file.replacements),
                }
                done = done.model_copy(update=told)
        return done.model_copy(update={"more": True})

    def _next(self) -> tuple[OrderFile | str | None, dict[str, str]]:
        """The file to write now, or the exception that blocks it; and the exceptions of orders that do not fit."""
        with reading(self._engine) as session:
            left = order_files.intended(session)
        if left is not None:
            return left, {}
        try:
            return self._freeze()
        except Permanent as error:  # not an order's fault: the layout or the configuration
            with reading(self._engine) as session:
                sequence = order_files.next_sequence(session, self._company.order_files.first_sequence)
            return self._block(sequence, error), {}

    def _freeze(self) -> tuple[OrderFile | None, dict[str, str]]:
        """Take what waits into the next file: number, bytes and messages in one transaction, or none of them."""
        now = self._clock()
        rules = self._company.order_files
        writer = FileWriter(self._layouts.get(rules.layout))
        with transaction(self._engine, self._cause()) as session:
            order_files.take_turn(session)
            if (left := order_files.intended(session)) is not None:
                return left, {}
            fitting, refused = self._sort_out(session, writer, order_messages.pending(session, MESSAGES))
            if not fitting:
                return None, refused
            sequence = order_files.next_sequence(session, rules.first_sequence)
            written = writer.write([one.message for one in fitting], sequence, now)
            prove_bytes(written, writer.layout)
            file = self._keep(session, written, writer, rules.name(sequence), now)
            order_messages.take(session, fitting, sequence)
            for one in fitting:
                exceptions.close_by_itself(session, order_record(one.order_number), now)
            return file, refused

    def _sort_out(
        self, session: Session, writer: FileWriter, waiting: Sequence[KnownMessage]
    ) -> tuple[list[KnownMessage], dict[str, str]]:
        """The messages that fit, and the exceptions of those that do not; a known refusal is not told again."""
        fitting: list[KnownMessage] = []
        refused: dict[str, str] = {}
        for one in waiting:
            try:
                writer.check(one.message)
            except Unwritable as error:
                if one.refused != error.detail:
                    order_messages.refuse(session, one, error.detail)
                    number = one.order_number
                    refused[number] = self._open(session, unwritable(one, error), order_record(number))
                    order_marks.mark(session, [number], "not writable for the ERP")
                    metrics.count("order_messages", outcome="refused")
            else:
                fitting.append(one)
        return fitting, refused

    def _keep(self, session: Session, written: Written, writer: FileWriter, name: str, now: datetime) -> OrderFile:
        layout = writer.layout
        if not re.search(layout.intake.match, name):
            raise Misconfigured(
                f"{name} is no name of layout {layout.name} ({layout.intake.match}): correct [order_files].",
                reason="order_files",
            )
        return order_files.freeze(
            session,
            sequence=written.sequence,
            name=name,
            layout=layout.name,
            layout_digest=layout.digest,
            content=written.content,
            replacements=written.replacements,
            at=now,
        )

    def _deliver(self, file: OrderFile) -> list[str]:
        """Put a frozen file into the folder, then say that it is there; answers its orders."""
        with reading(self._engine) as session:
            content = order_files.content(session, file.sequence)
            messages = order_messages.of_file(session, file.sequence)
        self._outbox.deliver(file.name, content, partial(self._prove, file, messages))
        orders = list(dict.fromkeys(one.order_number for one in messages))
        now = self._clock()
        with transaction(self._engine, self._cause(file)) as session:
            if order_files.mark_written(session, file.sequence, now):
                metrics.count("order_messages", len(messages), outcome="written")
            order_marks.mark(session, orders, "written for the ERP")
            exceptions.close_by_itself(session, order_file_record(file.sequence), now)
        return orders

    def _prove(self, file: OrderFile, messages: Sequence[KnownMessage], path: Path) -> None:
        """Read the file back by its layout; by a later one only its bytes count, which were proven when frozen."""
        layout = self._layouts.get(file.layout)
        if layout.digest == file.layout_digest:
            writer = FileWriter(layout)
            prove(path, layout, file.sequence, [writer.clean(one.message)[0] for one in messages])

    def _block(self, sequence: int, error: Permanent) -> str:
        with transaction(self._engine, self._cause()) as session:
            return self._open(session, blocked(sequence, error), order_file_record(sequence))

    def _open(self, session: Session, finding: Finding, record: tuple[str, str]) -> str:
        return exceptions.open_item(session, finding=finding, record=record, owner=ORDER_DESK)

    def _cause(self, file: OrderFile | None = None) -> Cause:
        return Cause(
            source=CauseSource.GATEWAY,
            actor="worker",
            reference={"order_file": file.name} if file else {},
            workflow_id=activity.info().workflow_id,
        )
