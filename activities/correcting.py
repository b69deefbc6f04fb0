"""Correcting what is invoiced: load the books, let the domain decide, make what is allowed, ask about the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Session

from activities.correction_documents import credit_intent, settled_record, supplement_intent
from activities.correction_findings import no_link, proposal_findings, refused_finding
from activities.correction_history import Tried, agreed_upon, documents_under_way, refusal_against
from activities.holding import BILLING_DESK, hold_shipment, release_shipment
from domain.billing import BillingInput
from domain.company import Company
from domain.corrections import CorrectionDecision, CorrectionInput, CorrectionKind, Proposal, correct
from domain.exceptions import Cause, Choice, ExceptionItem
from domain.invoices import IntentState
from domain.matching import MatchInput
from store import credits, cursors, decisions, exceptions, invoices, shipments
from store.billing import Situation
from store.returned import SHIPMENTS_TO_LOOK

BOOKS_CLOSED = "quickbooks-books-closed"  # the cursor that keeps until when the books are closed
MAKES = {
    Choice.POST_CREDIT: frozenset({CorrectionKind.CREDIT_MEMO, CorrectionKind.VOID}),
    Choice.POST_SUPPLEMENT: frozenset({CorrectionKind.SUPPLEMENT}),
    Choice.VOID_INVOICE: frozenset({CorrectionKind.VOID}),
}


@dataclass
class Corrected:
    """What a look at an invoiced shipment came to: the work that holds something, and whether documents are to go."""

    held: str | None = None
    documents: bool = False


@dataclass
class Correcting:
    """One look at one invoiced shipment by its newest statement; the session's transaction makes it all or nothing."""

    session: Session
    company: Company
    realm: str
    now: datetime
    situation: Situation
    result: Corrected = field(default_factory=Corrected)

    def run(self) -> Corrected:
        """Bring the books one step nearer to what they should say; running it again changes nothing."""
        number = self.situation.row.number
        cursors.strike(self.session, SHIPMENTS_TO_LOOK, [number])
        decision = self._decide()
        if documents_under_way(self.session, number, {one.digest for one in decision.proposals}):
            self.result.documents = True
            return self.result
        waiting = self._make(decision)
        if self.result.documents and not waiting:
            release_shipment(self.session, number, self.now, keep=(Cause.RETURN_UNMATCHED,))
        elif waiting or decision.findings:
            self._ask(decision, waiting)
        elif not self.result.documents:
            self._done()
        self._notify(decision)
        return self.result

    def _decide(self) -> CorrectionDecision:
        given = self._input()
        decision = correct(given)
        kept = decisions.Decision(
            kind="correction",
            record=("shipment", self.situation.row.number),
            policy_version=decision.policy_version,
            inputs=given,
            outcome=decision,
            made_at=self.now,
        )
        decisions.keep(self.session, kept)
        return decision

    def _input(self) -> CorrectionInput:
        situation, number = self.situation, self.situation.row.number
        case = MatchInput(
            shipment=situation.shipment,
            order=situation.order,
            customer=situation.customer,
            items=situation.items,
            shipped_before=situation.shipped_before,
            rulings=situation.rulings,
        )
        statement = BillingInput(
            case=case,
            links=situation.links,
            company=self.company,
            realm=self.realm,
            generation=situation.intent.generation if situation.intent else 1,
            decided_on=self.company.local_date(self.now),
        )
        return CorrectionInput(
            statement=statement,
            before=situation.before,
            invoices=invoices.facts_of(self.session, [number])[number],
            credits=tuple(credits.of_shipments(self.session, [number])[number]),
            returns=situation.returned,
            closed_until=closed_until(self.session),
        )

    def _make(self, decision: CorrectionDecision) -> list[tuple[Proposal, Tried | None]]:
        """Make what may be made; answers what waits for a person, with the refusal that it waits for, if any."""
        agreed = agreed_upon(self.session, self.situation.row.number)
        tries = Tried.of(self.session, self.situation.row.number)
        waiting: list[tuple[Proposal, Tried | None]] = []
        settled: list[Proposal] = []
        for one in decision.proposals:
            said = agreed.get(one.digest)
            tried = refusal_against(tries, one, said)
            choice = said.choice if said else None
            if choice is Choice.HANDLED or (tried is None and one.kind is CorrectionKind.SETTLED):
                settled.append(one)
            elif tried is None and (one.by_hand_because is None or choice in MAKES):
                self._intend(one, choice)
            else:
                waiting.append((one, tried))
        if settled:
            by = next((agreed[one.digest].by for one in settled if one.digest in agreed), None)
            settled_record(self.session, self.situation, settled, by, self.now)
        return waiting

    def _intend(self, proposal: Proposal, choice: Choice | None) -> None:
        """Write a document down before QuickBooks is asked; without a link that it needs it waits instead."""
        as_credit = proposal.kind is CorrectionKind.CREDIT_MEMO or (
            proposal.kind is CorrectionKind.VOID and choice is Choice.POST_CREDIT
        )
        if proposal.kind is CorrectionKind.SUPPLEMENT:
            missing = supplement_intent(self.session, self.company, self.realm, self.situation, proposal, self.now)
        else:
            if self._credit_open():
                return  # one at a time: the next is decided upon what came of this one
            missing = credit_intent(self.session, self.realm, self.situation, proposal, self.now, as_void=not as_credit)
        if missing:
            self.result.held = hold_shipment(
                self.session,
                self.situation.row,
                [no_link(key) for key in missing],
                proposal.total,
                self.now,
                state=None,
                flow="credit",
            )
        else:
            self.result.documents = True

    def _credit_open(self) -> bool:
        mine = credits.intents_of(self.session, [self.situation.row.number])[self.situation.row.number]
        return any(one.state in {IntentState.INTENDED, IntentState.UNCERTAIN} for one in mine)

    def _ask(self, decision: CorrectionDecision, waiting: Sequence[tuple[Proposal, Tried | None]]) -> None:
        findings = list(decision.findings)
        for proposal, tried in waiting:
            if tried is None:
                findings += proposal_findings(self.situation, proposal)
            else:
                findings.append(refused_finding(proposal, tried.doc_number, tried.code, tried.detail))
        stake = sum((one.total for one, _ in waiting), Decimal(0)) or decision.money_at_stake
        self.result.held = hold_shipment(
            self.session,
            self.situation.row,
            findings,
            stake,
            self.now,
            state=None,
            keep=(Cause.RETURN_UNMATCHED,),
            flow="credit",
        )

    def _done(self) -> None:
        """The books say what they should: the newest statement is what is billed now."""
        if self.result.held:
            return
        situation, pending = self.situation, self.situation.pending
        if pending:
            shipments.restate(self.session, situation.row, pending.shipment, pending.row)
        release_shipment(self.session, situation.row.number, self.now, keep=(Cause.RETURN_UNMATCHED,))

    def _notify(self, decision: CorrectionDecision) -> None:
        """What a person should know besides; what was handled is not shown again."""
        record = ("shipment", self.situation.row.number)
        handled = _subjects(exceptions.resolved_of_record(self.session, record, (Cause.RETURN_UNMATCHED,)))
        news = [one for one in decision.notices if one.subject not in handled]
        if not news:
            exceptions.close_by_itself(
                self.session, record, self.now, keep=[cause for cause in Cause if cause is not Cause.RETURN_UNMATCHED]
            )
            return
        item = exceptions.open_item(
            self.session,
            finding=news[0],
            findings=news,
            record=record,
            owner=BILLING_DESK,
            workflow_id=f"credit/{self.situation.row.number}",
        )
        self.result.held = self.result.held or item


def _subjects(items: Sequence[ExceptionItem]) -> set[str]:
    return {finding.subject for item in items for finding in item.findings if finding.subject}


def closed_until(session: Session) -> date | None:
    """Until when the books are closed, as QuickBooks said last; None where no period is."""
    found = cursors.get(session, BOOKS_CLOSED)
    stated = (found.position or {}).get("closed_until") if found else None
    return date.fromisoformat(stated) if stated else None
