"""The documents of a correction, written down before QuickBooks is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import Session

from domain.company import Company
from domain.corrections import Proposal, settled_lines
from domain.credits import Credit, CreditDraft, CreditKind, credit_number, credit_request_id
from domain.invoices import (
    IntentRole,
    InvoiceDraft,
    VendorRefs,
    request_id_for,
    supplement_number_for,
)
from domain.links import LinkKind
from domain.sources import System
from runtime import metrics
from store import credits, customers, intents, invoices, links
from store.billing import Situation


def credit_intent(
    session: Session, realm: str, situation: Situation, proposal: Proposal, at: datetime, *, as_void: bool
) -> list[str]:
    """Write down a credit memo, or the voiding of an invoice; answers the keys that have no link to QuickBooks."""
    number = situation.row.number
    kind = CreditKind.VOID if as_void else CreditKind.CREDIT_MEMO
    generation = credits.next_generation(session, number)
    customer = proposal.customer_number
    billed = [one for one in invoices.of_shipments(session, [number]) if one.customer_number == customer]
    voided = next((one for one in billed if as_void and one.generation == proposal.invoice_generation), None)
    lines = () if as_void else proposal.credit
    refs, missing = _refs(session, customer, [line.sku for line in lines])
    if missing:
        return missing
    draft = CreditDraft(
        kind=kind,
        shipment_number=number,
        generation=generation,
        doc_number=(voided.doc_number or number) if voided else credit_number(number, generation),
        request_id=credit_request_id(realm, number, generation, kind),
        order_number=situation.row.order_number,
        customer_number=customer,
        credited_on=proposal.dated,
        invoices=tuple(one.doc_number or one.quickbooks_id for one in billed),
        lines=lines,
        total=proposal.total if as_void else sum((line.amount for line in lines), Decimal(0)),
        note=proposal.note,
        proposal=proposal.digest,
        invoice_id=voided.quickbooks_id if voided else None,
        invoice_generation=voided.generation if voided else None,
    )
    credits.add(session, draft, refs, at)
    metrics.count("credits", kind=kind.value, outcome="intended")
    return []


def supplement_intent(
    session: Session, company: Company, realm: str, situation: Situation, proposal: Proposal, at: datetime
) -> list[str]:
    """Write down a further invoice of a shipment; answers the keys that have no link to QuickBooks."""
    shipment, number = situation.shipment, situation.row.number
    generation = intents.next_generation(session, number)
    customer = customers.get_many(session, [proposal.customer_number]).get(proposal.customer_number)
    code = customer.terms_code if customer and customer.terms_code in company.terms else None
    refs, missing = _refs(session, proposal.customer_number, [line.sku for line in proposal.bill], code)
    if missing:
        return missing
    draft = InvoiceDraft(
        shipment_number=number,
        generation=generation,
        role=IntentRole.SUPPLEMENT,
        doc_number=supplement_number_for(number, generation),
        request_id=request_id_for(realm, number, generation),
        order_number=shipment.order_number,
        customer_number=proposal.customer_number,
        terms_code=code,
        purchase_order=shipment.purchase_order,
        shipped_on=company.local_date(shipment.shipped_at),
        invoiced_on=proposal.dated,
        due_on=proposal.dated + timedelta(days=company.terms[code].due_days if code else 0),
        carrier=shipment.carrier,
        tracking=shipment.tracking,
        lines=proposal.bill,
        total=proposal.total,
        note=proposal.note,
        proposal=proposal.digest,
    )
    intents.add(session, draft, refs, at)
    session.flush()
    metrics.count("credits", kind="supplement", outcome="intended")
    return []


def settled_record(
    session: Session, situation: Situation, settled: Sequence[Proposal], by: str | None, at: datetime
) -> None:
    """Keep what was settled without a document, so that nothing is ever credited or billed for it again."""
    for customer in dict.fromkeys(one.customer_number for one in settled):
        mine = [one for one in settled if one.customer_number == customer]
        number = situation.row.number
        lines = tuple(settled_lines(mine))
        credit = Credit(
            kind=CreditKind.SETTLED,
            shipment_number=number,
            generation=credits.next_generation(session, number),
            order_number=situation.row.order_number,
            customer_number=customer,
            doc_number=None,
            quickbooks_id=None,
            total=sum((line.amount for line in lines), Decimal(0)),
            remaining=Decimal(0),
            credited_on=mine[0].dated,
            booked_at=at,
            decided_by=by,
            lines=lines,
        )
        credits.settle(session, credit)
        metrics.count("credits", kind="settled", outcome="booked")


def _refs(
    session: Session, customer_number: str, skus: Sequence[str], terms_code: str | None = None
) -> tuple[VendorRefs, list[str]]:
    """The QuickBooks ids that a document needs, and the keys that have none."""
    owners = links.external_ids(session, System.QUICKBOOKS, LinkKind.CUSTOMER, [customer_number])
    items = links.external_ids(session, System.QUICKBOOKS, LinkKind.ITEM, list(dict.fromkeys(skus))) if skus else {}
    terms = links.external_ids(session, System.QUICKBOOKS, LinkKind.TERMS, [terms_code]) if terms_code else {}
    missing = [customer_number] if customer_number not in owners else []
    missing += [sku for sku in dict.fromkeys(skus) if sku not in items]
    refs = VendorRefs(customer_id=owners.get(customer_number, ""), terms_id=terms.get(terms_code or ""), item_ids=items)
    return refs, missing
