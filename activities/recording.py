"""Writing down that a shipment has its invoice, and what about it a person should see."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from activities.findings import difference, surplus
from activities.holding import hold_shipment, release_shipment
from domain.invoices import BookedInvoice, IntentRole, IntentState, InvoiceDraft
from domain.shipments import ShipmentState
from runtime import metrics
from store import intents, invoices, shipments
from store.intents import Intent
from store.tables.shipments import ShipmentRow

ENDED_WITHOUT = frozenset({IntentState.REFUSED, IntentState.WITHDRAWN})


def record_booked(session: Session, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
    """Write down that a shipment has its invoice: intent, invoice, shipment and exceptions in one transaction.

    The shipment is locked first, as everywhere, so that a correction is either seen here or sees the invoice (F9).
    """
    now, draft = datetime.now(UTC), intent.draft
    row = shipments.lock_many(session, [draft.shipment_number])[draft.shipment_number]
    if draft.role is IntentRole.SUPPLEMENT:
        _record_supplement(session, intent, booked, row, adopted=adopted)
        return
    newest = intents.latest(session, [draft.shipment_number])[draft.shipment_number]
    if newest.generation != draft.generation and newest.state not in ENDED_WITHOUT:
        hold_shipment(session, row, (surplus(draft, booked),), booked.total, now, state=None)
        return
    if not intents.settle(session, intent.id, IntentState.BOOKED, quickbooks_id=booked.external_id):
        return
    invoices.book(session, draft, booked, now, adopted=adopted)
    shipments.set_state(session, row, ShipmentState.INVOICED, at=now)
    metrics.count("invoices", outcome="adopted" if adopted else "booked")
    metrics.observe("shipment_to_invoice_seconds", (now - row.received_at).total_seconds())
    release_shipment(session, draft.shipment_number, now)
    _compare(session, draft, booked, row, now)


def _record_supplement(
    session: Session, intent: Intent, booked: BookedInvoice, row: ShipmentRow, *, adopted: bool
) -> None:
    """A further invoice of a shipment: its state and its own invoice stay as they are."""
    now = datetime.now(UTC)
    if not intents.settle(session, intent.id, IntentState.BOOKED, quickbooks_id=booked.external_id):
        return
    invoices.book(session, intent.draft, booked, now, adopted=adopted)
    metrics.count("credits", kind="supplement", outcome="adopted" if adopted else "booked")
    _compare(session, intent.draft, booked, row, now)


def _compare(session: Session, draft: InvoiceDraft, booked: BookedInvoice, row: ShipmentRow, now: datetime) -> None:
    """Another amount than was meant is work for a person."""
    if booked.total - booked.tax != draft.total:
        finding, stake = difference(draft, booked)
        hold_shipment(session, row, (finding,), stake, now, state=None)
