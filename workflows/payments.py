"""`invoices-pull/...`: what became of our invoices in QuickBooks (sent, paid, voided) is brought into the store."""

from __future__ import annotations

from temporalio import workflow

from domain.work import InvoicesPulled, InvoicesWork, PublishWork
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.payments import PaymentActivities
    from workflows.publication import start_publication


@workflow.defn(name="InvoicesPull")
class InvoicesPull:
    """One look at what changed in QuickBooks' invoices and customers' balances."""

    def __init__(self) -> None:
        self._result: InvoicesPulled | None = None

    @workflow.run
    async def run(self, work: InvoicesWork) -> InvoicesPulled:
        """Pull what changed, and say in Salesforce what became of the invoices."""
        pulled: InvoicesPulled = await workflow.execute_activity_method(
            PaymentActivities.pull_invoices, work, **policies.POLL_INVOICES.options()
        )
        self._result = pulled
        for first in range(0, len(pulled.shipments), policies.PUBLISHED_TOGETHER):
            some = pulled.shipments[first : first + policies.PUBLISHED_TOGETHER]
            await start_publication(PublishWork(shipments=some), f"publication/{workflow.info().run_id}/{first}")
        return pulled

    @workflow.query
    def status(self) -> InvoicesPulled | None:
        """What was pulled, None while the poll is under way."""
        return self._result
