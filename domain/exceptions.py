"""Exception items: work for a person, with a cause, the money at stake and the choices that are allowed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.money import Money


class ExceptionKind(StrEnum):
    """What sort of work it is."""

    CONFLICT = "conflict"
    HOLD = "hold"
    DEAD_LETTER = "dead_letter"
    UNCERTAIN = "uncertain"


class ExceptionState(StrEnum):
    """Open work, or how it ended: by a person, or by itself because its cause went away (feature G-I2)."""

    OPEN = "open"
    RESOLVED = "resolved"
    SELF_RESOLVED = "self_resolved"


class Choice(StrEnum):
    """What a person may decide. `value` is needed where the comment names one."""

    RETRY = "retry"
    USE_ITEM = "use_item"  # value: the SKU to bill instead of the unknown one
    USE_CUSTOMER = "use_customer"  # value: the ERP customer number to bill
    BILL_ORDER_PRICE = "bill_order_price"
    BILL_SHIPMENT_PRICE = "bill_shipment_price"
    BILL_ALL = "bill_all"
    BILL_ORDERED = "bill_ordered"
    BILL_WITHOUT_ORDER = "bill_without_order"
    ADOPT_INVOICE = "adopt_invoice"  # value: the QuickBooks id of the invoice that bills this shipment
    BILL_AGAIN = "bill_again"  # a fresh generation: only ever by a person
    DO_NOT_BILL = "do_not_bill"
    ACCEPT_FILE = "accept_file"
    REFUSE_FILE = "refuse_file"
    CONFIRM_STOCK = "confirm_stock"  # the number swung, and it is right
    SPLIT = "split"  # ship what there is, here or from elsewhere, and the rest later
    SUBSTITUTE = "substitute"  # offer another item
    BACKORDER = "backorder"  # wait for what comes in
    RELEASE_ORDER = "release_order"  # let an order go on that is held
    CANCEL_ORDER = "cancel_order"  # cancel what has not left of it
    POST_CREDIT = "post_credit"  # write the credit memo as it was proposed
    POST_SUPPLEMENT = "post_supplement"  # write the further invoice as it was proposed
    VOID_INVOICE = "void_invoice"  # make the invoice nothing, as it was proposed
    TAKE_SYSTEM = "take_system"  # value: the system whose value stands
    USE_VALUE = "use_value"  # value: what stands everywhere
    RETIRE_LINK = "retire_link"  # the record there is ours no more; the link is kept as an alias
    ACCEPT_AS_BOOKED = "accept_as_booked"  # what somebody made of a document in QuickBooks stands, for the reason given
    HANDLED = "handled"


VALUE_NEEDED = frozenset(
    {Choice.USE_ITEM, Choice.USE_CUSTOMER, Choice.ADOPT_INVOICE, Choice.TAKE_SYSTEM, Choice.USE_VALUE}
)


class Cause(StrEnum):
    """Why the work stopped: stable codes, each with its heading in docs/reference/exceptions.md."""

    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_CUSTOMER = "unknown_customer"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_INCOMPLETE = "order_incomplete"
    ORDER_NUMBER_REFUSED = "order_number_refused"
    ORDER_EVENT_EARLY = "order_event_early"
    ORDER_EVENT_UNKNOWN = "order_event_unknown"
    ORDER_LEDGER_BROKEN = "order_ledger_broken"
    ORDER_NEEDS_DECISION = "order_needs_decision"
    ORDER_CHANGED_AFTER_SHIPMENT = "order_changed_after_shipment"
    ORDER_CANCEL_REFUSED = "order_cancel_refused"
    ORDER_NOT_ACKNOWLEDGED = "order_not_acknowledged"
    ORDER_NOT_WRITABLE = "order_not_writable"
    ORDER_FILE_BLOCKED = "order_file_blocked"
    UNKNOWN_ORDER_LINE = "unknown_order_line"
    ORDER_NOT_ACTIVE = "order_not_active"
    CUSTOMER_DIFFERS = "customer_differs"
    ITEM_DIFFERS = "item_differs"
    UNIT_DIFFERS = "unit_differs"
    OVER_SHIPMENT = "over_shipment"
    PRICE_DIFFERS = "price_differs"
    NEGATIVE_AMOUNT = "negative_amount"
    TERMS_UNKNOWN = "terms_unknown"
    CUSTOMER_NOT_LINKED = "customer_not_linked"
    ITEM_NOT_LINKED = "item_not_linked"
    TERMS_NOT_LINKED = "terms_not_linked"
    NOT_BILLED = "not_billed"
    CORRECTION_AFTER_INVOICE = "correction_after_invoice"
    RETURN_AFTER_INVOICE = "return_after_invoice"
    RETURN_UNMATCHED = "return_unmatched"
    CREDIT_REJECTED = "credit_rejected"
    CREDIT_UNCERTAIN = "credit_uncertain"
    INVOICE_REMOVED = "invoice_removed"
    INVOICE_EDITED = "invoice_edited"
    INVOICE_DUPLICATE = "invoice_duplicate"
    INVOICE_REJECTED = "invoice_rejected"
    DOC_NUMBER_TAKEN = "doc_number_taken"
    INVOICE_UNCERTAIN = "invoice_uncertain"
    INVOICE_DIFFERS = "invoice_differs"
    PUBLICATION_REJECTED = "publication_rejected"
    CONNECTION_REFUSED = "connection_refused"
    FILE_REFUSED = "file_refused"
    FILE_FAILED = "file_failed"
    FILE_ROWS_REFUSED = "file_rows_refused"
    FILE_SEQUENCE_REPEATED = "file_sequence_repeated"
    FILE_SEQUENCE_GAP = "file_sequence_gap"
    STOCK_NOT_PROVEN = "stock_not_proven"
    STOCK_DOUBTFUL = "stock_doubtful"
    STOCK_TOO_MANY_ZEROS = "stock_too_many_zeros"
    STOCK_SHRUNK = "stock_shrunk"
    STOCK_SAME_INSTANT = "stock_same_instant"
    STOCK_NEGATIVE = "stock_negative"
    STOCK_BUCKET_UNKNOWN = "stock_bucket_unknown"
    STOCK_SWING = "stock_swing"
    STOCK_UNIT_UNKNOWN = "stock_unit_unknown"
    STOCK_OVERSOLD = "stock_oversold"
    STOCK_FEED_LATE = "stock_feed_late"
    STOCK_ROWS_REFUSED = "stock_rows_refused"
    STOCK_UNDECIDED = "stock_undecided"
    MASTER_CONFLICT = "master_conflict"
    MASTER_FLAPPING = "master_flapping"
    MASTER_DELETED = "master_deleted"
    MASTER_INACTIVE = "master_inactive"
    MASTER_REFUSED = "master_refused"
    DECISION_DIFFERS = "decision_differs"
    AUDIT_BROKEN = "audit_broken"
    RECONCILIATION_DRIFT = "reconciliation_drift"


# What may hold a shipment until its order says otherwise.
ORDER_CAUSES = [
    Cause.UNKNOWN_ORDER,
    Cause.ORDER_NOT_ACTIVE,
    Cause.UNKNOWN_ORDER_LINE,
    Cause.PRICE_DIFFERS,
    Cause.OVER_SHIPMENT,
    Cause.ITEM_DIFFERS,
    Cause.UNIT_DIFFERS,
    Cause.CUSTOMER_DIFFERS,
]


class Finding(BaseModel):
    """One reason why a record cannot go on: the cause, a sentence for a person, the line it is about."""

    model_config = ConfigDict(frozen=True)

    kind: ExceptionKind
    cause: Cause
    sentence: str
    choices: tuple[Choice, ...]
    line_no: int | None = None
    subject: str | None = None  # what is unknown or differs: a SKU, a customer number, an order number


class Resolution(BaseModel):
    """A person's decision on an exception item."""

    model_config = ConfigDict(frozen=True)

    exception_id: str
    choice: Choice
    value: str | None = None
    reason: str
    decided_by: str
    decided_at: datetime


class Note(BaseModel):
    """What somebody wrote on the card of an exception."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str
    text: str


class ExceptionItem(BaseModel):
    """A piece of work: what stopped, why, what it costs, who owns it, what may be done, and what waits for it.

    `owner` is the desk that it belongs to, `assignee` the person who took it. Until `snoozed_until` it is out of sight.
    `closed_because` says why it closed by itself, `seen_count` how often its cause was met.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: ExceptionKind
    state: ExceptionState
    cause: Cause
    sentence: str
    record_type: str
    record_key: str
    money_at_stake: Money | None
    owner: str
    findings: tuple[Finding, ...]
    choices: tuple[Choice, ...]
    workflow_id: str | None
    opened_at: datetime
    closed_at: datetime | None = None
    resolution: Resolution | None = None
    due_at: datetime | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    notes: tuple[Note, ...] = ()
    closed_because: str | None = None
    seen_count: int = 1
    last_seen_at: datetime | None = None
