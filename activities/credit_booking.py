"""Booking credit memos and voids in QuickBooks, with the same three outcomes as invoices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlmodel import Session

from activities.settling import CONNECTION_CODES, Settling
from adapters.quickbooks.invoices import carries
from domain.credits import BookedCredit, CreditKind, credit_marker
from domain.errors import GatewayError, Permanent
from domain.invoices import IntentState, InvoiceStatus
from runtime import metrics
from store import credits, invoices, shipments
from store.credits import CreditIntent
from store.outcomes import Outcomes

log = structlog.get_logger()


@dataclass(frozen=True)
class CreditBooking(Settling[CreditIntent, BookedCredit]):
    """One attempt at booking some credits; each goes alone, because a shipment has one at a time."""

    @property
    def outcomes(self) -> Outcomes:
        return credits.OUTCOMES

    def load(self, session: Session, intent_ids: Sequence[str]) -> list[CreditIntent]:
        return credits.get_many(session, intent_ids)

    def groups(self, to_send: Sequence[CreditIntent]) -> list[list[CreditIntent]]:
        return [[one] for one in to_send]

    def call(self, group: Sequence[CreditIntent]) -> Sequence[BookedCredit | GatewayError]:
        (intent,) = group
        try:
            if intent.draft.kind is CreditKind.VOID:
                return [self.quickbooks.void_invoice(intent.draft)]
            return [self.quickbooks.write_credit_memo(intent.draft, intent.refs)]
        except Permanent as error:
            if error.code in CONNECTION_CODES:
                raise
            return [error]

    def look_up(self, intent: CreditIntent) -> BookedCredit | None:
        """Under its number, then by the customer and day that were sent; of a void, whether the invoice stands."""
        draft = intent.draft
        if draft.kind is CreditKind.VOID:
            return self.quickbooks.voided_invoice(draft)
        marker = credit_marker(draft.shipment_number, draft.generation)
        numbered = (one for one in self.quickbooks.find_credit_memos(draft.doc_number) if carries(one, marker))
        found = next(numbered, None)
        if found is not None:
            return found
        dated = self.quickbooks.find_credit_memos_by_marker(marker, intent.refs.customer_id, draft.credited_on)
        return next(iter(dated), None)

    def record(self, session: Session, intent: CreditIntent, booked: BookedCredit, *, adopted: bool) -> None:
        """Write down that a credit is there: intent, credit and, of a void, the invoice, in one transaction.

        The shipment is locked first, as everywhere, so that nobody decides upon books that are about to change.
        """
        draft, now = intent.draft, datetime.now(UTC)
        shipments.lock_many(session, [draft.shipment_number])
        if not credits.OUTCOMES.settle(session, intent.id, IntentState.BOOKED, quickbooks_id=booked.external_id):
            return
        credits.book(session, draft, booked, now)
        if draft.kind is CreditKind.VOID:
            row = invoices.with_quickbooks_ids(session, [booked.external_id])[booked.external_id]
            row.status, row.balance = InvoiceStatus.VOIDED.value, booked.remaining
            row.sync_token, row.quickbooks_updated_at = booked.sync_token, booked.updated_at
        metrics.count("credits", kind=draft.kind.value, outcome="adopted" if adopted else "booked")

    def note_refused(self, intent: CreditIntent, code: str) -> None:
        log.warning("QuickBooks refused a credit", shipment=intent.draft.shipment_number, code=code)
        metrics.count("credits", kind=intent.draft.kind.value, outcome="refused")
