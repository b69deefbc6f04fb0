"""Booking intents in QuickBooks: send what was never sent, probe what may have been, adopt what is there.

Outcomes have three values. From before a call until its answer an intent is uncertain; an uncertain one is looked up by
its invoice number, then by our marker, and adopted when found. Only what is nowhere to be found is sent again, and then
under the request id of the first time, so that a call still under way at QuickBooks cannot become a second invoice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from activities.findings import EARLIER_INVOICE
from activities.recording import record_booked
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.quickbooks.invoices import carries
from domain.errors import Duplicate, GatewayError, OutcomeUnknown, Permanent, Transient
from domain.invoices import BookedInvoice, IntentState, marker_for
from runtime import metrics
from store import intents, invoices
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.intents import Intent
from store.session import reading, transaction

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
        to_send = [one for one in open_ones if one.state is IntentState.INTENDED and not self._superseded(one)]
        to_send += [one for one in open_ones if one.state is IntentState.UNCERTAIN and not self._found(one)]
        troubles = [trouble for group in _by_call(to_send) for trouble in self._send(group)]
        for trouble in sorted(troubles, key=lambda one: isinstance(one, Transient)):
            raise trouble  # what a person has to mend comes first

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
        return next(self._traces(intent), None)

    def _traces(self, intent: Intent) -> Iterator[BookedInvoice]:
        """What QuickBooks has of an intent: under its number, then by the customer and day that were sent."""
        draft = intent.draft
        marker = marker_for(draft.shipment_number, draft.generation)
        yield from (one for one in self.quickbooks.find_by_doc_number(draft.doc_number) if carries(one, marker))
        yield from self.quickbooks.find_by_marker(marker, intent.refs.customer_id, draft.invoiced_on)

    def _superseded(self, intent: Intent) -> bool:
        """Before a fresh generation goes out for the first time: an earlier one that is there after all refuses it.

        A refusal may have been read while an earlier attempt was still under way at QuickBooks. It is looked for as it
        was sent: by now the customer or the day may be others.
        """
        if intent.attempts or intent.draft.generation == 1:
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
        self._refuse(intent, EARLIER_INVOICE, sentence)
        return True

    def _adopt_named(self, intent: Intent, quickbooks_id: str) -> None:
        """Adopt the invoice that a person named, if it is there and bills this customer and nothing else (E10)."""
        named = self.quickbooks.read_invoice(quickbooks_id)
        if named is None:
            self._refuse(intent, "missing", f"QuickBooks has no invoice with the id {quickbooks_id}.")
        elif named.customer_id != intent.refs.customer_id:
            self._refuse(intent, "other_customer", f"Invoice {quickbooks_id} bills another customer.")
        elif other := self._billed_by(named, intent.draft.shipment_number):
            self._refuse(intent, "other_shipment", f"Invoice {quickbooks_id} bills shipment {other}.")
        else:
            self._record(intent, named, adopted=True)

    def _billed_by(self, named: BookedInvoice, shipment_number: str) -> str | None:
        """The other shipment that an invoice bills: by our marker in its note, or because it was adopted for that."""
        marked = OUR_MARKER.search(named.note)
        with transaction(self.engine, self._cause()) as session:
            recorded = invoices.with_quickbooks_id(session, named.external_id)
        owner = recorded.shipment_number if recorded else marked and marked.group(1)
        return owner if owner != shipment_number else None

    def _send(self, group: Sequence[Intent]) -> list[GatewayError]:
        """Send intents that share one call; answers what is still open."""
        with transaction(self.engine, self._cause()) as session:
            sent = intents.mark_sent(session, group)
        elsewhere: list[GatewayError] = [Transient(ASKED_ELSEWHERE)] if len(sent) < len(group) else []
        if not sent:
            return elsewhere
        try:
            answers = self._call(sent)
        except OutcomeUnknown as error:
            return [self._note(sent, error)]
        except GatewayError as error:
            self._unsend(sent, error)
            if isinstance(error, Transient):
                return [error]
            raise
        return elsewhere + [one for pair in zip(sent, answers, strict=True) if (one := self._settle(*pair))]

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
        first = [one for one in group if one.state is IntentState.INTENDED]
        again = [one.id for one in group if one.state is IntentState.UNCERTAIN]
        with transaction(self.engine, self._cause()) as session:
            intents.mark_unsent(session, first, error.code, error.detail)
            intents.note_trouble(session, again, error.code, error.detail)

    def _note(self, group: Sequence[Intent], error: Transient) -> Transient:
        with transaction(self.engine, self._cause()) as session:
            intents.note_trouble(session, [one.id for one in group], error.code, error.detail)
        return error

    def _settle(self, intent: Intent, answer: Answer) -> GatewayError | None:
        """Record one answer; what is not final is answered back, to be tried again."""
        if isinstance(answer, BookedInvoice):
            self._record(intent, answer, adopted=False)
            return None
        if isinstance(answer, OutcomeUnknown):
            return self._note([intent], answer)
        if isinstance(answer, Transient) or answer.code in CONNECTION_CODES:
            self._unsend([intent], answer)
            return answer
        if isinstance(answer, Duplicate):
            return self._settle_taken_number(intent, answer)
        return self._refuse(intent, answer.reason or answer.code, answer.detail)

    def _settle_taken_number(self, intent: Intent, answer: GatewayError) -> Transient | None:
        """The number is in use: by our own invoice of an earlier try, or by a foreign one (case E11)."""
        ours = self._look_up(intent)
        if ours:
            self._record(intent, ours, adopted=True)
            return None
        return self._refuse(intent, "duplicate", answer.detail)

    def _record(self, intent: Intent, booked: BookedInvoice, *, adopted: bool) -> None:
        with transaction(self.engine, self._cause()) as session:
            record_booked(session, intent, booked, adopted=adopted)

    def _refuse(self, intent: Intent, code: str, detail: str) -> Transient | None:
        """End an intent without an invoice, unless another worker has asked for it since."""
        with transaction(self.engine, self._cause()) as session:
            ended = intents.settle(
                session, intent.id, IntentState.REFUSED, attempts=intent.attempts, code=code, detail=detail
            )
        if not ended:
            return Transient(ASKED_ELSEWHERE)
        log.warning("QuickBooks refused an invoice", shipment=intent.draft.shipment_number, code=code)
        metrics.count("invoices", outcome="refused")
        return None


CONNECTION_CODES = frozenset({"not_authorized", "misconfigured"})
OUR_MARKER = re.compile(r"threeway:(.+):\d+(?![\w:])")
ASKED_ELSEWHERE = "Another worker has asked QuickBooks for this invoice since: what came of it is read first."


def _is_open(intent: Intent) -> bool:
    return intent.state in {IntentState.INTENDED, IntentState.UNCERTAIN}


def _by_call(open_ones: Sequence[Intent]) -> list[list[Intent]]:
    """Intents of one batch go together under their own item names; every other goes alone."""
    batches: dict[str, list[Intent]] = {}
    for one in open_ones:
        batches.setdefault(one.batch_id or str(one.id), []).append(one)
    return [sorted(group, key=lambda one: int(one.batch_item or 0)) for group in batches.values()]
