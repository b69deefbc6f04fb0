"""The tables of the canonical store. They are dumb: `domain` validates, and the nouns of `store` convert."""

from sqlmodel import SQLModel

from store.tables.access import SCOPES, ApiKeyRow, ConnectionTokenRow, HeartbeatRow, RequestKeyRow, SyncCursorRow
from store.tables.alerts import AlertMessageRow, AlertNoticeRow
from store.tables.amendments import FileAmendmentRow
from store.tables.audit import AuditEntryRow, AuditLinkRow
from store.tables.changes import ChangeRow
from store.tables.credits import CreditIntentRow, CreditLineRow, CreditRow, CustomerBalanceRow
from store.tables.documents import DocumentVersionRow
from store.tables.exceptions import DecisionRow, ExceptionRow, ExceptionRuleRow
from store.tables.files import (
    ARRIVALS,
    FileLineRow,
    FileRejectRow,
    InboxRow,
    SourceFileNameRow,
    SourceFileRow,
    StagedDepartureRow,
    StagedGroupRow,
)
from store.tables.invoices import InvoiceIntentRow, InvoiceLineRow, InvoiceRow
from store.tables.lifecycle import OrderLineLedgerRow, OrderMarkRow, OrderObservationRow, OrderStateRow
from store.tables.links import LinkRow, LinkState
from store.tables.master import CustomerRow, ItemRow, MasterStatementRow, WarehouseRow
from store.tables.mastering import (
    MasterMarkRow,
    MasterPlanRow,
    MasterRecordRow,
    MasterSideRow,
    MasterWriteRow,
    OwnershipVersionRow,
)
from store.tables.order_numbers import NewOrderRow, OrderLineNumberRow, OrderNumberRow
from store.tables.orders import OrderLineRow, OrderRow
from store.tables.orders_out import OrderFileContentRow, OrderFileRow, OrderMessageRow, ReturnRow
from store.tables.people import PasswordRow, PersonRow, SignInRow
from store.tables.policies import PolicyProposalRow, PolicyUseRow
from store.tables.publication import StatementRow
from store.tables.reconciliation import ReconciliationFindingRow, ReconciliationInputRow, ReconciliationRow
from store.tables.shipments import ShipmentLineRow, ShipmentRevisionRow, ShipmentRow
from store.tables.stock import (
    EVENT_KINDS,
    AcknowledgementRow,
    AvailabilityRow,
    ReservationRequestRow,
    ReservationRow,
    StockEventRow,
    StockExportRow,
    StockFeedRow,
    StockLevelRow,
    StockMarkRow,
    StockPolicyRow,
    StockShowingRow,
    StockStatementRow,
)

METADATA = SQLModel.metadata

__all__ = [
    "ARRIVALS",
    "EVENT_KINDS",
    "METADATA",
    "SCOPES",
    "AcknowledgementRow",
    "AlertMessageRow",
    "AlertNoticeRow",
    "ApiKeyRow",
    "AuditEntryRow",
    "AuditLinkRow",
    "AvailabilityRow",
    "ChangeRow",
    "ConnectionTokenRow",
    "CreditIntentRow",
    "CreditLineRow",
    "CreditRow",
    "CustomerBalanceRow",
    "CustomerRow",
    "DecisionRow",
    "DocumentVersionRow",
    "ExceptionRow",
    "ExceptionRuleRow",
    "FileAmendmentRow",
    "FileLineRow",
    "FileRejectRow",
    "HeartbeatRow",
    "InboxRow",
    "InvoiceIntentRow",
    "InvoiceLineRow",
    "InvoiceRow",
    "ItemRow",
    "LinkRow",
    "LinkState",
    "MasterMarkRow",
    "MasterPlanRow",
    "MasterRecordRow",
    "MasterSideRow",
    "MasterStatementRow",
    "MasterWriteRow",
    "NewOrderRow",
    "OrderFileContentRow",
    "OrderFileRow",
    "OrderLineLedgerRow",
    "OrderLineNumberRow",
    "OrderLineRow",
    "OrderMarkRow",
    "OrderMessageRow",
    "OrderNumberRow",
    "OrderObservationRow",
    "OrderRow",
    "OrderStateRow",
    "OwnershipVersionRow",
    "PasswordRow",
    "PersonRow",
    "PolicyProposalRow",
    "PolicyUseRow",
    "ReconciliationFindingRow",
    "ReconciliationInputRow",
    "ReconciliationRow",
    "RequestKeyRow",
    "ReservationRequestRow",
    "ReservationRow",
    "ReturnRow",
    "ShipmentLineRow",
    "ShipmentRevisionRow",
    "ShipmentRow",
    "SignInRow",
    "SourceFileNameRow",
    "SourceFileRow",
    "StagedDepartureRow",
    "StagedGroupRow",
    "StatementRow",
    "StockEventRow",
    "StockExportRow",
    "StockFeedRow",
    "StockLevelRow",
    "StockMarkRow",
    "StockPolicyRow",
    "StockShowingRow",
    "StockStatementRow",
    "SyncCursorRow",
    "WarehouseRow",
]
