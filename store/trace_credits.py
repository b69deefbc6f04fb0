"""The part of a trace that comes after the invoice: returns, credits and the decisions on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from domain.credits import CreditKind
from domain.invoices import IntentState
from domain.sources import System
from store.tables.credits import CreditIntentRow, CreditRow
from store.tables.exceptions import DecisionRow
from store.trace_stock import TraceEvent


def credit_events(session: Session, numbers: Sequence[str]) -> Iterator[TraceEvent]:
    """What was intended, booked and settled after the invoices of these shipments."""
    asked = select(CreditIntentRow).where(col(CreditIntentRow.shipment_number).in_(numbers))
    for row in session.scalars(asked):
        what = "The voiding of invoice" if row.kind == CreditKind.VOID else "Credit memo"
        base = {"record": row.shipment_number, "reference": row.request_id}
        sentence = f"{what} {row.doc_number} was written down before QuickBooks was asked."
        yield TraceEvent(at=row.intended_at, system=System.GATEWAY, what="credit_intended", sentence=sentence, **base)
        if row.settled_at and row.state != IntentState.BOOKED:
            sentence = f"It was {row.state}: {row.refusal_detail or 'no reason given'}"
            said = f"credit_{row.state}"
            yield TraceEvent(at=row.settled_at, system=System.QUICKBOOKS, what=said, sentence=sentence, **base)
    for credit in session.scalars(select(CreditRow).where(col(CreditRow.shipment_number).in_(numbers))):
        settled = credit.kind == CreditKind.SETTLED
        yield TraceEvent(
            at=credit.booked_at,
            system=System.GATEWAY if settled else System.QUICKBOOKS,
            what=f"{credit.kind}_settled" if settled else f"{credit.kind}_booked",
            sentence=_booked(credit),
            record=credit.shipment_number,
            reference=credit.quickbooks_id,
        )


def _booked(credit: CreditRow) -> str:
    if credit.kind == CreditKind.SETTLED:
        by = credit.decided_by or "the rules"
        return f"{credit.total} were settled without a document, by {by}."
    number = credit.doc_number or credit.quickbooks_id
    if credit.kind == CreditKind.VOID:
        return f"Invoice {number} over {credit.total} was voided."
    return f"Credit memo {number} over {credit.total} was booked."


def decided_to_correct(row: DecisionRow) -> TraceEvent:
    """A decision about what is invoiced."""
    kinds = [one["kind"].replace("_", " ") for one in row.outcome.get("proposals", ())]
    outcome = "hold" if row.outcome.get("findings") else ", ".join(kinds) or "nothing to correct"
    return TraceEvent(
        at=row.made_at,
        system=System.GATEWAY,
        what="decision_correction",
        sentence=f"By policy {row.policy_version} the decision was: {outcome}.",
        record=row.record_key,
        reference=str(row.id),
    )
