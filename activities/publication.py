"""Activities of publication: Salesforce is told what became of shipments, and only what it does not show already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.errors import Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.publication import InvoiceStatement, OrderEvent, OrderStatement, StatementOutcome
from domain.work import Published, PublishWork
from store import exceptions, shipments
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.publication import statements
from store.session import reading, transaction
from store.statements import Subject, hash_of, remember, said

ROUNDS = 5  # how often a state that changed while it was being said is said again within one attempt
NOT_THERE = "order_not_in_salesforce"  # an order that was billed by the shipment alone: no news
SALES_DESK = "sales operations"


@dataclass(frozen=True)
class Statement:
    """One thing to say, what it is about, and the order that it belongs to."""

    subject: Subject
    order_number: str
    content: BaseModel

    @property
    def digest(self) -> str:
        """The identity of what is said."""
        return hash_of(self.content)


class PublicationActivities:
    """Steps that write to Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, company: Company) -> None:
        self._engine, self._salesforce = engine, salesforce
        self._words = company.status_words.model_dump()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def publish(self, work: PublishWork) -> Published:
        """State these shipments' orders and invoices; says again what changed meanwhile, so that the newest wins."""
        accepted = refused = 0
        with beating():
            for _ in range(ROUNDS):
                news = self._news(work)
                if not news:
                    break
                accepted, refused = accepted + len(news), refused + self._say(news)
        self._note_published(work)
        return Published(accepted=accepted - refused, refused=refused)

    def _news(self, work: PublishWork) -> list[Statement]:
        """What is true now and was not said yet. Orders come first: invoices and events refer to them."""
        with reading(self._engine) as session:
            now = statements(session, work.shipments, self._words)
            wanted = [Statement(("order", one.order_number), one.order_number, one) for one in now.orders]
            wanted += [Statement(("invoice", one.invoice_key), one.order_number or "", one) for one in now.invoices]
            wanted += [Statement(("event", one.event_key), one.order_number, one) for one in now.events]
            known = said(session, [one.subject for one in wanted])
        return [one for one in wanted if known.get(one.subject) != one.digest]

    def _say(self, news: Sequence[Statement]) -> int:
        """Say it; keeps what was taken, answers how many rows were refused for good."""
        outcomes = [
            *self._each(news, OrderStatement, self._salesforce.publish_orders),
            *self._each(news, InvoiceStatement, self._salesforce.publish_invoices),
            *self._each(news, OrderEvent, self._salesforce.publish_events),
        ]
        later = next((outcome for _, outcome in outcomes if outcome.retryable and not outcome.accepted), None)
        refused = [pair for pair in outcomes if not pair[1].accepted and not pair[1].retryable]
        with transaction(self._engine, self._cause()) as session:
            done = [one for one, outcome in outcomes if outcome.accepted or not outcome.retryable]
            remember(session, [(one.subject, one.order_number, one.digest) for one in done])
            self._open_or_close(session, outcomes, refused)
        if later is not None:
            raise Unavailable(f"Salesforce did not take a row yet: {later.detail}", reason=later.reason)
        return sum(1 for _, outcome in refused if outcome.reason != NOT_THERE)

    def _each(
        self, news: Sequence[Statement], kind: type[BaseModel], publish: Callable[[Any], list[StatementOutcome]]
    ) -> list[tuple[Statement, StatementOutcome]]:
        chosen = [one for one in news if isinstance(one.content, kind)]
        return list(zip(chosen, publish([one.content for one in chosen]), strict=True)) if chosen else []

    def _open_or_close(
        self,
        session: Session,
        outcomes: Sequence[tuple[Statement, StatementOutcome]],
        refused: Sequence[tuple[Statement, StatementOutcome]],
    ) -> None:
        """A refused row is work for a person; an order whose rows were all taken has none open (feature G-I2)."""
        troubled = {one.order_number: outcome for one, outcome in refused if outcome.reason != NOT_THERE}
        for order_number, outcome in troubled.items():
            _open(session, order_number, outcome)
        for order_number in {one.order_number for one, _ in outcomes} - troubled.keys():
            exceptions.close_by_itself(session, ("order", order_number), datetime.now(UTC))

    def _note_published(self, work: PublishWork) -> None:
        with transaction(self._engine, self._cause()) as session:
            shipments.mark_published(session, work.shipments, datetime.now(UTC))

    def _cause(self) -> ChangeCause:
        workflow_id = activity.info().workflow_id
        return ChangeCause(source=CauseSource.SALESFORCE, actor="worker", workflow_id=workflow_id)


def _open(session: Session, order_number: str, outcome: StatementOutcome) -> None:
    sentence = (
        f"Salesforce refused what the gateway states about order {order_number} ({outcome.reason}): {outcome.detail} "
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
        record=("order", order_number),
        money_at_stake=None,
        owner=SALES_DESK,
        workflow_id=None,
    )
