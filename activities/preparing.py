"""Preparing shipments for their invoice: load what is known, let the domain decide, keep decision and intent."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from activities.correcting import Correcting
from activities.findings import changed_since, refusal_finding
from activities.holding import hold_shipment, release_shipment
from adapters.quickbooks.invoices import BATCH_LIMIT
from domain.billing import BillingDecision, BillingInput, decide
from domain.company import Company
from domain.exceptions import Choice, Finding, Resolution
from domain.invoices import IntentState
from domain.matching import MatchInput
from domain.shipments import ShipmentState
from domain.work import Prepared
from runtime import metrics
from store import billing, cursors, decisions, intents, shipments
from store.billing import Situation
from store.returned import SHIPMENTS_TO_LOOK
from store.tables.invoices import InvoiceIntentRow


@dataclass
class Preparation:
    """One set-based step over some shipments; the session's transaction makes it all or nothing."""

    session: Session
    company: Company
    realm: str
    now: datetime
    fresh: list[InvoiceIntentRow] = field(default_factory=list)
    prepared: Prepared = field(default_factory=lambda: Prepared(shipments=[]))
    promised: dict[tuple[str, int], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def run(self, numbers: Sequence[str]) -> Prepared:
        """Prepare these shipments in the order given; running it again changes nothing."""
        self.prepared = Prepared(shipments=list(numbers))
        for situation in billing.situations(self.session, numbers, self._also_billed):
            if situation.returned:
                cursors.strike(self.session, SHIPMENTS_TO_LOOK, [situation.row.number])
            self._prepare(situation)
        for first in range(0, len(self.fresh), BATCH_LIMIT):
            together = self.fresh[first : first + BATCH_LIMIT]
            if len(together) > 1:
                intents.join_batch(self.session, together, batch_id_for(together))
        self.session.flush()
        self.prepared.book.extend(str(row.id) for row in self.fresh)
        metrics.count("shipments", len(self.fresh), outcome="intended")
        metrics.count("shipments", len(self.prepared.held), outcome="held")
        return self.prepared

    @property
    def _also_billed(self) -> tuple[str, ...]:
        return (self.company.billing.freight_sku, *self.company.corrections.fee_skus)

    def _prepare(self, situation: Situation) -> None:
        number, intent = situation.row.number, situation.intent
        if intent and intent.state == IntentState.UNCERTAIN:
            self.prepared.book.append(str(intent.id))
        elif intent and intent.state == IntentState.BOOKED:
            self._look_for_correction(situation)
        elif intent and intent.state == IntentState.INTENDED:
            self._keep_or_withdraw(situation, intent)
        elif intent and intent.state == IntentState.REFUSED:
            self._after_refusal(situation, intent)
        elif situation.row.state == ShipmentState.NOT_BILLED and situation.rulings.do_not_bill:
            self.prepared.settled.append(number)
        elif situation.lapsed_refusal:
            self._hold(situation, changed_since(situation.shipment))
        else:
            self._decide(situation, self._next(intent) if intent else 1)

    def _next(self, intent: InvoiceIntentRow) -> int:
        return intents.next_generation(self.session, intent.shipment_number)

    def _decide(self, situation: Situation, generation: int) -> None:
        given = self._input(situation, generation)
        decision = decide(given)
        self._keep(situation, given, decision)
        if decision.draft and decision.refs:
            self.fresh.append(intents.add(self.session, decision.draft, decision.refs, self.now))
            self._promise(situation, decision)
            shipments.set_state(self.session, situation.row, ShipmentState.INTENDED, at=self.now)
            release_shipment(self.session, situation.row.number, self.now)
        else:
            self._hold_or_settle(situation, decision)

    def _hold_or_settle(self, situation: Situation, decision: BillingDecision) -> None:
        number = situation.row.number
        if decision.findings:
            item = hold_shipment(self.session, situation.row, decision.findings, decision.money_at_stake, self.now)
            self.prepared.held[number] = item
            return
        reason = decision.not_billed_because
        shipments.set_state(self.session, situation.row, ShipmentState.NOT_BILLED, reason=reason)
        release_shipment(self.session, number, self.now)
        self.prepared.settled.append(number)

    def _input(self, situation: Situation, generation: int) -> BillingInput:
        order = situation.order
        before = {
            line.line_no: situation.shipped_before.get(line.line_no, Decimal(0))
            + self.promised[situation.row.order_number, line.line_no]
            for line in (order.lines if order else ())
        }
        case = MatchInput(
            shipment=situation.shipment,
            order=order,
            customer=situation.customer,
            items=situation.items,
            shipped_before=before,
            rulings=situation.rulings,
        )
        return BillingInput(
            case=case,
            links=situation.links,
            company=self.company,
            realm=self.realm,
            generation=generation,
            decided_on=self.company.local_date(self.now),
            returned=situation.returned,
        )

    def _promise(self, situation: Situation, decision: BillingDecision) -> None:
        """What this step bills counts as shipped before for the order's next shipment in the same step."""
        for line in decision.draft.lines if decision.draft else ():
            if line.shipment_line_no is not None:
                self.promised[situation.row.order_number, line.shipment_line_no] += line.quantity

    def _keep(self, situation: Situation, given: BillingInput, decision: BillingDecision) -> None:
        kept = decisions.Decision(
            kind="billing",
            record=("shipment", situation.row.number),
            policy_version=decision.policy_version,
            inputs=given,
            outcome=decision,
            made_at=self.now,
        )
        decisions.keep(self.session, kept)

    def _hold(self, situation: Situation, finding: Finding) -> None:
        item = hold_shipment(self.session, situation.row, (finding,), situation.stake, self.now)
        self.prepared.held[situation.row.number] = item

    def _look_for_correction(self, situation: Situation) -> None:
        """A later statement of an invoiced shipment, or goods that came back: what follows is decided at once (F9).

        It is made or waited for in a flow of its own, and so are refused and open documents of earlier decisions.
        """
        number = situation.row.number
        if not situation.to_correct:
            release_shipment(self.session, number, self.now)
            self.prepared.settled.append(number)
            return
        newest = billing.situations(self.session, [number], self._also_billed, newest=True)[0]
        corrected = Correcting(self.session, self.company, self.realm, self.now, newest).run()
        if corrected.held:
            self.prepared.held[number] = corrected.held
        else:
            self.prepared.settled.append(number)
        if corrected.held or corrected.documents:
            self.prepared.correct.append(number)

    def _keep_or_withdraw(self, situation: Situation, intent: InvoiceIntentRow) -> None:
        """What QuickBooks has not been asked for yet can still be taken back or corrected (O10, F9)."""
        why = "a person decided not to bill it" if situation.rulings.do_not_bill else "the ERP corrected it in time"
        came_back = bool(situation.returned) and not self._unchanged(situation, intent)
        changed = situation.rulings.do_not_bill or situation.pending or came_back
        if changed and intents.settle(self.session, intent.id, IntentState.WITHDRAWN, detail=why):
            shipments.set_state(self.session, situation.row, ShipmentState.RECEIVED)
            self._decide(self._restated(situation), self._next(intent))
        else:
            self.prepared.book.append(str(intent.id))

    def _restated(self, situation: Situation) -> Situation:
        """The situation by the statement that counts now."""
        if situation.pending is None:
            return situation
        shipments.restate(self.session, situation.row, situation.pending.shipment, situation.pending.row)
        self.session.flush()
        return billing.situations(self.session, [situation.row.number], self._also_billed)[0]

    def _after_refusal(self, situation: Situation, intent: InvoiceIntentRow) -> None:
        """QuickBooks said no: only a person's decision made after that takes it up again.

        A correction that came while QuickBooks was asked is what there is to bill now.
        """
        situation = self._restated(situation)
        decision = situation.decision_after(intent.settled_at)
        if decision is None:
            self._hold(situation, refusal_finding(intent))
        elif decision.choice is Choice.ADOPT_INVOICE:
            self._revive(situation, intent, decision)
        elif decision.choice is Choice.RETRY and self._unchanged(situation, intent):
            self._revive(situation, intent, None)
        else:
            self._decide(situation, self._next(intent))

    def _unchanged(self, situation: Situation, intent: InvoiceIntentRow) -> bool:
        again = decide(self._input(situation, intent.generation))
        if again.draft is None or again.refs is None:
            return False
        return intents.payload_hash(again.draft, again.refs) == intent.payload_hash

    def _revive(self, situation: Situation, intent: InvoiceIntentRow, decision: Resolution | None) -> None:
        intents.revive(self.session, intent, quickbooks_id=decision.value if decision else None)
        shipments.set_state(self.session, situation.row, ShipmentState.INTENDED, at=self.now)
        self.prepared.book.append(str(intent.id))


def batch_id_for(rows: Sequence[InvoiceIntentRow]) -> str:
    """The identity of a batch: a function of the requests in it, at most 36 characters."""
    digest = hashlib.sha256("|".join(row.request_id for row in rows).encode()).hexdigest()
    return f"tw-{digest[:32]}"
