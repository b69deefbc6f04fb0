"""Activities of linking: read the vendors' masters, propose pairs, keep the proposals; nothing is written there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.linking import LocalRecord, propose
from domain.links import Candidate, LinkKind, LinkRole
from domain.work import LinkingCount, PairWork
from store import customers, items, links
from store.causes import Cause, CauseSource
from store.paging import every
from store.session import reading, transaction


class LinkActivities:
    """Steps that pair our records with the vendors'."""

    def __init__(
        self, engine: Engine, company: Company, quickbooks: QuickBooksGateway, salesforce: SalesforceGateway
    ) -> None:
        self._engine, self._company = engine, company
        self._quickbooks, self._salesforce = quickbooks, salesforce

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def propose_quickbooks(self, work: PairWork) -> LinkingCount:
        """Propose links to QuickBooks records of one kind; proposals replace those of the run before."""
        with beating():
            return self._propose(work, self._quickbooks.candidates(work.kind))

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def propose_salesforce(self, work: PairWork) -> LinkingCount:
        """Propose links to Salesforce records of one kind; proposals replace those of the run before."""
        with beating():
            return self._propose(work, self._salesforce.candidates(work.kind))

    def _propose(self, work: PairWork, found: Iterable[Candidate]) -> LinkingCount:
        candidates = list(found)
        with reading(self._engine) as session:
            records = self._records(session, work.kind)
            taken = links.confirmed(session, work.system, work.kind)
        used = {one.external_id for one in taken.values() if one.role is LinkRole.OWN}
        rest = [record for record in records if record.key not in taken]
        proposals = propose(rest, [one for one in candidates if one.external_id not in used])
        exact = [one for one in proposals if one.exact]
        cause = Cause(
            source=CauseSource.USER if work.accept_exact else CauseSource.GATEWAY,
            actor=work.requested_by,
            reference={"system": work.system, "kind": work.kind},
            workflow_id=activity.info().workflow_id,
        )
        with transaction(self._engine, cause) as session:
            links.replace_proposals(session, work.system, work.kind, proposals)
            by, now = work.requested_by, datetime.now(UTC)
            accepted = links.accept_exact(session, work.system, work.kind, by, now) if work.accept_exact else []
        return LinkingCount(
            system=work.system,
            kind=work.kind,
            records=len(records),
            candidates=len(candidates),
            exact=len(exact),
            likely=len(proposals) - len(exact),
            confirmed=len(taken) + len(accepted),
        )

    def _records(self, session: Session, kind: LinkKind) -> list[LocalRecord]:
        """Our side: masters from the store; terms, the freight item and the fee's item from `company.toml`."""
        if kind is LinkKind.CUSTOMER:
            return [
                LocalRecord(kind=kind, key=one.number, name=one.name, strong_key=one.number)
                for one in every(partial(customers.page, session))
            ]
        if kind is LinkKind.TERMS:
            return [
                LocalRecord(kind=kind, key=code, name=terms.name, strong_key=str(terms.due_days))
                for code, terms in self._company.terms.items()
            ]
        freight = self._company.billing.freight_sku
        goods = [
            LocalRecord(kind=kind, key=one.sku, name=one.description, strong_key=one.sku)
            for one in every(partial(items.page, session))
        ]
        fees = [
            LocalRecord(kind=kind, key=sku, name="Restocking fee", strong_key=sku)
            for sku in self._company.corrections.fee_skus
        ]
        return [*goods, LocalRecord(kind=kind, key=freight, name="Freight", strong_key=freight), *fees]
