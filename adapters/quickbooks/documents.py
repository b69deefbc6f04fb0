"""Invoices and credit memos in the vendor's words: a draft on its way in, what was booked on its way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.credits import BookedCredit, CreditDraft, CreditLine, credit_marker
from domain.errors import Malformed, Missing
from domain.invoices import (
    DOC_NUMBER_LIMIT,
    BookedInvoice,
    IntentRole,
    InvoiceDraft,
    InvoiceLine,
    VendorRefs,
    marker_for,
)
from domain.money import to_cents

NOTE_LIMIT = 4000
DESCRIPTION_LIMIT = 4000
CARRIER_LIMIT = 30


def invoice_body(draft: InvoiceDraft, refs: VendorRefs) -> dict[str, object]:
    """The invoice in the vendor's words, plain data with exact numbers. Missing: an item has no link.

    Every flag that could make QuickBooks mail, print or charge by itself is off. `ShipMethodRef` is free text there.
    """
    if len(draft.doc_number) > DOC_NUMBER_LIMIT:
        raise Malformed(f"An invoice number has at most {DOC_NUMBER_LIMIT} characters.", doc_number=draft.doc_number)
    body: dict[str, object | None] = {
        "CustomerRef": {"value": refs.customer_id},
        "TxnDate": draft.invoiced_on.isoformat(),
        "DueDate": draft.due_on.isoformat(),
        "SalesTermRef": {"value": refs.terms_id} if refs.terms_id else None,
        "DocNumber": draft.doc_number,
        "PrivateNote": _note(draft),
        "EmailStatus": "NotSet",
        "PrintStatus": "NotSet",
        "AllowIPNPayment": False,
        "AllowOnlineACHPayment": False,
        "AllowOnlineCreditCardPayment": False,
        "ShipDate": draft.shipped_on.isoformat(),
        "TrackingNum": draft.tracking or None,
        "ShipMethodRef": {"value": draft.carrier[:CARRIER_LIMIT]} if draft.carrier else None,
        "Line": [_line(line, refs) for line in draft.lines],
    }
    return {name: value for name, value in body.items() if value is not None}


def booked(invoice: Any) -> BookedInvoice:
    """What QuickBooks holds, in our words. ValueError when it is no invoice."""
    try:
        return _booked(invoice)
    except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError("this is no QuickBooks invoice") from error


def _booked(invoice: Mapping[str, Any]) -> BookedInvoice:
    meta = invoice.get("MetaData") or {}
    return BookedInvoice(
        external_id=str(invoice["Id"]),
        doc_number=invoice.get("DocNumber") or None,
        sync_token=str(invoice["SyncToken"]),
        customer_id=str(invoice["CustomerRef"]["value"]),
        total=_money(invoice["TotalAmt"]),
        tax=_money((invoice.get("TxnTaxDetail") or {}).get("TotalTax", 0)),
        balance=_money(invoice.get("Balance", 0)),
        note=invoice.get("PrivateNote") or "",
        invoiced_on=date.fromisoformat(invoice["TxnDate"][:10]) if invoice.get("TxnDate") else None,
        created_at=_instant(meta.get("CreateTime")),
        updated_at=_instant(meta.get("LastUpdatedTime")),
        sent=invoice.get("EmailStatus") in {"EmailSent", "NeedToSend"} or bool(invoice.get("DeliveryInfo")),
        applied=bool(invoice.get("LinkedTxn")),
        voided=_is_voided(invoice),
    )


def _is_voided(invoice: Mapping[str, Any]) -> bool:
    """A void leaves the document with everything at zero and a word before its note; there is no field for it."""
    nothing = _money(invoice["TotalAmt"]) == 0 and _money(invoice.get("Balance", 0)) == 0
    return nothing and str(invoice.get("PrivateNote") or "").startswith("Voided")


def credit_body(draft: CreditDraft, refs: VendorRefs) -> dict[str, object]:
    """The credit memo in the vendor's words, plain data with exact numbers. Missing: an item has no link.

    Nothing that could make QuickBooks mail or print it by itself is on. It is not applied to an invoice: what a payment
    or a credit stands against is decided by whoever keeps the books.
    """
    if len(draft.doc_number) > DOC_NUMBER_LIMIT:
        raise Malformed(f"A credit memo's number has at most {DOC_NUMBER_LIMIT} characters.", number=draft.doc_number)
    return {
        "CustomerRef": {"value": refs.customer_id},
        "TxnDate": draft.credited_on.isoformat(),
        "DocNumber": draft.doc_number,
        "PrivateNote": _credit_note(draft),
        "EmailStatus": "NotSet",
        "PrintStatus": "NotSet",
        "Line": [_line(line, refs) for line in draft.lines],
    }


def booked_credit(credit: Any) -> BookedCredit:
    """What QuickBooks holds of a credit memo, in our words. ValueError when it is none."""
    try:
        meta = credit.get("MetaData") or {}
        return BookedCredit(
            external_id=str(credit["Id"]),
            doc_number=credit.get("DocNumber") or None,
            sync_token=str(credit["SyncToken"]),
            customer_id=str(credit["CustomerRef"]["value"]),
            total=_money(credit["TotalAmt"]),
            tax=_money((credit.get("TxnTaxDetail") or {}).get("TotalTax", 0)),
            remaining=_money(credit.get("RemainingCredit", credit.get("Balance", 0))),
            note=credit.get("PrivateNote") or "",
            credited_on=date.fromisoformat(credit["TxnDate"][:10]) if credit.get("TxnDate") else None,
            updated_at=_instant(meta.get("LastUpdatedTime")),
        )
    except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError("this is no QuickBooks credit memo") from error


def _credit_note(draft: CreditDraft) -> str:
    words = [f"shipment {draft.shipment_number}", f"order {draft.order_number}"]
    words += [f"of invoice {', '.join(draft.invoices)}"] if draft.invoices else []
    returns = dict.fromkeys(line.rma for line in draft.lines if line.rma)
    words += [f"return {', '.join(returns)}"] if returns else []
    words += [draft.note] if draft.note else []
    return f"{credit_marker(draft.shipment_number, draft.generation)}\n{', '.join(words)}"[:NOTE_LIMIT]


def _note(draft: InvoiceDraft) -> str:
    words = [f"shipment {draft.shipment_number}", f"order {draft.order_number}"]
    if draft.purchase_order:
        words.append(f"purchase order {draft.purchase_order}")
    if draft.role is IntentRole.SUPPLEMENT:
        words.append("what was corrected after the first invoice")
    if draft.note:
        words.append(draft.note)
    return f"{marker_for(draft.shipment_number, draft.generation)}\n{', '.join(words)}"[:NOTE_LIMIT]


def _line(line: InvoiceLine | CreditLine, refs: VendorRefs) -> dict[str, object]:
    item_id = refs.item_ids.get(line.sku)
    if item_id is None:
        raise Missing(
            f"Item {line.sku} has no link to QuickBooks: confirm one.", reason="item_not_linked", sku=line.sku
        )
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": line.amount,
        "Description": line.description[:DESCRIPTION_LIMIT],
        "SalesItemLineDetail": {
            "ItemRef": {"value": item_id},
            "Qty": line.quantity,
            "UnitPrice": line.unit_price,
            "TaxCodeRef": {"value": "TAX" if line.taxable else "NON"},
        },
    }


def _money(value: object) -> Decimal:
    return to_cents(Decimal(str(value)))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
