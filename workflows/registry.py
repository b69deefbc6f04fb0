"""What a worker of the workflow queue registers."""

from __future__ import annotations

from workflows.credit import Correction
from workflows.erp_file import ErpFile
from workflows.linking import LinksMatch
from workflows.mastering import MasterMerge
from workflows.masters import MastersPull
from workflows.order import OrderLifecycle
from workflows.orders import OrdersPull
from workflows.payments import InvoicesPull
from workflows.proof import Proof
from workflows.publication import Publication
from workflows.quickbooks_event import QuickBooksEvent
from workflows.reconciliation import Reconciliation, ReconciliationNight
from workflows.salesforce_event import SalesforceEvent
from workflows.shipment import ShipmentInvoicing
from workflows.shipments import ShipmentRange
from workflows.stock import StockPromises
from workflows.sweep import Sweep

WORKFLOWS = [
    ErpFile,
    ShipmentRange,
    ShipmentInvoicing,
    OrderLifecycle,
    Correction,
    Publication,
    SalesforceEvent,
    QuickBooksEvent,
    OrdersPull,
    InvoicesPull,
    LinksMatch,
    Sweep,
    Proof,
    StockPromises,
    MasterMerge,
    MastersPull,
    ReconciliationNight,
    Reconciliation,
]
