"""Activities of publication: Salesforce is told what became of shipments, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.errors import Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.publication import StatementOutcome
from domain.work import Published, PublishWork
from store import exceptions, shipments
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.publication import Statements, statements
from store.session import reading, transaction

ROUNDS = 5  # how often a state that changed while it was being said is said again within one attempt
NOT_THERE = "order_not_in_salesforce"  # an order that was billed by the shipment alone: no news


class PublicationActivities:
    """Steps that write to Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, company: Company) -> None:
        self._engine, self._salesforce = engine, salesforce
        self._words = company.status_words.model_dump()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def publish(self, work: PublishWork) -> Published:
        """State these shipments' orders and invoices; says again what changed meanwhile, so that the newest wins."""
        with beating():
            said = self._load(work)
            outcomes = self._say(said)
            for _ in range(ROUNDS):
                now_true = self._load(work)
                if now_true == said:
                    break
                said, outcomes = now_true, self._say(now_true)
        return self._settle(work, outcomes)

    def _load(self, work: PublishWork) -> Statements:
        with reading(self._engine) as session:
            return statements(session, work.shipments, self._words)

    def _say(self, said: Statements) -> list[tuple[str, StatementOutcome]]:
        """Orders first: invoices and events refer to them."""
        keys = [one.order_number for one in said.orders]
        outcomes = list(zip(keys, self._salesforce.publish_orders(said.orders), strict=True))
        absent = {key for key, outcome in outcomes if outcome.reason == NOT_THERE}
        bills = [
            one if one.order_number not in absent else one.model_copy(update={"order_number": None})
            for one in said.invoices
        ]
        events = [one for one in said.events if one.order_number not in absent]
        orders_of_bills = [one.order_number or "" for one in said.invoices]
        outcomes += zip(orders_of_bills, self._salesforce.publish_invoices(bills), strict=True)
        outcomes += zip([one.order_number for one in events], self._salesforce.publish_events(events), strict=True)
        return outcomes

    def _settle(self, work: PublishWork, outcomes: Sequence[tuple[str, StatementOutcome]]) -> Published:
        """Keep what was taken; rows that may pass later are tried again, the others become work for a person."""
        later = next((outcome for _, outcome in outcomes if not outcome.accepted and outcome.retryable), None)
        refused = {
            order: outcome
            for order, outcome in outcomes
            if not outcome.accepted and not outcome.retryable and outcome.reason != NOT_THERE
        }
        cause = ChangeCause(source=CauseSource.SALESFORCE, actor="worker", workflow_id=activity.info().workflow_id)
        with transaction(self._engine, cause) as session:
            for order, outcome in refused.items():
                self._refuse(session, order, outcome)
            for order in {order for order, _ in outcomes} - refused.keys():
                exceptions.close_by_itself(session, ("order", order), datetime.now(UTC))
            if not refused and later is None:
                shipments.mark_published(session, work.shipments, datetime.now(UTC))
        if later is not None:
            raise Unavailable(f"Salesforce did not take a row yet: {later.detail}", reason=later.reason)
        return Published(accepted=len(outcomes) - len(refused), refused=len(refused))

    def _refuse(self, session: Session, order: str, outcome: StatementOutcome) -> None:
        sentence = (
            f"Salesforce refused what the gateway states about order {order} ({outcome.reason}): {outcome.detail} "
            "Mend the record or the rule there, then retry."
        )
        finding = Finding(
            kind=ExceptionKind.DEAD_LETTER,
            cause=Cause.PUBLICATION_REJECTED,
            sentence=sentence,
            choices=(Choice.RETRY, Choice.HANDLED),
        )
        exceptions.open_item(
            session,
            finding=finding,
            findings=(finding,),
            choices=finding.choices,
            record=("order", order),
            money_at_stake=None,
            owner="sales operations",
            workflow_id=None,
        )
