"""The part of a trace that tells what people did to our documents in QuickBooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from domain.document_content import DocumentChange, DocumentKind
from domain.sources import System
from store.tables.documents import DocumentVersionRow
from store.trace_stock import TraceEvent

_WORDS = {
    DocumentChange.RELABELLED: "got another number or due date",
    DocumentChange.RELEASED: "was sent or printed",
    DocumentChange.PARTLY_PAID: "was paid in part",
    DocumentChange.PAID: "was paid",
    DocumentChange.OVERPAID: "was paid more than it comes to",
    DocumentChange.UNPAID: "is unpaid again",
    DocumentChange.EDITED: "was edited by hand",
    DocumentChange.RESTORED: "was made what was booked again",
    DocumentChange.VOIDED: "was voided",
    DocumentChange.DELETED: "was deleted",
}


def document_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    """What was seen of the documents of these shipments; what meant nothing is left out."""
    query = select(DocumentVersionRow).where(
        col(DocumentVersionRow.shipment_number).in_(numbers), col(DocumentVersionRow.change).in_(_WORDS)
    )
    for row in session.scalars(query):
        what = "Invoice" if row.kind == DocumentKind.INVOICE else "Credit memo"
        number = row.content.get("doc_number") or row.quickbooks_id
        stands = f" It comes to {row.content['total']}, {row.balance} of it open."
        gone = row.change in {DocumentChange.VOIDED, DocumentChange.DELETED}
        yield TraceEvent(
            at=row.changed_at or row.seen_at,
            system=System.QUICKBOOKS,
            what=f"{row.kind}_{row.change}",
            sentence=f"{what} {number} {_WORDS[DocumentChange(row.change)]}.{'' if gone else stands}",
            record=row.shipment_number,
            reference=row.quickbooks_id,
        )
