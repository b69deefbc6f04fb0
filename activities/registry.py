"""What a worker of each queue registers, built from what the root hands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from temporalio.client import Client

from activities.credits import CorrectingActivities, CreditBookingActivities
from activities.erp_file import FileActivities
from activities.invoicing import BookingActivities, PreparingActivities
from activities.linking import LinkActivities
from activities.looking import LookingActivities
from activities.master_marking import MasterMarking
from activities.master_polls import QuickBooksMasterPoll, SalesforceMasterPoll
from activities.master_settlement import MasterRules
from activities.mastering import MergingActivities, QuickBooksMasterActivities, SalesforceMasterActivities
from activities.masters import MasterActivities
from activities.order import SettlingActivities
from activities.order_export import OrderExportActivities
from activities.order_settlement import SettlingRules
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.proving import ProvingActivities
from activities.publication import PublicationActivities
from activities.receiving import Receiver
from activities.reconciliation import ReconciliationActivities
from activities.reconciliation_reads import BooksReading, ErpReading, OrgReading
from activities.stating import StatingActivities
from activities.stock import StockActivities
from activities.stock_publication import StockPublicationActivities
from activities.waiting import WaitingActivities
from adapters.erp.outbox import Outbox
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.lifecycle import Lifecycle
from domain.ownership import Ownership
from domain.policies import Rules
from runtime.names import ERP_QUEUE, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE

Activity = Callable[..., Any]


@dataclass(frozen=True)
class Parts:
    """Everything that activities work with."""

    engine: Engine
    client: Client
    receiver: Receiver
    folder: Path
    outbox: Outbox
    company: Company
    lifecycle: Lifecycle
    ownership: Ownership
    realm: str
    quickbooks: QuickBooksGateway
    salesforce: SalesforceGateway

    @property
    def rules(self) -> tuple[Rules, ...]:
        """All files of rules, as they were read."""
        return (self.company, self.lifecycle, self.ownership)


def activities(parts: Parts) -> dict[str, Sequence[Activity]]:
    """The activities of each task queue."""
    files = FileActivities(parts.engine, parts.receiver.layouts, parts.folder)
    links = LinkActivities(parts.engine, parts.company, parts.quickbooks, parts.salesforce)
    export = OrderExportActivities(parts.engine, parts.receiver.layouts, parts.outbox, parts.company)
    return {
        WORKFLOW_QUEUE: [
            *_billing_steps(parts),
            *_correcting_steps(parts),
            files.check_sequence,
            files.finish_file,
            files.note_failure,
            MasterActivities(parts.engine, parts.company.currency).load_master,
            *_merging_steps(parts),
            *_stating_steps(parts),
            *_order_steps(parts),
            *_proving_steps(parts),
            *_reconciling_steps(parts),
        ],
        QUICKBOOKS_QUEUE: [links.propose_quickbooks, *_books_steps(parts), *_books_masters(parts)],
        SALESFORCE_QUEUE: [links.propose_salesforce, *_org_steps(parts), *_org_masters(parts)],
        ERP_QUEUE: [
            files.read_source_file,
            export.write_orders,
            ErpReading(parts.engine, parts.receiver.layouts, parts.folder).reconcile_erp,
        ],
    }


def _reconciling_steps(parts: Parts) -> Sequence[Activity]:
    """The steps of reconciliation that need the store alone."""
    steps = ReconciliationActivities(parts.engine, SettlingRules(parts.company, parts.lifecycle))
    return [
        steps.reconcile_open,
        steps.reconcile_store,
        steps.reconcile_compare,
        steps.reconcile_conclude,
        steps.reconcile_fail,
    ]


def _billing_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that bring shipments to their intents."""
    preparing = PreparingActivities(parts.engine, parts.company, parts.realm)
    return [preparing.prepare_range, preparing.prepare, preparing.note_unbooked]


def _stating_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that bring the ERP's statements into the store, and decide what can be promised."""
    stating = StatingActivities(parts.engine, parts.receiver.layouts, parts.company)
    stock = StockActivities(parts.engine, parts.company)
    return [stating.state_stock, stating.state_acknowledgements, stating.state_returns, stock.decide_stock]


def _order_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that settle orders, and those that wake what waits."""
    settling = SettlingActivities(parts.engine, SettlingRules(parts.company, parts.lifecycle))
    looking = LookingActivities(parts.client, settling)
    waiting = WaitingActivities(parts.engine, parts.client, looking, MasterMarking(parts.engine, parts.client))
    return [
        settling.settle_order,
        settling.note_act,
        looking.look_at_orders,
        waiting.hand_over,
        waiting.hand_over_credits,
        waiting.wake,
        waiting.sweep,
        waiting.wake_stock,
    ]


def _proving_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that prove what is kept."""
    proving = ProvingActivities(parts.engine, parts.lifecycle)
    return [proving.anchor_changes, proving.check_audit, proving.prove_decisions]


def _org_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that read from Salesforce and write there."""
    rules = SettlingRules(parts.company, parts.lifecycle)
    publication = PublicationActivities(parts.engine, parts.salesforce, rules)
    stock = StockPublicationActivities(parts.engine, parts.salesforce)
    orders = OrderActivities(parts.engine, parts.salesforce, parts.company.order_numbers)
    reading = OrgReading(parts.engine, parts.salesforce)
    return [publication.publish, stock.publish_stock, orders.pull_orders, orders.read_orders, reading.reconcile_org]


def _merging_steps(parts: Parts) -> Sequence[Activity]:
    """The steps of merging masters that need the store alone, and the one that wakes their flows."""
    merging = MergingActivities(parts.engine, MasterRules(parts.ownership, parts.company))
    return [merging.decide_master, merging.settle_master, MasterMarking(parts.engine, parts.client).wake_masters]


def _org_masters(parts: Parts) -> Sequence[Activity]:
    """The steps that read masters from Salesforce and bring them to what is agreed."""
    rules = MasterRules(parts.ownership, parts.company)
    one = SalesforceMasterActivities(parts.engine, parts.salesforce)
    poll = SalesforceMasterPoll(parts.engine, rules, parts.salesforce)
    return [one.read_salesforce_master, one.write_salesforce_master, poll.pull_salesforce_masters]


def _books_masters(parts: Parts) -> Sequence[Activity]:
    """The steps that read masters from QuickBooks and bring them to what is agreed."""
    rules = MasterRules(parts.ownership, parts.company)
    one = QuickBooksMasterActivities(parts.engine, parts.quickbooks)
    poll = QuickBooksMasterPoll(parts.engine, rules, parts.quickbooks)
    return [one.read_quickbooks_master, one.write_quickbooks_master, poll.pull_quickbooks_masters]


def _correcting_steps(parts: Parts) -> Sequence[Activity]:
    """The steps of corrections that need the store alone."""
    correcting = CorrectingActivities(parts.engine, parts.company, parts.realm)
    return [correcting.prepare_credit, correcting.note_unbooked_credit]


def _books_steps(parts: Parts) -> Sequence[Activity]:
    """The steps that write documents in QuickBooks, and those that read what became of them."""
    booking = BookingActivities(parts.engine, parts.quickbooks)
    credit_booking = CreditBookingActivities(parts.engine, parts.quickbooks)
    payments = PaymentActivities(parts.engine, parts.quickbooks)
    reading = BooksReading(parts.engine, parts.quickbooks)
    return [
        booking.book,
        credit_booking.book_credit,
        payments.pull_invoices,
        payments.read_books,
        reading.reconcile_books,
        reading.reconcile_refresh,
    ]
