"""Reconciliation: what is compared with what, what a difference is called, and what can be done about it (R1-R10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.money import Money


class Rule(StrEnum):
    """The invariants, each with its heading in docs/reference/reconciliation.md."""

    ORDER_LINES = "R1"
    SHIPPED_BILLED = "R2"
    BOOKED_AS_MEANT = "R3"
    SUMS = "R4"
    NOTHING_FOREIGN = "R5"
    ORDER_SHOWN = "R6"
    STOCK = "R7"
    FILES = "R8"
    INTENTS = "R9"
    LINKS = "R10"


class Side(StrEnum):
    """Who says what was staged. `log` is the store's own change log, which no hand can rewrite."""

    GATEWAY = "gateway"
    QUICKBOOKS = "quickbooks"
    SALESFORCE = "salesforce"
    ERP = "erp"
    LOG = "log"


class Kind(StrEnum):
    """What is compared, record by record."""

    INVOICE = "invoice"
    CREDIT_MEMO = "credit_memo"
    BALANCE = "balance"
    ORDER = "order"
    ORDER_LINE = "order_line"
    ORDER_SHOWN = "order_shown"
    LINE_SHOWN = "line_shown"
    INVOICE_SHOWN = "invoice_shown"
    ACCOUNT_SHOWN = "account_shown"
    LEVEL_SHOWN = "level_shown"
    TOTAL_SHOWN = "total_shown"
    ACCOUNT_LINK = "account_link"
    LEVEL = "level"
    ROW = "row"
    CHECK = "check"
    WORK = "work"  # exceptions, for what they explain
    SUSPECT = "suspect"  # what the first read found, for the second to confirm


# Who says the other half of each kind. What is not here has no other half.
OTHER_SIDE: Mapping[Kind, Side] = {
    Kind.INVOICE: Side.QUICKBOOKS,
    Kind.CREDIT_MEMO: Side.QUICKBOOKS,
    Kind.BALANCE: Side.QUICKBOOKS,
    Kind.ORDER: Side.SALESFORCE,
    Kind.ORDER_LINE: Side.SALESFORCE,
    Kind.ORDER_SHOWN: Side.SALESFORCE,
    Kind.LINE_SHOWN: Side.SALESFORCE,
    Kind.INVOICE_SHOWN: Side.SALESFORCE,
    Kind.ACCOUNT_SHOWN: Side.SALESFORCE,
    Kind.LEVEL_SHOWN: Side.SALESFORCE,
    Kind.TOTAL_SHOWN: Side.SALESFORCE,
    Kind.ACCOUNT_LINK: Side.SALESFORCE,
    Kind.LEVEL: Side.ERP,
    Kind.ROW: Side.LOG,
    Kind.CHECK: Side.ERP,
}


