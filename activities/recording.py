"""Writing down that a shipment has its invoice, and what about it a person should see."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from activities.findings import correction, difference, surplus
from activities.holding import hold_shipment, release_shipment
from domain.invoices import BookedInvoice, IntentState
from domain.shipments import ShipmentState
from runtime import metrics
from store import billing, intents, invoices, shipments
from store.intents import Intent
from store.tables.shipments import ShipmentRow

ENDED_WITHOUT = frozenset({IntentState.REFUSED, IntentState.WITHDRAWN})


def record_booked(session: Session, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
    """Write down that a shipment has its invoice: intent, invoice, shipment and exceptions in one transaction.

    The shipment is locked first, as everywhere, so that a correction is either seen here or sees the invoice (F9).
    """
    now, draft = datetime.now(UTC), intent.draft
    row = shipments.lock_many(session, [draft.shipment_number])[draft.shipment_number]
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
    if booked.total - booked.tax != draft.total:
        finding, stake = difference(draft, booked)
        hold_shipment(session, row, (finding,), stake, now, state=None)
    _look_for_correction(session, row, now)


def _look_for_correction(session: Session, row: ShipmentRow, now: datetime) -> None:
    """A correction that came while the invoice was under way is shown at once: nothing else may look again (F9)."""
    pending = billing.pending_of(session, row)
    if pending is None:
        return
    before = shipments.shipment_from(row, shipments.lines_of(session, [row.number])[row.number])
    finding, stake = correction(before, pending.shipment)
    hold_shipment(session, row, (finding,), stake, now, state=None)
