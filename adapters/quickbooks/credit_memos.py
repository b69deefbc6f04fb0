"""Credit memos and voids: write one credit memo and find it again; make an invoice of ours nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.documents import booked, booked_credit, credit_body
from adapters.quickbooks.exact_json import dumps
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.invoices import carries, checked_request_id, read_invoice
from adapters.quickbooks.query import rows, where
from domain.credits import BookedCredit, CreditDraft, credit_marker
from domain.errors import OutcomeUnknown, Rejected, StaleToken, Unavailable
from domain.invoices import BookedInvoice, VendorRefs, marker_for

NOT_VOIDABLE = "not_voidable"  # our own refusal, before QuickBooks is asked


def write_credit_memo(client: QuickBooksClient, draft: CreditDraft, refs: VendorRefs) -> BookedCredit:
    """Write one credit memo. Idempotent by `draft.request_id`; OutcomeUnknown when no answer tells."""
    answer = client.create_credit_memo(dumps(credit_body(draft, refs)), checked_request_id(draft.request_id))
    written = answer.get("CreditMemo")
    try:
        credit = booked_credit(written)
    except ValueError as error:
        raise OutcomeUnknown(
            "QuickBooks took the credit memo and answered without it: probe before it is written again.",
            trace=client.last_trace,
        ) from error
    if not carries(credit, credit_marker(draft.shipment_number, draft.generation)):
        raise OutcomeUnknown(
            "QuickBooks answered with another credit memo than was sent: probe before it is written again.",
            trace=client.last_trace,
        )
    return credit


def find_credit_memos(client: QuickBooksClient, doc_number: str) -> list[BookedCredit]:
    """Every credit memo with this number: many companies do not keep numbers unique."""
    return list(_find(client, where(DocNumber=doc_number)))


def find_credit_memos_by_marker(
    client: QuickBooksClient, marker: str, customer_id: str, credited_on: date
) -> list[BookedCredit]:
    """Every credit memo of this customer and day whose note holds our marker."""
    found = _find(client, where(CustomerRef=customer_id, TxnDate=credited_on))
    return [one for one in found if carries(one, marker)]


def void_invoice(client: QuickBooksClient, draft: CreditDraft) -> BookedCredit:
    """Make an invoice of ours nothing, as it stands right now; one that is nothing already is answered as it is.

    Idempotent by `draft.request_id` and by the token that was just read: a payment, an edit or another void in between
    refuses it. Raises Rejected (`not_voidable`) for one that is gone, not ours, sent, edited, or has something against
    it; OutcomeUnknown when no answer tells.
    """
    current = read_invoice(client, str(draft.invoice_id))
    if current is not None and current.voided:
        return as_voided(current, draft)
    why = _not_voidable(current, draft)
    if current is None or why:
        raise Rejected(f"Invoice {draft.doc_number} cannot be voided any more: {why}.", reason=NOT_VOIDABLE)
    body = dumps({"Id": current.external_id, "SyncToken": current.sync_token})
    try:
        answer = client.void_invoice(body, checked_request_id(draft.request_id))
    except StaleToken as error:
        raise Unavailable("The invoice changed while it was being voided: it is read again first.") from error
    return as_voided(_voided(answer, client), draft)


def voided_invoice(client: QuickBooksClient, draft: CreditDraft) -> BookedCredit | None:
    """The invoice of a void whose outcome is not known, where it is nothing by now; None while it stands."""
    current = read_invoice(client, str(draft.invoice_id))
    return as_voided(current, draft) if current is not None and current.voided else None


def _voided(answer: Mapping[str, Any], client: QuickBooksClient) -> BookedInvoice:
    try:
        invoice = booked(answer.get("Invoice"))
    except ValueError as error:
        raise OutcomeUnknown(
            "QuickBooks took the void and answered without the invoice: it is read again first.",
            trace=client.last_trace,
        ) from error
    if not invoice.voided:
        raise OutcomeUnknown(
            "QuickBooks answered the void with an invoice that stands: it is read again first.", trace=client.last_trace
        )
    return invoice


def as_voided(invoice: BookedInvoice, draft: CreditDraft) -> BookedCredit:
    """A voided invoice as the credit that it is."""
    return BookedCredit(
        external_id=invoice.external_id,
        doc_number=invoice.doc_number,
        sync_token=invoice.sync_token,
        customer_id=invoice.customer_id,
        total=draft.total,
        note=invoice.note,
        credited_on=invoice.invoiced_on,
        updated_at=invoice.updated_at,
    )


def _not_voidable(invoice: BookedInvoice | None, draft: CreditDraft) -> str | None:
    """What speaks against voiding an invoice, None when nothing does (case O11)."""
    if invoice is None:
        return "it is not there any more"
    if not carries(invoice, marker_for(draft.shipment_number, draft.invoice_generation or 0)):
        return "it is not one that the gateway wrote"
    if invoice.applied or invoice.balance != invoice.total:
        return "a payment or a credit stands against it"
    if invoice.sent:
        return "it was sent to the customer"
    return None if invoice.total == draft.total else f"it comes to {invoice.total} now, not to {draft.total}"


def _find(client: QuickBooksClient, condition: str) -> Iterator[BookedCredit]:
    for row in rows(lambda statement: client.select(statement, Priority.PROBES), "CreditMemo", condition):
        try:
            yield booked_credit(row)
        except ValueError as error:
            raise Unavailable("QuickBooks answered with a credit memo that cannot be read.") from error
