"""Invoices: write a draft, alone or in a batch, and find again what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.documents import booked, invoice_body
from adapters.quickbooks.errors import translate_errors
from adapters.quickbooks.exact_json import dumps
from adapters.quickbooks.faults import errors_in
from adapters.quickbooks.governor import Priority
from adapters.quickbooks.query import literal, rows, where
from domain.credits import BookedCredit
from domain.errors import GatewayError, Misconfigured, Missing, OutcomeUnknown, Unavailable
from domain.invoices import REQUEST_ID_LIMIT, BookedInvoice, InvoiceDraft, VendorRefs, carries_marker, marker_for

BATCH_LIMIT = 30  # items; more are refused with code 1040
BATCH_ITEM_NAME_LIMIT = 10  # characters, where a batch has a request id

Outcome = BookedInvoice | GatewayError


# A draft with its links; in front of them, where the caller keeps one, the item's name in its batch.
BatchItem = tuple[InvoiceDraft, VendorRefs] | tuple[str, InvoiceDraft, VendorRefs]


def draft_invoice(client: QuickBooksClient, draft: InvoiceDraft, refs: VendorRefs) -> BookedInvoice:
    """Write one unsent, unprinted invoice. Idempotent by `draft.request_id`; OutcomeUnknown when no answer tells."""
    answer = client.create_invoice(dumps(invoice_body(draft, refs)), checked_request_id(draft.request_id))
    return _written(answer, draft, client.last_trace)


def draft_invoices(client: QuickBooksClient, drafts: Sequence[BatchItem], batch_id: str) -> list[Outcome]:
    """Write up to 30 invoices in one call; each has its own outcome, in the order of `drafts`.

    Idempotent by `batch_id` with the name of an item, which is its position unless it brings one (10 characters at
    most). Only named items may be repeated without the others: positions move when one is left out. What goes wrong
    with the call as a whole is raised.
    """
    named = _named(drafts)
    outcomes: dict[str, Outcome] = {}
    items: list[Mapping[str, object]] = []
    for name, (draft, refs) in named.items():
        try:
            items.append({"bId": name, "operation": "create", "Invoice": invoice_body(draft, refs)})
        except GatewayError as error:
            outcomes[name] = error
    if items:
        answer = client.run_batch(dumps({"BatchItemRequest": items}), checked_request_id(batch_id))
        answered = _by_name(answer)
        for name in (str(item["bId"]) for item in items):
            outcomes[name] = _item_outcome(answered.get(name, {}), named[name][0], client.last_trace)
    return [outcomes[name] for name in named]


def find_by_doc_number(client: QuickBooksClient, doc_number: str) -> list[BookedInvoice]:
    """Every invoice with this number: many companies do not keep numbers unique."""
    return list(_find(client, where(DocNumber=doc_number)))


def find_by_marker(client: QuickBooksClient, marker: str, customer_id: str, invoiced_on: date) -> list[BookedInvoice]:
    """Every invoice whose note holds our marker; QuickBooks cannot filter notes, so the customer's day is read."""
    found = _find(client, where(CustomerRef=customer_id, TxnDate=invoiced_on))
    return [invoice for invoice in found if carries(invoice, marker)]


def changed_invoices(client: QuickBooksClient, since: datetime) -> Iterator[BookedInvoice]:
    """Every invoice that changed at or after an instant, voided ones too; deleted ones are in no query."""
    condition = f"MetaData.LastUpdatedTime >= {literal(since.isoformat(timespec='seconds'))}"
    return _find(client, condition, Priority.MASTERS)


def invoices_by_id(client: QuickBooksClient, external_ids: Sequence[str]) -> list[BookedInvoice]:
    """Those of these invoices that are there; a deleted one is not."""
    named = ", ".join(literal(one) for one in external_ids)
    return list(_find(client, f"Id IN ({named})", Priority.MASTERS)) if external_ids else []


def read_invoice(client: QuickBooksClient, external_id: str) -> BookedInvoice | None:
    """The invoice as it is now, or None when it does not exist (any more)."""
    if not re.fullmatch(r"[0-9]{1,20}", external_id):
        return None  # ids are digits, and what a person typed must not become another address
    try:
        answer = client.read(f"invoice/{external_id}")
    except Missing:
        return None
    return _read_back(answer.get("Invoice"))


def checked_request_id(request_id: str) -> str:
    """The id, unless it has a length that QuickBooks refuses: then Misconfigured."""
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise Misconfigured(f"A request id has 1 to {REQUEST_ID_LIMIT} characters.", reason="request_id_length")
    return request_id


def _named(drafts: Sequence[BatchItem]) -> dict[str, tuple[InvoiceDraft, VendorRefs]]:
    """The items under their names, in order."""
    named: dict[str, tuple[InvoiceDraft, VendorRefs]] = {}
    for position, item in enumerate(drafts, start=1):
        name, draft, refs = item if len(item) == 3 else (str(position), *item)
        if name in named or not 0 < len(name) <= BATCH_ITEM_NAME_LIMIT:
            raise Misconfigured(
                "The items of a batch have names of their own, of 1 to 10 characters.", reason="batch_item"
            )
        named[name] = (draft, refs)
    if len(named) > BATCH_LIMIT:
        raise Misconfigured(f"A batch holds at most {BATCH_LIMIT} invoices, not {len(named)}.", reason="batch_too_long")
    return named


def _written(answer: Mapping[str, Any], draft: InvoiceDraft, trace: str | None) -> BookedInvoice:
    """The invoice in the answer to a write.

    An answer that holds none, or the one of another draft (its request id was used before), leaves the outcome unknown.
    """
    try:
        invoice = booked(answer.get("Invoice"))
    except ValueError as error:
        raise OutcomeUnknown(
            "QuickBooks answered a write without the invoice: probe before it is written again.", trace=trace
        ) from error
    if not carries(invoice, marker_for(draft.shipment_number, draft.generation)):
        raise OutcomeUnknown(
            f"QuickBooks answered with invoice {invoice.external_id}, which is not the one that was sent: "
            "probe before it is written again.",
            reason="other_invoice",
            trace=trace,
        )
    return invoice


def carries(document: BookedInvoice | BookedCredit, marker: str) -> bool:
    """True when the document's note holds our marker whole."""
    return carries_marker(document.note, marker)


def _by_name(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    answered = answer.get("BatchItemResponse")
    items = answered if isinstance(answered, list) else []
    return {str(item.get("bId")): item for item in items if isinstance(item, Mapping)}


def _item_outcome(item: Mapping[str, Any], draft: InvoiceDraft, trace: str | None) -> Outcome:
    errors = tuple(errors_in(item))
    if errors:
        return translate_errors(errors, write=True, trace=trace)
    try:
        return _written(item, draft, trace)
    except OutcomeUnknown as error:
        return error


def _find(client: QuickBooksClient, condition: str, priority: Priority = Priority.PROBES) -> Iterator[BookedInvoice]:
    found = rows(lambda statement: client.select(statement, priority), "Invoice", condition)
    return (_read_back(invoice) for invoice in found)


def _read_back(invoice: Any) -> BookedInvoice:
    """The invoice in the answer to a read; an answer that holds none is no answer."""
    try:
        return booked(invoice)
    except ValueError as error:
        raise Unavailable("QuickBooks gave an unreadable answer: the read can be tried again.") from error
