"""Findings about what is invoiced or refused already, in words for a person."""

from __future__ import annotations

from decimal import Decimal

from domain.billing import stated_amount
from domain.errors import Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import BookedInvoice, IntentState, InvoiceDraft
from domain.shipments import Shipment
from store.tables.invoices import InvoiceIntentRow

EARLIER_INVOICE = "earlier_invoice"  # the refusal of ours when an invoice of an earlier attempt is there after all
_AFTER_EARLIER = (Choice.BILL_AGAIN, Choice.ADOPT_INVOICE, Choice.DO_NOT_BILL)


def refusal_finding(intent: InvoiceIntentRow) -> Finding:
    """Why QuickBooks refused, and what may be done about it."""
    taken = intent.refusal_code == "duplicate"
    said = intent.refusal_detail or "no reason was given"
    sentence = (
        f"QuickBooks has another invoice numbered {intent.doc_number} that is not ours. {said}"
        if taken
        else f"QuickBooks refused the invoice of shipment {intent.shipment_number}: {said}"
    )
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.DOC_NUMBER_TAKEN if taken else Cause.INVOICE_REJECTED,
        sentence=sentence,
        choices=_AFTER_EARLIER if intent.refusal_code == EARLIER_INVOICE else (Choice.RETRY, *_AFTER_EARLIER),
    )


def changed_since(shipment: Shipment) -> Finding:
    """A person decided not to bill a shipment that the ERP states otherwise now: that decision does not carry over."""
    sentence = (
        f"A person decided not to bill shipment {shipment.number}; since then the ERP states it otherwise "
        f"({stated_amount(shipment)} now). Bill it as it is stated now, or decide again not to."
    )
    return Finding(
        kind=ExceptionKind.HOLD,
        cause=Cause.NOT_BILLED,
        sentence=sentence,
        choices=(Choice.BILL_AGAIN, Choice.DO_NOT_BILL),
    )


def difference(draft: InvoiceDraft, booked: BookedInvoice) -> tuple[Finding, Decimal]:
    """QuickBooks booked another amount than was meant, tax aside; answers by how much, too."""
    sentence = (
        f"Invoice {booked.doc_number} of shipment {draft.shipment_number} came out at {booked.total} in QuickBooks "
        f"(tax {booked.tax}), {draft.total} was meant. Compare the two there, then mark this as handled."
    )
    return _differs(sentence), abs(booked.total - booked.tax - draft.total)


def surplus(draft: InvoiceDraft, booked: BookedInvoice) -> Finding:
    """An attempt that was given up was booked after all, beside a later one."""
    return _differs(
        f"QuickBooks has invoice {booked.doc_number} (id {booked.external_id}) over {booked.total} of an attempt at "
        f"shipment {draft.shipment_number} that was refused, and a later attempt is under way. Void one of the two "
        "there, then mark this as handled."
    )


def _differs(sentence: str) -> Finding:
    return Finding(
        kind=ExceptionKind.CONFLICT, cause=Cause.INVOICE_DIFFERS, sentence=sentence, choices=(Choice.HANDLED,)
    )


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
    choices = (Choice.RETRY, Choice.DO_NOT_BILL)
    return Finding(kind=ExceptionKind.HOLD, cause=Cause.CONNECTION_REFUSED, sentence=sentence, choices=choices)
