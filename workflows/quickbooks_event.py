"""`quickbooks-event/<id>`: something is said to have happened to records of QuickBooks, so they are read again."""

from __future__ import annotations

from temporalio import workflow

from domain.book_work import BooksNamed, QuickBooksEventProgress, QuickBooksEventWork
from domain.order_work import OrdersLook
from domain.work import InvoicesPulled, PublishWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.looking import LookingActivities
    from activities.payments import PaymentActivities
    from workflows.publication import start_publication


@workflow.defn(name="QuickBooksEvent")
class QuickBooksEvent:
    """Read the records that events name. However many come while they are read, that is one more read.

    A read that cannot succeed ends this in the open: change data capture reads everything that an event could name.
    """

    @workflow.init
    def __init__(self, work: QuickBooksEventWork) -> None:
        self._named = BooksNamed(**work.model_dump())
        self._asked = 0
        self._progress = QuickBooksEventProgress(step="reading")

    @workflow.run
    async def run(self, _: QuickBooksEventWork) -> QuickBooksEventProgress:
        """Read the records as they are, tell Salesforce what moved, and look whether more was said."""
        while True:
            asked = self._asked
            await self._tell(await self._read())
            if asked == self._asked:
                self._progress = self._progress.model_copy(update={"step": "done"})
                return self._progress
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(QuickBooksEventWork(**self._named.model_dump()))

    async def _read(self) -> InvoicesPulled:
        pulled: InvoicesPulled = await workflow.execute_activity_method(
            PaymentActivities.read_books, self._named, **policies.READ_NAMED_BOOKS.options()
        )
        self._named = self._named.model_copy(update={"hinted_at": None})
        changed = sorted({*self._progress.changed, *pulled.shipments})
        self._progress = QuickBooksEventProgress(step="reading", reads=self._progress.reads + 1, changed=changed)
        return pulled

    async def _tell(self, pulled: InvoicesPulled) -> None:
        reads, run_id = self._progress.reads, workflow.info().run_id
        for first in range(0, len(pulled.shipments), policies.PUBLISHED_TOGETHER):
            some = pulled.shipments[first : first + policies.PUBLISHED_TOGETHER]
            await start_publication(PublishWork(shipments=some), f"publication/{run_id}/{reads}/{first}")
        if pulled.shipments or pulled.balances:
            await workflow.execute_activity_method(
                LookingActivities.look_at_orders, OrdersLook(), **policies.STORE_BULK.options()
            )

    @workflow.query
    def status(self) -> QuickBooksEventProgress:
        """How far the reading is."""
        return self._progress

    @workflow.signal
    def again(self) -> None:
        """The records were named once more."""
        self._asked += 1
