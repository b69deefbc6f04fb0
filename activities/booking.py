"""Booking intents in QuickBooks: send what was never sent, probe what may have been, adopt what is there.

Outcomes have three values. From before a call until its answer an intent is uncertain; an uncertain one is looked up by
its invoice number, then by our marker, and adopted when found. Only what is nowhere to be found is sent again, and then
under the request id of the first time, so that a call still under way at QuickBooks cannot become a second invoice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from activities.holding import hold_shipment, release_shipment
from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import Duplicate, GatewayError, OutcomeUnknown, Permanent, Transient, Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import BookedInvoice, IntentState, marker_for
from domain.shipments import ShipmentState
from runtime import metrics
from store import intents, invoices, shipments
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.intents import Intent
from store.session import transaction

log = structlog.get_logger()
Answer = BookedInvoice | GatewayError


@dataclass(frozen=True)
class Booking:
    """One attempt at booking a set of intents; what it learns is committed intent by intent."""

    engine: Engine
    quickbooks: QuickBooksGateway
    workflow_id: str

    def run(self, intent_ids: Sequence[str]) -> None:
        """Settle as many of these intents as possible; raises a transient error while any is still open."""
        with transaction(self.engine, self._cause()) as session:
            open_ones = [one for one in intents.get_many(session, intent_ids) if _is_open(one)]
        to_send = [one for one in open_ones if one.state is IntentState.INTENDED]
        to_send += [one for one in open_ones if one.state is IntentState.UNCERTAIN and not self._found(one)]
        troubles = [trouble for group in _by_call(to_send) for trouble in self._send(group)]
        if troubles:
            raise troubles[0]

    def _cause(self) -> ChangeCause:
        return ChangeCause(source=CauseSource.QUICKBOOKS, actor="worker", workflow_id=self.workflow_id)

    def _found(self, intent: Intent) -> bool:
        """Look an uncertain intent up in QuickBooks; when it is there, or never will be, settle it (case E13)."""
        if intent.quickbooks_id:
            self._adopt_named(intent, intent.quickbooks_id)
            return True
        found = self._look_up(intent)
        if found is None:
            return False
        log.info("an invoice of uncertain outcome was found and adopted", shipment=intent.draft.shipment_number)
        self._record(intent, found, adopted=True)
        return True

    def _look_up(self, intent: Intent) -> BookedInvoice | None:
        draft = intent.draft
        marker = marker_for(draft.shipment_number, draft.generation)
        by_number = [one for one in self.quickbooks.find_by_doc_number(draft.doc_number) if is_ours(one, marker)]
        if by_number:
            return by_number[0]
        by_marker = self.quickbooks.find_by_marker(marker, intent.refs.customer_id, draft.invoiced_on)
        return next((one for one in by_marker if is_ours(one, marker)), None)

    def _adopt_named(self, intent: Intent, quickbooks_id: str) -> None:
        """Adopt the invoice that a person named, if it is there and bills this customer (case E10)."""
        named = self.quickbooks.read_invoice(quickbooks_id)
        if named is None:
            self._refuse(intent, "missing", f"QuickBooks has no invoice with the id {quickbooks_id}.")
        elif named.customer_id != intent.refs.customer_id:
            self._refuse(intent, "other_customer", f"Invoice {quickbooks_id} bills another customer.")
        else:
            self._record(intent, named, adopted=True)

    def _send(self, group: Sequence[Intent]) -> list[Transient]:
        """Send intents that share one call; answers what is still open."""
        ids = [one.id for one in group]
        with transaction(self.engine, self._cause()) as session:
            intents.mark_sent(session, ids)
        try:
            answers = self._call(group)
        except OutcomeUnknown as error:
            return [self._note(group, error)]
        except GatewayError as error:
            self._unsend(group, error)
            if isinstance(error, Transient):
                return [error]
            raise
        return [one for pair in zip(group, answers, strict=True) if (one := self._settle(*pair))]

    def _call(self, group: Sequence[Intent]) -> Sequence[Answer]:
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

    def _unsend(self, group: Sequence[Intent], error: GatewayError) -> None:
        """The call did nothing; intents that an earlier call left uncertain stay so."""
        first = [one.id for one in group if one.state is IntentState.INTENDED]
        again = [one.id for one in group if one.state is IntentState.UNCERTAIN]
        with transaction(self.engine, self._cause()) as session:
            intents.mark_unsent(session, first, error.code, error.detail)
            intents.note_trouble(session, again, error.code, error.detail)

    def _note(self, group: Sequence[Intent], error: Transient) -> Transient:
        with transaction(self.engine, self._cause()) as session:
            intents.note_trouble(session, [one.id for one in group], error.code, error.detail)
        return error

    def _settle(self, intent: Intent, answer: Answer) -> Transient | None:
        """Record one answer; what is not final is answered back, to be tried again."""
        if isinstance(answer, BookedInvoice):
            self._record(intent, answer, adopted=False)
            return None
        if isinstance(answer, OutcomeUnknown):
            return self._note([intent], answer)
        if isinstance(answer, Transient):
            self._unsend([intent], answer)
            return answer
        if isinstance(answer, Duplicate):
            return self._settle_taken_number(intent, answer)
        self._refuse(intent, answer.reason or answer.code, answer.detail)
        return None

    def _settle_taken_number(self, intent: Intent, answer: GatewayError) -> Transient | None:
        """The number is in use: by our own invoice of an earlier try, or by a foreign one (case E11)."""
        ours = self._look_up(intent)
        if ours:
            self._record(intent, ours, adopted=True)
        else:
            self._refuse(intent, "duplicate", answer.detail)
        return None

    def _record(self, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
        with transaction(self.engine, self._cause()) as session:
            record_booked(session, intent, booked, adopted=adopted)

    def _refuse(self, intent: Intent, code: str, detail: str) -> None:
        log.warning("QuickBooks refused an invoice", shipment=intent.draft.shipment_number, code=code)
        metrics.count("invoices", outcome="refused")
        with transaction(self.engine, self._cause()) as session:
            intents.settle(session, intent.id, IntentState.REFUSED, code=code, detail=detail)


CONNECTION_CODES = frozenset({"not_authorized", "misconfigured"})


def is_ours(booked: BookedInvoice, marker: str) -> bool:
    """Whether an invoice carries our marker as a word of its own: `…:1` is not found in `…:12`."""
    return marker in re.split(r"[\s;,|]+", booked.note)


def _is_open(intent: Intent) -> bool:
    return intent.state in {IntentState.INTENDED, IntentState.UNCERTAIN}


def _by_call(open_ones: Sequence[Intent]) -> list[list[Intent]]:
    """Intents of one batch go together under their own item names; every other goes alone."""
    batches: dict[str, list[Intent]] = {}
    for one in open_ones:
        batches.setdefault(one.batch_id or str(one.id), []).append(one)
    return [sorted(group, key=lambda one: int(one.batch_item or 0)) for group in batches.values()]


def record_booked(session: Session, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
    """Write down that a shipment has its invoice: intent, invoice, shipment and exceptions in one transaction."""
    now, draft = datetime.now(UTC), intent.draft
    if not intents.settle(session, intent.id, IntentState.BOOKED, quickbooks_id=booked.external_id):
        return
    invoices.book(session, draft, booked, now, adopted=adopted)
    row = shipments.lock_many(session, [draft.shipment_number])[draft.shipment_number]
    shipments.set_state(session, row, ShipmentState.INVOICED, at=now)
    metrics.count("invoices", outcome="adopted" if adopted else "booked")
    metrics.observe("shipment_to_invoice_seconds", (now - row.received_at).total_seconds())
    difference = booked.total - booked.tax - draft.total
    if difference == 0:
        release_shipment(session, draft.shipment_number, now)
        return
    sentence = (
        f"Invoice {booked.doc_number} of shipment {draft.shipment_number} came out at {booked.total} in QuickBooks "
        f"(tax {booked.tax}), {draft.total} was meant. Compare the two there, then mark this as handled."
    )
    finding = Finding(
        kind=ExceptionKind.CONFLICT, cause=Cause.INVOICE_DIFFERS, sentence=sentence, choices=(Choice.HANDLED,)
    )
    hold_shipment(session, row, (finding,), abs(difference), now, state=None)


def unbooked_finding(intent_state: str, code: str | None, detail: str | None, shipment_number: str) -> Finding:
    """Why a shipment has no invoice yet although nothing is wrong with it."""
    said = detail or "QuickBooks did not answer."
    if intent_state == IntentState.UNCERTAIN:
        sentence = (
            f"QuickBooks may or may not have booked shipment {shipment_number}: {said} It is looked up again by itself "
            "every few minutes before anything is sent again; retry looks at once."
        )
        return Finding(
            kind=ExceptionKind.UNCERTAIN, cause=Cause.INVOICE_UNCERTAIN, sentence=sentence, choices=(Choice.RETRY,)
        )
    outage = code is None or code in {Unavailable.code, "rate_limited", "timed_out"}
    sentence = (
        f"Shipment {shipment_number} is ready and waits for QuickBooks: {said} It is tried again by itself."
        if outage
        else f"Shipment {shipment_number} cannot be booked: {said} Mend the connection, then retry."
    )
    return Finding(kind=ExceptionKind.HOLD, cause=Cause.CONNECTION_REFUSED, sentence=sentence, choices=(Choice.RETRY,))
