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

PAIRS = (
    (System.QUICKBOOKS, LinkKind.CUSTOMER, policies.VENDOR_READ_QUICKBOOKS),
    (System.QUICKBOOKS, LinkKind.ITEM, policies.VENDOR_READ_QUICKBOOKS),
    (System.QUICKBOOKS, LinkKind.TERMS, policies.VENDOR_READ_QUICKBOOKS),
    (System.SALESFORCE, LinkKind.CUSTOMER, policies.VENDOR_READ_SALESFORCE),
    (System.SALESFORCE, LinkKind.ITEM, policies.VENDOR_READ_SALESFORCE),
)
LINK_CAUSES = [Cause.CUSTOMER_NOT_LINKED, Cause.ITEM_NOT_LINKED, Cause.TERMS_NOT_LINKED]


@workflow.defn(name="LinksMatch")
class LinksMatch:
    """Propose links with a score; confirm only those that are exact on a strong key, and only when asked to."""

    def __init__(self) -> None:
        self._report = LinkingReport(counts=[])

    @workflow.run
    async def run(self, work: LinkingWork) -> LinkingReport:
        """Look at every system and kind, then wake the shipments that waited for a link."""
        counts = await asyncio.gather(*(self._propose(work, *pair) for pair in PAIRS))
        self._report = LinkingReport(counts=list(counts))
        if any(count.confirmed for count in counts):
            await workflow.execute_activity_method(
                WaitingActivities.wake, Wake(causes=LINK_CAUSES), **policies.STORE_STEP.options()
            )
        return self._report

    @workflow.query
    def status(self) -> LinkingReport:
        """The counts, empty while the run is under way."""
        return self._report

    async def _propose(self, work: LinkingWork, system: System, kind: LinkKind, call: policies.Call) -> LinkingCount:
        pair = PairWork(system=system, kind=kind, accept_exact=work.accept_exact, requested_by=work.requested_by)
        activity = (
            LinkActivities.propose_quickbooks if system is System.QUICKBOOKS else LinkActivities.propose_salesforce
        )
        count: LinkingCount = await workflow.execute_activity_method(activity, pair, **call.options())
        return count
