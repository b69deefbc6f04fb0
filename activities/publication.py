"""Activities of publication: Salesforce is told what became of shipments, and only what it does not show already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.holding import open_connection_item
from adapters.salesforce.gateway import SalesforceGateway
from domain.company import Company
from domain.errors import GatewayError, Misconfigured, NotAuthorized, Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.publication import InvoiceStatement, OrderEvent, OrderStatement, StatementOutcome
from domain.sources import System
from domain.work import Published, PublishWork
from store import exceptions, shipments
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.publication import statements
from store.session import exclusive, reading, transaction
from store.statements import Subject, doubt, hash_of, remember, said

CONNECTION_ERRORS = (NotAuthorized, Misconfigured)
CONNECTION_PAUSE = timedelta(minutes=2)
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


Outcome = tuple[Statement, StatementOutcome]


class PublicationActivities:
    """Steps that write to Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, company: Company) -> None:
        self._engine, self._salesforce = engine, salesforce
        self._words = company.status_words.model_dump()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def publish(self, work: PublishWork) -> Published:
        """State these shipments' orders and invoices; says again what changed meanwhile, so that the newest wins.

        Two publications of one order follow one another. While Salesforce refuses us, the work waits in the open.
        """
        with beating(), exclusive(self._engine, [f"publication/{one}" for one in self._orders_of(work)]):
            try:
                accepted, refused = self._catch_up(work)
            except CONNECTION_ERRORS as error:
                raise self._waiting_for_connection(error) from error
        self._note_connected()
        return Published(accepted=accepted, refused=refused)

    def _orders_of(self, work: PublishWork) -> list[str]:
        with reading(self._engine) as session:
            return sorted({*shipments.orders_of(session, work.shipments), *work.orders})

    def _catch_up(self, work: PublishWork) -> tuple[int, int]:
        accepted = refused = 0
        for _ in range(ROUNDS):
            news = self._news(work)
            if not news:
                break
            outcomes = self._say(news)
            accepted += sum(outcome.accepted for _, outcome in outcomes)
            refused += sum(not outcome.accepted and outcome.reason != NOT_THERE for _, outcome in outcomes)
            if all(outcome.reason == NOT_THERE for _, outcome in outcomes):
                break
        return accepted, refused

    def _news(self, work: PublishWork) -> list[Statement]:
        """What is true now and was not said yet. Orders come first: invoices and events refer to them."""
        with reading(self._engine) as session:
            now = statements(session, work.shipments, self._words, work.orders)
            wanted = [Statement(("order", one.order_number), one.order_number, one) for one in now.orders]
            wanted += [Statement(("invoice", one.invoice_key), one.order_number or "", one) for one in now.invoices]
            wanted += [Statement(("event", one.event_key), one.order_number, one) for one in now.events]
            known = said(session, [one.subject for one in wanted])
        return [one for one in wanted if known.get(one.subject) != one.digest]

    def _say(self, news: Sequence[Statement]) -> list[Outcome]:
        """Say it, and keep what was answered for good. An order that is not there yet may be there the next time."""
        with transaction(self._engine, self._cause()) as session:
            doubt(session, [one.subject for one in news])
        outcomes = [
            *self._each(news, OrderStatement, self._salesforce.publish_orders),
            *self._each(news, InvoiceStatement, self._salesforce.publish_invoices),
            *self._each(news, OrderEvent, self._salesforce.publish_events),
        ]
        later = next((outcome for _, outcome in outcomes if outcome.retryable and not outcome.accepted), None)
        final = [(one, outcome) for one, outcome in outcomes if outcome.accepted or not outcome.retryable]
        with transaction(self._engine, self._cause()) as session:
            kept = [one for one, outcome in final if outcome.reason != NOT_THERE]
            remember(session, [(one.subject, one.order_number, one.digest) for one in kept])
            shown = [one for one, outcome in final if outcome.accepted and isinstance(one.content, InvoiceStatement)]
            shipments.mark_published(session, [one.subject[1].rsplit(":", 1)[0] for one in shown], datetime.now(UTC))
            self._open_or_close(session, outcomes)
        if later is not None:
            raise Unavailable(f"Salesforce did not take a row yet: {later.detail}", reason=later.reason)
        return outcomes

    def _waiting_for_connection(self, error: GatewayError) -> Unavailable:
        """A refused connection is one piece of work for a person, and the publication goes on trying."""
        with transaction(self._engine, self._cause()) as session:
            open_connection_item(session, System.SALESFORCE, error.detail)
        return Unavailable(error.detail, reason=error.code, retry_after=CONNECTION_PAUSE)

    def _note_connected(self) -> None:
        with transaction(self._engine, self._cause()) as session:
            exceptions.close_by_itself(session, ("connection", System.SALESFORCE), datetime.now(UTC))

    def _each(
        self, news: Sequence[Statement], kind: type[BaseModel], publish: Callable[[Any], list[StatementOutcome]]
    ) -> list[Outcome]:
        chosen = [one for one in news if isinstance(one.content, kind)]
        return list(zip(chosen, publish([one.content for one in chosen]), strict=True)) if chosen else []

    def _open_or_close(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """A refused row is work for a person; an order whose rows were all taken has none open (feature G-I2)."""
        refused = [pair for pair in outcomes if not pair[1].accepted and not pair[1].retryable]
        troubled = {one.order_number: outcome for one, outcome in refused if outcome.reason != NOT_THERE}
        for order_number, outcome in troubled.items():
            _open(session, order_number, outcome)
        for order_number in {one.order_number for one, _ in outcomes} - troubled.keys():
            keep = (Cause.ORDER_INCOMPLETE,)
            exceptions.close_by_itself(session, ("order", order_number), datetime.now(UTC), keep=keep)

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
        record=("order", order_number),
        owner=SALES_DESK,
    )
