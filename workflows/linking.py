"""`links-match/...`: our customers, items and terms are paired with the vendors' records; nothing is written there."""

from __future__ import annotations

import asyncio

from temporalio import workflow

from domain.exceptions import Cause
from domain.links import LinkKind
from domain.sources import System
from domain.work import LinkingCount, LinkingReport, LinkingWork, PairWork, Wake
from workflows import policies

with workflow.unsafe.imports_passed_through():
    from activities.linking import LinkActivities
    from activities.waiting import WaitingActivities

KINDS = {
    System.QUICKBOOKS: (LinkKind.CUSTOMER, LinkKind.ITEM, LinkKind.TERMS),
    System.SALESFORCE: (LinkKind.CUSTOMER, LinkKind.ITEM),
}
READS = {System.QUICKBOOKS: policies.VENDOR_READ_QUICKBOOKS, System.SALESFORCE: policies.VENDOR_READ_SALESFORCE}
LINK_CAUSES = [Cause.CUSTOMER_NOT_LINKED, Cause.ITEM_NOT_LINKED, Cause.TERMS_NOT_LINKED]


@workflow.defn(name="LinksMatch")
class LinksMatch:
    """Propose links with a score; confirm only those that are exact on a strong key, and only when asked to."""

    def __init__(self) -> None:
        self._report = LinkingReport(counts=[])

    @workflow.run
    async def run(self, work: LinkingWork) -> LinkingReport:
        """Look at every system and kind, then wake the shipments that waited for a link."""
        counts = await asyncio.gather(*(self._pair(work, system) for system in KINDS))
        self._report = LinkingReport(counts=[count for of_system in counts for count in of_system])
        return self._report

    @workflow.query
    def status(self) -> LinkingReport:
        """The counts, empty while the run is under way."""
        return self._report

    async def _pair(self, work: LinkingWork, system: System) -> list[LinkingCount]:
        """One system's kinds. Shipments wait for QuickBooks links only, and go on whatever becomes of Salesforce."""
        counts = await asyncio.gather(*(self._propose(work, system, kind) for kind in KINDS[system]))
        if system is System.QUICKBOOKS and any(count.confirmed for count in counts):
            await workflow.execute_activity_method(
                WaitingActivities.wake, Wake(causes=LINK_CAUSES), **policies.STORE_BULK.options()
            )
        return counts

    async def _propose(self, work: LinkingWork, system: System, kind: LinkKind) -> LinkingCount:
        pair = PairWork(system=system, kind=kind, accept_exact=work.accept_exact, requested_by=work.requested_by)
        activity = (
            LinkActivities.propose_quickbooks if system is System.QUICKBOOKS else LinkActivities.propose_salesforce
        )
        count: LinkingCount = await workflow.execute_activity_method(activity, pair, **READS[system].options())
        return count
