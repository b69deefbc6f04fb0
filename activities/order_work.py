"""Orders as work for people: what was found about an order is opened, and what no longer holds closes itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from domain.exceptions import Cause, Choice, ExceptionItem, Finding
from runtime import metrics
from store import exceptions

ORDER_DESK = "sales operations"  # who owns the exceptions of orders

# The causes that a look at an order opens and closes; others about an order have owners of their own.
LOOKED_AT = (
    Cause.ORDER_EVENT_EARLY,
    Cause.ORDER_EVENT_UNKNOWN,
    Cause.ORDER_LEDGER_BROKEN,
    Cause.ORDER_NEEDS_DECISION,
    Cause.ORDER_CHANGED_AFTER_SHIPMENT,
    Cause.ORDER_CANCEL_REFUSED,
    Cause.ORDER_NOT_ACKNOWLEDGED,
)


class OpenWork:
    """What is open, and what was settled by people, on some orders: loaded once for all of them."""

    def __init__(self, session: Session, numbers: Sequence[str], at: datetime) -> None:
        self._session, self._at = session, at
        self._open: dict[str, list[ExceptionItem]] = {}
        for item in exceptions.open_of_records(session, "order", numbers, LOOKED_AT):
            self._open.setdefault(item.record_key, []).append(item)
        self._handled = exceptions.settled_sentences(session, "order", numbers, LOOKED_AT)

    def keep(self, number: str, findings: Sequence[Finding], stake: Decimal | None) -> int:
        """Bring the work on an order to these findings, one item a cause; answers how many are open.

        What a person has dealt with in the very same words is not asked again (feature G-I2).
        """
        by_cause: dict[Cause, list[Finding]] = {}
        for finding in findings:
            if finding.sentence not in self._handled.get((number, finding.cause), set()):
                by_cause.setdefault(finding.cause, []).append(finding)
        for cause in {item.cause for item in self._open.get(number, [])} - by_cause.keys():
            keep = tuple(one for one in Cause if one is not cause)
            exceptions.close_by_itself(self._session, ("order", number), self._at, keep=keep)
        for found in by_cause.values():
            self._raise(number, found, stake)
        return len(by_cause)

    def _raise(self, number: str, found: Sequence[Finding], stake: Decimal | None) -> None:
        known = {(item.cause, item.sentence) for item in self._open.get(number, [])}
        if (found[0].cause, found[0].sentence) in known:
            return
        metrics.count("exceptions_raised", kind=found[0].kind, cause=found[0].cause)
        exceptions.open_item(
            self._session,
            finding=found[0],
            findings=found,
            choices=tuple(dict.fromkeys(choice for one in found for choice in one.choices)),
            record=("order", number),
            owner=ORDER_DESK,
            money_at_stake=stake,
            workflow_id=f"order/{number}",
        )


def acts_of(choice: Choice) -> str | None:
    """The act on an order that a choice stands for, or None."""
    return {Choice.RELEASE_ORDER: "release", Choice.CANCEL_ORDER: "cancel", Choice.RETRY: "resend"}.get(choice)
