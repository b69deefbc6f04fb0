"""Booking intents in QuickBooks: send what was never sent, probe what may have been, adopt what is there.

An uncertain intent is looked up by its invoice number, then by our marker, and adopted when found. What is nowhere to
be found is sent again, under the request id of the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from sqlmodel import Session

from activities.findings import EARLIER_INVOICE
from activities.recording import record_booked
from activities.settling import CONNECTION_CODES, Settling
from adapters.quickbooks.invoices import carries
from domain.errors import GatewayError, Permanent
from domain.invoices import BookedInvoice, IntentRole, marker_for
from runtime import metrics
from store import intents, invoices
from store.intents import Intent
from store.outcomes import Outcomes
from store.session import reading, transaction

log = structlog.get_logger()


@dataclass(frozen=True)
class Booking(Settling[Intent, BookedInvoice]):
    """One attempt at booking a set of invoices."""

    @property
    def outcomes(self) -> Outcomes:
        return intents.OUTCOMES

    def load(self, session: Session, intent_ids: Sequence[str]) -> list[Intent]:
        return intents.get_many(session, intent_ids)

    def groups(self, to_send: Sequence[Intent]) -> list[list[Intent]]:
        return _by_call(to_send)

    def call(self, group: Sequence[Intent]) -> Sequence[BookedInvoice | GatewayError]:
        batch_id = group[0].batch_id
        if batch_id is not None:
            items = [(one.batch_item or "", one.draft, one.refs) for one in group]
            return self.quickbooks.draft_invoices(items, batch_id)
        try:
            return [self.quickbooks.draft_invoice(group[0].draft, group[0].refs)]
        except Permanent as error:
            if error.code in CONNECTION_CODES:
                raise
            return [error]

    def look_up(self, intent: Intent) -> BookedInvoice | None:
        return next(self._traces(intent), None)

    def record(self, session: Session, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
        record_booked(session, intent, booked, adopted=adopted)

    def note_refused(self, intent: Intent, code: str) -> None:
        log.warning("QuickBooks refused an invoice", shipment=intent.draft.shipment_number, code=code)
        metrics.count("invoices", outcome="refused")

    def found(self, intent: Intent) -> bool:
        """Look an uncertain intent up in QuickBooks; when it is there, or never will be, settle it (case E13)."""
        if intent.quickbooks_id:
            self._adopt_named(intent, intent.quickbooks_id)
            return True
        there = super().found(intent)
        if there:
            log.info("an invoice of uncertain outcome was found and adopted", shipment=intent.draft.shipment_number)
        return there

    def _traces(self, intent: Intent) -> Iterator[BookedInvoice]:
        """What QuickBooks has of an intent: under its number, then by the customer and day that were sent."""
        draft = intent.draft
        marker = marker_for(draft.shipment_number, draft.generation)
        yield from (one for one in self.quickbooks.find_by_doc_number(draft.doc_number) if carries(one, marker))
        yield from self.quickbooks.find_by_marker(marker, intent.refs.customer_id, draft.invoiced_on)

    def superseded(self, intent: Intent) -> bool:
        """Before a fresh generation goes out for the first time: an earlier one that is there after all refuses it.

        A refusal may have been read while an earlier attempt was still under way at QuickBooks. It is looked for as it
        was sent: by now the customer or the day may be others.
        """
        of_its_own = intent.draft.generation == 1 or intent.draft.role is IntentRole.SUPPLEMENT
        if intent.attempts or of_its_own:
            return False
        with reading(self.engine) as session:
            earlier = intents.before(session, intent.draft)
        standing = next((one for sent in earlier for one in self._traces(sent) if one.total != 0), None)
        if standing is None:
            return False
        sentence = (
            f"Invoice {standing.doc_number} (id {standing.external_id}) of an earlier attempt is there: adopt "
            "it by its id, or void it in QuickBooks and bill again."
        )
        self.refuse(intent, EARLIER_INVOICE, sentence)
        return True

    def _adopt_named(self, intent: Intent, quickbooks_id: str) -> None:
        """Adopt the invoice that a person named, if it is there and bills this customer and nothing else (E10)."""
        named = self.quickbooks.read_invoice(quickbooks_id)
        if named is None:
            self.refuse(intent, "missing", f"QuickBooks has no invoice with the id {quickbooks_id}.")
        elif named.customer_id != intent.refs.customer_id:
            self.refuse(intent, "other_customer", f"Invoice {quickbooks_id} bills another customer.")
        elif other := self._billed_by(named, intent.draft.shipment_number):
            self.refuse(intent, "other_shipment", f"Invoice {quickbooks_id} bills shipment {other}.")
        else:
            self.write_down(intent, named, adopted=True)

    def _billed_by(self, named: BookedInvoice, shipment_number: str) -> str | None:
        """The other shipment that an invoice bills: by our marker in its note, or because it was adopted for that."""
        marked = OUR_MARKER.search(named.note)
        with transaction(self.engine, self.cause()) as session:
            recorded = invoices.with_quickbooks_id(session, named.external_id)
        owner = recorded.shipment_number if recorded else marked and marked.group(1)
        return owner if owner != shipment_number else None


OUR_MARKER = re.compile(r"threeway:(.+):\d+(?![\w:])")


def _by_call(open_ones: Sequence[Intent]) -> list[list[Intent]]:
    """Intents of one batch go together under their own item names; every other goes alone."""
    batches: dict[str, list[Intent]] = {}
    for one in open_ones:
        batches.setdefault(one.batch_id or str(one.id), []).append(one)
    return [sorted(group, key=lambda one: int(one.batch_item or 0)) for group in batches.values()]