class DriftCause(StrEnum):
    """What a difference is called: stable codes, each with its heading in docs/reference/reconciliation.md."""

    ORDER_NOT_AS_STATED = "order_not_as_stated"
    ORDER_GONE = "order_gone"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_LINE_NOT_AS_STATED = "order_line_not_as_stated"
    ORDER_LINE_GONE = "order_line_gone"
    ORDER_LINE_UNKNOWN = "order_line_unknown"
    LEDGER_UNBALANCED = "ledger_unbalanced"
    SHIPPED_NOT_INVOICED = "shipped_not_invoiced"
    BILLED_MORE_THAN_SHIPPED = "billed_more_than_shipped"
    SHIPMENT_FORGOTTEN = "shipment_forgotten"
    INVOICE_EDITED = "invoice_edited"
    INVOICE_VOIDED = "invoice_voided"
    INVOICE_DELETED = "invoice_deleted"
    INVOICE_NOT_PULLED = "invoice_not_pulled"
    INVOICE_DUPLICATED = "invoice_duplicated"
    INVOICE_INVENTED = "invoice_invented"
    CREDIT_EDITED = "credit_edited"
    CREDIT_VOIDED = "credit_voided"
    CREDIT_DELETED = "credit_deleted"
    CREDIT_DUPLICATED = "credit_duplicated"
    CREDIT_INVENTED = "credit_invented"
    BALANCE_NOT_PULLED = "balance_not_pulled"
    ORDER_SHOWN_WRONG = "order_shown_wrong"
    ORDER_LINE_SHOWN_WRONG = "order_line_shown_wrong"
    INVOICE_SHOWN_WRONG = "invoice_shown_wrong"
    INVOICE_NOT_SHOWN = "invoice_not_shown"
    INVOICE_SHOWN_TWICE = "invoice_shown_twice"
    INVOICE_SHOWN_INVENTED = "invoice_shown_invented"
    ACCOUNT_SHOWN_WRONG = "account_shown_wrong"
    STOCK_SHOWN_WRONG = "stock_shown_wrong"
    STOCK_NOT_SHOWN = "stock_not_shown"
    STOCK_SHOWN_INVENTED = "stock_shown_invented"
    STOCK_NOT_AS_EXPORTED = "stock_not_as_exported"
    FILE_NOT_ACCOUNTED = "file_not_accounted"
    FILE_GROUP_LOST = "file_group_lost"
    FILE_BYTES_LOST = "file_bytes_lost"
    INTENT_WITHOUT_OUTCOME = "intent_without_outcome"
    OUTCOME_NOT_RECORDED = "outcome_not_recorded"
    LINK_NOT_INJECTIVE = "link_not_injective"
    LINK_TARGET_MISSING = "link_target_missing"
    LINK_NOT_AS_FOUND = "link_not_as_found"
    CHANGED_BY_HAND = "changed_by_hand"


class Standing(StrEnum):
    """What a difference means: only drift is news for a person."""

    IN_FLIGHT = "in_flight"
    HELD = "held"
    WAIVED = "waived"
    DRIFT = "drift"


class Remedy(StrEnum):
    """What can be done about a difference; all but `person` is done by itself where the policy says so."""

    SAY_AGAIN = "say_again"
    STOCK_AGAIN = "stock_again"
    REFRESH = "refresh"
    PERSON = "person"


class Input(NamedTuple):
    """What one side says of one record: `body` is compared, `facts` explain it; numbers are plain text."""

    kind: Kind
    key: str
    body: Mapping[str, Any]
    facts: Mapping[str, Any]
    changed_at: datetime | None


class Pair(NamedTuple):
    """One record as both sides say it; None: that side says nothing of it."""

    kind: Kind
    key: str
    ours: Input | None
    theirs: Input | None


class Difference(BaseModel):
    """One field of one record that is not as it must be; `expected` and `found` None: there is none.

    `belongs` names the records of ours whose open work may explain it, `changed` when each side moved last. `subject`
    is what such work names it by, where it is about one thing of many: a document, or what a document comes to.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    key: str
    rule: Rule
    cause: DriftCause
    system: Side
    record_type: str
    record_key: str
    field: str = ""
    expected: str | None = None
    found: str | None = None
    money: Money | None = None
    remedy: Remedy = Remedy.PERSON
    belongs: tuple[tuple[str, str], ...] = ()
    changed: dict[Side, AwareDatetime] = {}
    held: str | None = None
    subject: str | None = None

    @property
    def identity(self) -> str:
        """What names the difference from run to run, whatever the numbers are."""
        words = (self.rule, self.cause, self.system, self.record_type, self.record_key, self.field)
        return _digest("|".join(words))

    @property
    def fingerprint(self) -> str:
        """The same with its numbers: what a person accepted is accepted as it is, not as it may become."""
        return _digest(f"{self.identity}|{self.expected}|{self.found}")


class Verdict(NamedTuple):
    """What a difference means, and why."""

    difference: Difference
    standing: Standing
    why: str
    exception_id: str | None = None


def number(value: object) -> Decimal:
    """A staged number; nothing counts as zero."""
    return Decimal(str(value)) if value not in {None, ""} else Decimal(0)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:32]
