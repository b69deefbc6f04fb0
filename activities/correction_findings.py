"""Findings about corrections and returns of what is invoiced, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable

from domain.corrections import CorrectionKind, Proposal
from domain.credits import CreditLine, CreditReason
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import IntentState, InvoiceLine
from domain.money import plain
from store.billing import Situation

CORRECTION_CAUSES = (Cause.CORRECTION_AFTER_INVOICE, Cause.RETURN_AFTER_INVOICE, Cause.CREDIT_REJECTED)
_RETURNS = frozenset({CreditReason.RETURN, CreditReason.RETURN_DAMAGED, CreditReason.RESTOCKING})
_CHOICES = {
    CorrectionKind.SUPPLEMENT: (Choice.POST_SUPPLEMENT, Choice.HANDLED),
    CorrectionKind.CREDIT_MEMO: (Choice.POST_CREDIT, Choice.HANDLED),
    CorrectionKind.VOID: (Choice.VOID_INVOICE, Choice.POST_CREDIT, Choice.HANDLED),
}


def proposal_findings(situation: Situation, proposal: Proposal) -> list[Finding]:
    """What is proposed, why, and why it was not simply made; a person decides on this content and no other."""
    returned = bool(proposal.credit) and all(line.reason in _RETURNS for line in proposal.credit)
    number = situation.row.number
    why = f"Goods of shipment {number} came back" if returned else f"The ERP corrected shipment {number}"
    sentence = (
        f"{why} after it was invoiced. Proposed: {_proposed(proposal)}. It waits because {proposal.by_hand_because}."
    )
    return [
        Finding(
            kind=ExceptionKind.CONFLICT,
            cause=Cause.RETURN_AFTER_INVOICE if returned else Cause.CORRECTION_AFTER_INVOICE,
            sentence=sentence,
            choices=_CHOICES[proposal.kind],
            subject=proposal.digest,
        )
    ]


def refused_finding(proposal: Proposal, doc_number: str, code: str | None, detail: str | None) -> Finding:
    """QuickBooks said no to what was agreed; only a person's decision made after that takes it up again."""
    said = detail or code or "no reason was given"
    sentence = f"QuickBooks refused {doc_number} ({_proposed(proposal)}): {said}"
    return Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.CREDIT_REJECTED,
        sentence=sentence,
        choices=_CHOICES[proposal.kind],
        subject=proposal.digest,
    )


def uncertain_finding(state: str, shipment_number: str, detail: str | None) -> Finding:
    """Why a correction that was agreed is not there yet."""
    said = detail or "QuickBooks did not answer."
    if state == IntentState.UNCERTAIN:
        sentence = (
            f"QuickBooks may or may not have booked the correction of shipment {shipment_number}: {said} It is looked "
            "up again by itself every few minutes before anything is sent again; retry looks at once."
        )
        kind = ExceptionKind.UNCERTAIN
    else:
        sentence = (
            f"The correction of shipment {shipment_number} waits for QuickBooks: {said} It is tried again by itself."
        )
        kind = ExceptionKind.HOLD
    return Finding(kind=kind, cause=Cause.CREDIT_UNCERTAIN, sentence=sentence, choices=(Choice.RETRY,))


def no_link(key: str) -> Finding:
    """A document needs a record of QuickBooks that nobody has linked."""
    sentence = (
        f"{key} has no confirmed link to QuickBooks, so its correction cannot be written. Confirm one with "
        "`threeway links`, and it goes on."
    )
    return Finding(
        kind=ExceptionKind.HOLD,
        cause=Cause.ITEM_NOT_LINKED,
        sentence=sentence,
        choices=(Choice.RETRY,),
        subject=key,
    )


def _proposed(proposal: Proposal) -> str:
    if proposal.kind is CorrectionKind.VOID:
        return f"void its invoice over {proposal.total}"
    if proposal.kind is CorrectionKind.SUPPLEMENT:
        return f"a further invoice over {proposal.total} ({_lines(proposal.bill)})"
    return f"a credit memo over {proposal.total} ({_lines(proposal.credit)})"


def _lines(lines: Iterable[InvoiceLine | CreditLine]) -> str:
    return "; ".join(f"{plain(line.quantity)} {line.uom} {line.sku} at {plain(line.unit_price)}" for line in lines)
