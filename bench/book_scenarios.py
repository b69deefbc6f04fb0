"""Branches of the flow of QuickBooks' events whose histories are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bench.history_plays import plain
from domain.book_work import BooksNamed, QuickBooksEventWork
from domain.errors import NotAuthorized
from domain.work import InvoicesPulled
from tests.workflows.stage import Stage, until

Kept = tuple[str, str | None]
TOLD = QuickBooksEventWork(invoices=["12"], payments=["7"])
TOLD_ID = "quickbooks-event/invoice-12"
MOVED = InvoicesPulled(read=1, changed=1, balances=1, shipments=["S-1"])


async def _told_again(stage: Stage) -> Kept:
    """Events that come while the records are read are one more read."""
    back = asyncio.Event()

    async def read(_: BooksNamed) -> InvoicesPulled:
        await back.wait()
        return MOVED

    stage.steps.answer("read_books", read, InvoicesPulled(read=1))
    handle = await stage.start("QuickBooksEvent", TOLD, TOLD_ID)
    await until(lambda: stage.steps.times("read_books") == 1)
    for _ in range(3):
        await handle.signal("again")
    back.set()
    await handle.result()
    return TOLD_ID, handle.first_execution_run_id


async def _told_for_long(stage: Stage) -> Kept:
    """Events without end: the history starts afresh."""
    handle = await stage.start("QuickBooksEvent", TOLD, TOLD_ID)
    first = handle.first_execution_run_id
    fresh = stage.client.get_workflow_handle(TOLD_ID)

    async def read(_: BooksNamed) -> InvoicesPulled:
        if (await fresh.describe()).run_id == first:
            await fresh.signal("again")
        return InvoicesPulled(read=1)

    stage.steps.answer("read_books", read)
    await fresh.signal("again")
    await handle.result()
    return TOLD_ID, first


BOOKS: Final[dict[str, Callable[[Stage], Awaitable[Kept]]]] = {
    "QuickBooksEvent.changed": plain("QuickBooksEvent", TOLD, TOLD_ID, read_books=MOVED),
    "QuickBooksEvent.unchanged": plain("QuickBooksEvent", TOLD, TOLD_ID, read_books=InvoicesPulled(read=1)),
    "QuickBooksEvent.asked-again": _told_again,
    "QuickBooksEvent.continued": _told_for_long,
    "QuickBooksEvent.unreadable": plain("QuickBooksEvent", TOLD, TOLD_ID, read_books=NotAuthorized()),
}
