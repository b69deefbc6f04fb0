"""Bringing readings of our documents into the store: one path, by whichever road they came (cases E8, E9, E18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from activities.document_findings import open_removed, restate_edits, strike_finding
from activities.doubles import note_doubles
from domain.book_changes import Gone
from domain.credits import BookedCredit
from domain.document_content import Content, DocumentChange, DocumentKind, DocumentState, change_of
from domain.exceptions import Cause
from domain.invoices import REMOVED, BookedInvoice, meant_content
from domain.links import LinkKind
from domain.sources import System
from runtime import metrics
from store import credits, document_versions, exceptions, intents, invoices, links, merges, shipments
from store.document_versions import Document, DocumentVersion, Sighting, Versions
from store.tables.credits import CreditRow
from store.tables.invoices import InvoiceRow

BEFORE_VERSIONS = "upgrade"  # the road of a first version that was made up from what was meant
STANDS = frozenset({DocumentChange.RESTORED, DocumentChange.EDITED})


@dataclass
class DocumentsSeen:
    """One block of readings in one transaction. A reading that is older than what is known changes nothing."""

    session: Session
    seen_by: str
    now: datetime
    moved: set[str] = field(default_factory=set)  # shipments of which something shows otherwise now
    orders: set[str] = field(default_factory=set)
    removed: int = 0
    _to_restate: set[str] = field(default_factory=set)
    _versions: Versions = field(default_factory=dict)

    def take_invoices(self, read: Sequence[BookedInvoice], gone: Sequence[Gone]) -> None:
        """Invoices as they stand now, and those that are not there any more."""
        ids = [one.external_id for one in read] + [one.external_id for one in gone]
        self._lock(invoices.shipments_with(self.session, ids))
        rows = invoices.with_quickbooks_ids(self.session, ids)
        ours = credits.voided(self.session, list(rows))
        self._versions = document_versions.of_documents(self.session, DocumentKind.INVOICE, list(rows))
        for one in read:
            if one.external_id in rows:
                self._take_invoice(rows[one.external_id], one, by_us=one.external_id in ours)
        for missing in gone:
            if missing.external_id in rows:
                self._remove_invoice(rows[missing.external_id], missing)
        strangers = [one for one in read if one.external_id not in rows]
        over = [*(one.external_id for one in gone), *rows]
        self.moved |= note_doubles(self.session, strangers, over, self.now)
        self._restate()

    def take_credit_memos(self, read: Sequence[BookedCredit], gone: Sequence[Gone]) -> None:
        """The same of credit memos."""
        ids = [one.external_id for one in read] + [one.external_id for one in gone]
        self._lock(credits.shipments_with(self.session, ids))
        rows = credits.memos_with(self.session, ids)
        self._versions = document_versions.of_documents(self.session, DocumentKind.CREDIT_MEMO, list(rows))
        for one in read:
            if one.external_id in rows:
                self._take_credit(rows[one.external_id], one)
        for missing in gone:
            if missing.external_id in rows:
                self._remove_credit(rows[missing.external_id], missing)
        self._restate()

    def _lock(self, numbers: Sequence[str]) -> None:
        """Shipments first, as everywhere; and a decision about them waits until this is through."""
        if numbers:
            shipments.lock_many(self.session, numbers)
            exceptions.lock_open(self.session, "shipment", numbers)

    def _take_invoice(self, row: InvoiceRow, one: BookedInvoice, *, by_us: bool) -> None:
        if invoices.is_older(row, one):
            return
        document, stood = _invoice(row), row.status not in REMOVED
        version = self._see(document, row.customer_number, one, self._meant(row))
        edited = None if version is None or one.voided else version.digest != self._first(document).digest
        shown = (row.doc_number, row.total)
        if invoices.refresh(row, one, edited=edited):
            self._note(row)
        if one.voided and stood and not by_us:
            open_removed(self.session, document, shown, "voided")
        self._settle(document, version)

    def _take_credit(self, row: CreditRow, one: BookedCredit) -> None:
        if credits.is_older(row, one):
            return
        document, stood, shown = _credit(row), row.removed is None, (row.doc_number, row.total)
        version = self._see(document, row.customer_number, one, None)
        edited = row.edited if version is None or one.voided else version.digest != self._first(document).digest
        if credits.refresh(row, one, edited=edited):
            self._note(row)
        if one.voided and stood:
            open_removed(self.session, document, shown, "voided")
        self._settle(document, version)

    def _remove_invoice(self, row: InvoiceRow, gone: Gone) -> None:
        stood = row.status not in REMOVED
        if invoices.remove(row, gone.at or self.now):
            self._removed(_invoice(row), row, stood=stood)

    def _remove_credit(self, row: CreditRow, gone: Gone) -> None:
        stood = row.removed is None
        if credits.remove(row, gone.at or self.now):
            self._removed(_credit(row), row, stood=stood)

    def _removed(self, document: Document, row: InvoiceRow | CreditRow, *, stood: bool) -> None:
        self.removed += 1
        self._note(row)
        self._to_restate.add(row.shipment_number)
        last = self._versions.get(document.quickbooks_id, [])[-1:]
        for one in last:
            token, at = one.sync_token, row.quickbooks_updated_at
            self._add(document, Sighting(DocumentChange.DELETED, one.state, token, at, self.seen_by, self.now))
        if stood:
            open_removed(self.session, document, (row.doc_number, row.total), "deleted")

    def _see(
        self, document: Document, customer: str, one: BookedInvoice | BookedCredit, meant: Content | None
    ) -> DocumentVersion | None:
        """Keep a version where the reading differs from the last; answers the newest, None where none can be kept."""
        state = one.state
        if state is None:
            return None
        known = self._versions.get(document.quickbooks_id)
        if not known:
            first = state if meant is None else DocumentState(content=meant, balance=meant.total)
            by = self.seen_by if meant is None else BEFORE_VERSIONS
            known = [self._add(document, Sighting(DocumentChange.BOOKED, first, "", None, by, self.now))]
        state = self._for_whom(customer, state, known[0].content)
        last = known[-1]
        before = last.state
        if last.change is DocumentChange.DELETED:
            before = before.model_copy(update={"voided": True})
        if before == state and last.sync_token in {"", one.sync_token}:
            return last
        change = change_of(before, state, known[0].content)
        return self._add(document, Sighting(change, state, one.sync_token, one.updated_at, self.seen_by, self.now))

    def _for_whom(self, customer: str, state: DocumentState, first: Content) -> DocumentState:
        """A customer who was merged into another one there is no edit, whether our link could follow or not (case M5).

        Where it could not, the merge is one question about the customer, not one about each of its documents.
        """
        booked, stands = first.customer_id, state.content.customer_id
        if booked == stands or not self._is_same(customer, booked, stands):
            return state
        return state.model_copy(update={"content": state.content.model_copy(update={"customer_id": booked})})

    def _is_same(self, customer: str, booked: str, stands: str) -> bool:
        """Whether two records there are one customer: by the links of whom it was booked for, or of theirs (M6)."""
        if merges.is_followed(self.session, customer, booked, stands):
            return True
        ours = links.local_keys_ever(self.session, System.QUICKBOOKS, LinkKind.CUSTOMER, [booked, stands])
        if booked not in ours:
            return False
        return ours[booked] == ours.get(stands) or merges.went_into(self.session, booked, stands)

    def _add(self, document: Document, seen: Sighting) -> DocumentVersion:
        known = self._versions.setdefault(document.quickbooks_id, [])
        known.append(document_versions.add(self.session, document, seen, len(known) + 1))
        metrics.count("documents_changed", kind=document.kind, change=seen.change)
        return known[-1]

    def _first(self, document: Document) -> DocumentVersion:
        return self._versions[document.quickbooks_id][0]

    def _settle(self, document: Document, version: DocumentVersion | None) -> None:
        """What of the open work is to be looked at again because of a version that was seen just now."""
        if version is None or version.seen_at != self.now:
            return
        self._to_restate.add(document.shipment_number)
        if version.change in STANDS:
            # Of this very document: another one of the shipment may be gone.
            said = f"This closed by itself: it stands there again, seen {self.now:%Y-%m-%d %H:%M} UTC."
            for item in exceptions.open_of_record(self.session, ("shipment", document.shipment_number)):
                if item.cause is Cause.INVOICE_REMOVED:
                    strike_finding(self.session, item, {document.quickbooks_id}, self.now, said)

    def _restate(self) -> None:
        for number in sorted(self._to_restate):
            restate_edits(self.session, number, self.now)
        self._to_restate.clear()

    def _meant(self, row: InvoiceRow) -> Content | None:
        """What an invoice without versions was to come to; None with versions, and where somebody else wrote it."""
        if row.quickbooks_id in self._versions or (row.adopted and not row.marked):
            return None
        intent = intents.of_generation(self.session, row.shipment_number, row.generation)
        return None if intent is None else meant_content(intent.draft, intent.refs, row.doc_number, row.tax)

    def _note(self, row: InvoiceRow | CreditRow) -> None:
        self.moved.add(row.shipment_number)
        self.orders.add(row.order_number)


def _invoice(row: InvoiceRow) -> Document:
    return Document(DocumentKind.INVOICE, row.quickbooks_id, row.shipment_number, row.generation)


def _credit(row: CreditRow) -> Document:
    return Document(DocumentKind.CREDIT_MEMO, str(row.quickbooks_id), row.shipment_number, row.generation)
