"""Events of QuickBooks: read once for all of them, once more for those that come meanwhile, and never in vain (X3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError

from activities.starting import look_at_books
from domain.book_work import BooksNamed, QuickBooksEventProgress, QuickBooksEventWork
from domain.errors import NotAuthorized, Unavailable
from domain.work import InvoicesPulled, PublishWork
from tests.workflows.stage import Stage, until

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
WORK = QuickBooksEventWork(invoices=["12"], payments=["7"], hinted_at=AT)
ID = "quickbooks-event/invoice-12"
CHANGED = InvoicesPulled(read=1, changed=1, balances=1, shipments=["S-1"])


async def hint(stage: Stage) -> None:
    """As the receiver wakes the flow, with the work as the inbox has it."""
    await look_at_books(stage.client, ID, WORK.model_dump(mode="json"))


async def result(stage: Stage) -> QuickBooksEventProgress:
    handle = stage.client.get_workflow_handle(ID, result_type=QuickBooksEventProgress)
    return await handle.result()


async def test_what_moved_is_told_in_salesforce_and_its_orders_look(stage: Stage) -> None:
    stage.steps.answer("read_books", CHANGED)
    await hint(stage)

    assert await result(stage) == QuickBooksEventProgress(step="done", reads=1, changed=["S-1"])
    assert stage.steps.asked["read_books"] == [BooksNamed(invoices=["12"], payments=["7"], hinted_at=AT)]
    await until(lambda: stage.steps.times("publish") == 1)
    assert stage.steps.asked["publish"] == [PublishWork(shipments=["S-1"])]
    assert stage.steps.times("look_at_orders") == 1
    assert await stage.status(ID, QuickBooksEventProgress) == await result(stage)


async def test_what_did_not_move_is_nobodys_news(stage: Stage) -> None:
    """E8: an echo of our own write costs one read."""
    await hint(stage)

    assert (await result(stage)).changed == []
    assert stage.steps.times("publish") == 0
    assert stage.steps.times("look_at_orders") == 0


async def test_a_burst_of_events_is_two_reads(stage: Stage) -> None:
    """What came before the read began is in it; what came later is in the next one, all of it together."""
    back = asyncio.Event()

    async def read(_: BooksNamed) -> InvoicesPulled:
        await back.wait()
        return CHANGED

    stage.steps.answer("read_books", read)
    await hint(stage)
    await until(lambda: stage.steps.times("read_books") == 1)
    await asyncio.gather(*(hint(stage) for _ in range(50)))
    assert (await stage.status(ID, QuickBooksEventProgress)).step == "reading"
    back.set()

    assert (await result(stage)).reads == 2
    assert [one.hinted_at for one in stage.steps.asked["read_books"]] == [AT, None]


async def test_an_event_after_the_end_is_read_anew(stage: Stage) -> None:
    for _ in range(2):
        await hint(stage)
        await result(stage)

    assert stage.steps.times("read_books") == 2


async def test_events_outlast_an_evening_without_quickbooks(skipping: Stage) -> None:
    """X1."""
    began = await skipping.env.get_current_time()

    async def read(_: object) -> InvoicesPulled | Unavailable:
        now = await skipping.env.get_current_time()
        return Unavailable() if now - began < timedelta(hours=4) else CHANGED

    skipping.steps.answer("read_books", read)

    done = await skipping.run("QuickBooksEvent", WORK, ID, QuickBooksEventProgress)
    assert done == QuickBooksEventProgress(step="done", reads=1, changed=["S-1"])


async def test_what_cannot_be_read_ends_in_the_open(stage: Stage) -> None:
    """The next event, and the next look, try again."""
    stage.steps.answer("read_books", NotAuthorized(), CHANGED)
    await hint(stage)
    with pytest.raises(WorkflowFailureError):
        await result(stage)
    await hint(stage)

    assert (await result(stage)).reads == 1
