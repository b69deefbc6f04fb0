"""Exceptions as work: who owns what, how soon it is due, and in which words it ends by itself (features G-I1, G-I2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from domain.exceptions import Cause

OTHERS = "*"  # stands for every cause without a rule of its own


class CauseRule(BaseModel):
    """What differs for one cause; None: as for all others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str | None = Field(default=None, min_length=1)
    due_hours: Decimal | None = Field(default=None, gt=0)


class ExceptionRules(BaseModel):
    """Who owns the work of a cause, and within how many hours it is to be done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    due_hours: Decimal = Field(default=Decimal(24), gt=0)
    causes: Mapping[Cause, CauseRule] = {}

    def rows(self) -> list[tuple[str, str | None, int]]:
        """Cause, owner and minutes, the others last."""
        named = [(cause.value, rule.owner, self._minutes(rule.due_hours)) for cause, rule in self.causes.items()]
        return [*named, (OTHERS, None, self._minutes(None))]

    def _minutes(self, hours: Decimal | None) -> int:
        return max(1, int((hours or self.due_hours) * 60))


RANK_DAYS = 2  # work that is worth ten times as much ranks like work that is so much older
SNOOZE_AT_MOST = timedelta(days=90)

_ORDER, _MASTER, _LINK = "The order says so now.", "The ERP's master has it now.", "It is linked now."
_SENT, _STOCK = "What was sent came through.", "What the ERP states now no longer says so."
_ENDINGS = {
    Cause.UNKNOWN_ITEM: _MASTER,
    Cause.UNKNOWN_CUSTOMER: _MASTER,
    Cause.UNKNOWN_ORDER: "The order is known now.",
    Cause.ORDER_INCOMPLETE: "The order has what it lacked.",
    Cause.ORDER_NUMBER_REFUSED: "Salesforce took the number.",
    Cause.ORDER_EVENT_EARLY: "What it was too early for has happened.",
    Cause.ORDER_EVENT_UNKNOWN: "The lifecycle knows the word now.",
    Cause.ORDER_LEDGER_BROKEN: "The ledger adds up again.",
    Cause.ORDER_NEEDS_DECISION: "The order moved on.",
    Cause.ORDER_CHANGED_AFTER_SHIPMENT: _ORDER,
    Cause.ORDER_CANCEL_REFUSED: "The order moved on.",
    Cause.ORDER_NOT_ACKNOWLEDGED: "The ERP acknowledged it.",
    Cause.ORDER_NOT_WRITABLE: "It fits into a file now.",
    Cause.ORDER_FILE_BLOCKED: "The file lies in the ERP's folder.",
    Cause.UNKNOWN_ORDER_LINE: _ORDER,
    Cause.ORDER_NOT_ACTIVE: "The order is active now.",
    Cause.CUSTOMER_DIFFERS: _ORDER,
    Cause.ITEM_DIFFERS: _ORDER,
    Cause.UNIT_DIFFERS: _ORDER,
    Cause.OVER_SHIPMENT: _ORDER,
    Cause.PRICE_DIFFERS: "The two prices agree now.",
    Cause.TERMS_UNKNOWN: "The terms are known now.",
    Cause.CUSTOMER_NOT_LINKED: _LINK,
    Cause.ITEM_NOT_LINKED: _LINK,
    Cause.TERMS_NOT_LINKED: _LINK,
    Cause.CORRECTION_AFTER_INVOICE: "The books say what they should.",
    Cause.RETURN_AFTER_INVOICE: "The books say what they should.",
    Cause.RETURN_UNMATCHED: "The return fits a shipment now.",
    Cause.CREDIT_REJECTED: _SENT,
    Cause.CREDIT_UNCERTAIN: "QuickBooks told what became of it.",
    Cause.INVOICE_REJECTED: _SENT,
    Cause.DOC_NUMBER_TAKEN: _SENT,
    Cause.INVOICE_UNCERTAIN: "QuickBooks told what became of it.",
    Cause.PUBLICATION_REJECTED: "Salesforce took it.",
    Cause.CONNECTION_REFUSED: "The system lets the gateway in again.",
    Cause.FILE_REFUSED: "The file was read, or a good copy of it came.",
    Cause.FILE_FAILED: "The file was read to its end.",
    Cause.FILE_SEQUENCE_REPEATED: "The sequence is in order.",
    Cause.FILE_SEQUENCE_GAP: "The missing file came.",
    Cause.STOCK_NEGATIVE: _STOCK,
    Cause.STOCK_SWING: _STOCK,
    Cause.STOCK_OVERSOLD: "There is enough for all orders again.",
    Cause.STOCK_FEED_LATE: "An export came.",
    Cause.STOCK_ROWS_REFUSED: "Salesforce took the rows.",
    Cause.STOCK_UNDECIDED: "The item could be decided about.",
    Cause.DECISION_DIFFERS: "The decision comes out as it did again.",
    Cause.AUDIT_BROKEN: "The chain is whole again.",
}
ENDINGS: Mapping[Cause, str] = MappingProxyType(
    {cause: _ENDINGS.get(cause, "What it asked about is no longer so.") for cause in Cause}
)
