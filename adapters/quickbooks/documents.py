"""Invoices and credit memos in the vendor's words: a draft on its way in, what was booked on its way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.credits import BookedCredit, CreditDraft, CreditLine, credit_marker
from domain.document_content import Content, ContentLine, is_marked
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
MONEY_LINES = frozenset({"SalesItemLineDetail", "DiscountLineDetail"})


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
        invoiced_on=_day(invoice.get("TxnDate")),
        created_at=_instant(meta.get("CreateTime")),
        updated_at=_instant(meta.get("LastUpdatedTime")),
        sent=_is_sent(invoice),
        applied=bool(invoice.get("LinkedTxn")),
        voided=_is_voided(invoice),
        content=content_of(invoice),
    )


def _is_sent(document: Mapping[str, Any]) -> bool:
    """Whether somebody let it go: it was mailed or is about to be, or it was printed."""
    mailed = document.get("EmailStatus") in {"EmailSent", "NeedToSend"} or bool(document.get("DeliveryInfo"))
    return mailed or document.get("PrintStatus") == "PrintComplete"


def content_of(document: Mapping[str, Any]) -> Content:
    """What it means. A subtotal repeats other lines, and a description moves no money."""
    return Content(
        customer_id=str(document["CustomerRef"]["value"]),
        doc_number=document.get("DocNumber") or None,
        dated=_day(document.get("TxnDate")),
        due_on=_day(document.get("DueDate")),
        lines=tuple(_content_lines(document.get("Line") or ())),
        tax=_money((document.get("TxnTaxDetail") or {}).get("TotalTax", 0)),
        total=_money(document["TotalAmt"]),
        marked=is_marked(str(document.get("PrivateNote") or "")),
    )


def _content_lines(lines: Iterable[Mapping[str, Any]]) -> Iterator[ContentLine]:
    for line in lines:
        kind = line.get("DetailType")
        if kind == "GroupLineDetail":
            yield from _content_lines(line["GroupLineDetail"].get("Line") or ())
        elif kind in MONEY_LINES:
            detail = line.get(kind) or {}
            amount = _money(line.get("Amount", 0))
            yield ContentLine(
                item_id=(detail.get("ItemRef") or {}).get("value"),
                quantity=_exact(detail.get("Qty")),
                unit_price=_exact(detail.get("UnitPrice")),
                amount=-amount if kind == "DiscountLineDetail" else amount,
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
            credited_on=_day(credit.get("TxnDate")),
            updated_at=_instant(meta.get("LastUpdatedTime")),
            sent=_is_sent(credit),
            voided=_is_voided(credit),
            content=content_of(credit),
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


def _exact(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _money(value: object) -> Decimal:
    return to_cents(Decimal(str(value)))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
