"""QuickBooks as the activities see it: one object, canonical words in and out, errors of `domain.errors` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from adapters.quickbooks import changes, credit_memos, invoices, master_records, masters, whole
from adapters.quickbooks.client import ClientPool
from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.governor import Budget
from adapters.quickbooks.tokens import QuickBooksTokens
from domain.book_changes import BookChanges, BookKind
from domain.credits import BookedCredit, CreditDraft
from domain.errors import GatewayError
from domain.invoices import BookedInvoice, InvoiceDraft, VendorRefs
from domain.links import Candidate, LinkKind
from domain.master_seen import ClockReading, MasterSeen
from domain.master_values import Value
from domain.reconciliation import Input, Kind
from domain.tokens import TokenVault


class QuickBooksGateway:
    """One QuickBooks company. Blocking and thread-safe, for a bounded thread pool; nothing is sent before a call."""

    def __init__(self, connection: QuickBooksConnection, vault: TokenVault) -> None:
        self._connection = connection
        self._tokens = QuickBooksTokens(connection, vault)
        self._clients = ClientPool(connection, self._tokens, Budget.of(connection))

    def draft_invoice(self, draft: InvoiceDraft, refs: VendorRefs) -> BookedInvoice:
        """Write one unsent invoice. Idempotent by `draft.request_id`; OutcomeUnknown: probe before writing again."""
        return invoices.draft_invoice(self._clients.current(), draft, refs)

    def draft_invoices(self, drafts: Sequence[invoices.BatchItem], batch_id: str) -> list[BookedInvoice | GatewayError]:
        """Write up to 30 invoices in one call; their outcomes come in the order given.

        Idempotent by `batch_id` with an item's name. Name the items where some may be repeated without the others.
        """
        return invoices.draft_invoices(self._clients.current(), drafts, batch_id)

    def find_by_doc_number(self, doc_number: str) -> list[BookedInvoice]:
        """Every invoice with this number; QuickBooks need not keep it unique."""
        return invoices.find_by_doc_number(self._clients.current(), doc_number)

    def find_by_marker(self, marker: str, customer_id: str, invoiced_on: date) -> list[BookedInvoice]:
        """Every invoice of this customer and day whose note holds our marker."""
        return invoices.find_by_marker(self._clients.current(), marker, customer_id, invoiced_on)

    def read_invoice(self, external_id: str) -> BookedInvoice | None:
        """The invoice as it is now; None when it is gone."""
        return invoices.read_invoice(self._clients.current(), external_id)

    def changed_invoices(self, since: datetime) -> Iterator[BookedInvoice]:
        """Every invoice that changed at or after an instant."""
        return invoices.changed_invoices(self._clients.current(), since)

    def changes_since(self, since: datetime) -> BookChanges | None:
        """Documents, payments and masters that changed at or after an instant; None where that is too far back."""
        return changes.changes_since(self._clients.current(), since)

    def changes_by_query(self, documents_since: datetime | None, masters_since: datetime | None) -> BookChanges:
        """The same by queries, which know no deletions; without `masters_since` all customers and no items."""
        return changes.changes_by_query(self._clients.current(), documents_since, masters_since)

    def named(self, kind: BookKind, external_ids: Sequence[str]) -> BookChanges:
        """These records as they stand now, and which of them are gone."""
        return changes.named(self._clients.current(), kind, external_ids)

    def invoices_by_id(self, external_ids: Sequence[str]) -> list[BookedInvoice]:
        """Those of these invoices that are there."""
        return invoices.invoices_by_id(self._clients.current(), external_ids)

    def write_credit_memo(self, draft: CreditDraft, refs: VendorRefs) -> BookedCredit:
        """Write one credit memo. Idempotent by `draft.request_id`; OutcomeUnknown: probe before writing again."""
        return credit_memos.write_credit_memo(self._clients.current(), draft, refs)

    def find_credit_memos(self, doc_number: str) -> list[BookedCredit]:
        """Every credit memo with this number."""
        return credit_memos.find_credit_memos(self._clients.current(), doc_number)

    def find_credit_memos_by_marker(self, marker: str, customer_id: str, credited_on: date) -> list[BookedCredit]:
        """Every credit memo of this customer and day whose note holds our marker."""
        return credit_memos.find_credit_memos_by_marker(self._clients.current(), marker, customer_id, credited_on)

    def void_invoice(self, draft: CreditDraft) -> BookedCredit:
        """Make an invoice of ours nothing, if it is still as it may be. Rejected (`not_voidable`) where it is not."""
        return credit_memos.void_invoice(self._clients.current(), draft)

    def voided_invoice(self, draft: CreditDraft) -> BookedCredit | None:
        """The invoice of a void where it is nothing by now; None while it stands."""
        return credit_memos.voided_invoice(self._clients.current(), draft)

    def balances(self, since: datetime | None) -> Iterator[tuple[str, Decimal, datetime]]:
        """What customers owe, of those that changed at or after an instant (None: of all)."""
        return masters.balances(self._clients.current(), since)

    def books_closed_until(self) -> date | None:
        """The last day of the closed books; None where no period is closed."""
        preferences = self._clients.current().read("preferences")["Preferences"]
        closed = preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
        return date.fromisoformat(str(closed)[:10]) if closed else None

    def candidates(self, kind: LinkKind) -> Iterator[Candidate]:
        """Every customer, item or term of the company, inactive ones included."""
        return masters.candidates(self._clients.current(), kind)

    def read_master(self, kind: LinkKind, external_id: str) -> MasterSeen:
        """A customer, item or term as it is now; one that is gone comes back as deleted."""
        return master_records.read_master(self._clients.current(), kind, external_id)

    def changed_masters(self, kind: LinkKind, since: datetime | None) -> Iterator[MasterSeen]:
        """Every record of a kind that changed at or after an instant (None: all)."""
        return master_records.changed_masters(self._clients.current(), kind, since)

    def update_master(
        self, kind: LinkKind, external_id: str, based_on: str | None, fields: Mapping[str, Value]
    ) -> MasterSeen:
        """Write these fields of a customer or item and no other (see `master_records.update_master`)."""
        return master_records.update_master(self._clients.current(), kind, external_id, based_on, fields)

    @property
    def clock(self) -> ClockReading | None:
        """How QuickBooks' clock stands to ours, as the last answers told; None before the first."""
        return self._clients.clock.reading

    def whole(self, kind: Kind) -> Iterator[Input]:
        """Every record of a kind, for reconciliation: a read of its own that no cursor narrows."""
        return whole.whole(self._clients.current(), kind)

    def some(self, kind: Kind, keys: Sequence[str]) -> Iterator[Input]:
        """Those of these records that are there, read once more for reconciliation."""
        return whole.some(self._clients.current(), kind, keys)

    def check(self) -> str:
        """Prove that the connection works, in one sentence that names the company and what in its settings matters."""
        client = self._clients.current()
        company = client.read(f"companyinfo/{self._connection.realm_id}")["CompanyInfo"]
        preferences = client.read("preferences")["Preferences"]
        own_numbers = preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers", False)
        closed_until = preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
        numbers = "our invoice numbers are kept" if own_numbers else "QuickBooks may replace our invoice numbers"
        books = f"the books are closed until {closed_until}" if closed_until else "no period is closed"
        return f"Connected to {company.get('CompanyName', 'an unnamed company')}: {numbers}; {books}."

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()
        self._tokens.close()
