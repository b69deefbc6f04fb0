"""Activities of publication: Salesforce is told what became of orders, and only what it does not show already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity

from activities.boundary import at_boundary, beating
from activities.holding import open_connection_item
from activities.order_settlement import Settlement, SettlingRules
from adapters.salesforce.gateway import SalesforceGateway
from adapters.salesforce.statements import MISSING_ACCOUNT, MISSING_LINE, MISSING_ORDER
from domain.errors import GatewayError, Misconfigured, NotAuthorized, Unavailable
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.publication import (
    AccountStatement,
    InvoiceStatement,
    OrderEvent,
    OrderLineStatement,
    OrderPart,
    OrderUnit,
    StatementOutcome,
)
from domain.sources import System
from domain.work import Published, PublishWork
from store import accounts, exceptions, order_marks, order_states, shipments
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.publication import Statements, statements
from store.session import exclusive, reading, transaction
from store.statements import Subject, doubt, hash_of, remember, said

CONNECTION_ERRORS = (NotAuthorized, Misconfigured)
CONNECTION_PAUSE = timedelta(minutes=2)
ROUNDS = 5  # how often a state that changed while it was being said is said again within one attempt
# No news: an order that was billed by the shipment alone, a line that was deleted since, a customer of the ERP alone.
NOT_THERE = frozenset({MISSING_ORDER, MISSING_LINE, MISSING_ACCOUNT})
OTHER_CAUSES = tuple(cause for cause in Cause if cause is not Cause.PUBLICATION_REJECTED)
SALES_DESK = "sales operations"


@dataclass(frozen=True)
class Statement:
    """One thing to say, what it is about, and the record of ours that it belongs to: an order or a customer."""

    subject: Subject
    record: tuple[str, str]
    content: OrderPart | AccountStatement

    @property
    def digest(self) -> str:
        """The identity of what is said."""
        return hash_of(self.content)

    @property
    def order_number(self) -> str:
        """The order that it belongs to, empty for what belongs to none."""
        return self.record[1] if self.record[0] == "order" else ""

    def is_news(self, known: Mapping[Subject, str]) -> bool:
        """Whether Salesforce does not show it: an event is said once, and a line not before something befell it."""
        before = known.get(self.subject)
        if isinstance(self.content, OrderEvent) and before:
            return False
        if isinstance(self.content, OrderLineStatement) and before is None and self.content.is_blank:
            return False
        return before != self.digest


Outcome = tuple[Statement, StatementOutcome]
Absent = frozenset[tuple[Subject, str]]  # what Salesforce had no record for during one attempt


class PublicationActivities:
    """Steps that write to Salesforce."""

    def __init__(self, engine: Engine, salesforce: SalesforceGateway, rules: SettlingRules) -> None:
        self._engine, self._salesforce, self._rules = engine, salesforce, rules
        self._words = rules.company.status_words.model_dump()

    @activity.defn(no_thread_cancel_exception=True)
    @at_boundary
    def publish(self, work: PublishWork) -> Published:
        """State these shipments' orders and invoices, and what their customers owe; says again what changed meanwhile,
        so that the newest wins.

        Two publications of one order or customer follow one another. While Salesforce refuses us, the work waits in
        the open.
        """
        whole, names = self._with_customers(work)
        with beating(), exclusive(self._engine, names):
            try:
                accepted, refused = self._catch_up(whole)
            except CONNECTION_ERRORS as error:
                raise self._waiting_for_connection(error) from error
        self._note_connected()
        return Published(accepted=accepted, refused=refused)

    def _with_customers(self, work: PublishWork) -> tuple[PublishWork, list[str]]:
        """The work with the customers of its invoices, and the names under which it is done alone."""
        with reading(self._engine) as session:
            orders = sorted({*shipments.orders_of(session, work.shipments), *work.orders})
            customers = sorted({*accounts.billed_on(session, orders), *work.customers})
        names = [f"publication/{one}" for one in orders] + [f"publication/customer/{one}" for one in customers]
        return work.model_copy(update={"orders": orders, "customers": customers}), names

    def _catch_up(self, work: PublishWork) -> tuple[int, int]:
        accepted = refused = 0
        absent: Absent = frozenset()
        for _ in range(ROUNDS):
            at = datetime.now(UTC)
            news = [one for one in self._news(work, at) if (one.subject, one.digest) not in absent]
            if not news:
                self._note_said(work, at)
                break
            outcomes = [outcome for together in _in_turn(news) for outcome in self._say(together)]
            accepted += sum(outcome.accepted for _, outcome in outcomes)
            refused += sum(not outcome.accepted and outcome.reason not in NOT_THERE for _, outcome in outcomes)
            absent |= {(one.subject, one.digest) for one, outcome in outcomes if outcome.reason in NOT_THERE}
        return accepted, refused

    def _news(self, work: PublishWork, at: datetime) -> list[Statement]:
        """What is true now and was not said yet: orders of which anything changed are looked at first."""
        with transaction(self._engine, self._cause()) as session:
            Settlement(session, self._rules, at).settle(order_marks.to_look_at(session, work.orders))
        with reading(self._engine) as session:
            now = statements(
                session,
                work.shipments,
                self._words,
                work.orders,
                work.customers,
                self._rules.lifecycle,
                holds=self._rules.company.orders.credit != "off",
            )
            wanted = list(_all_of(now))
            known = said(session, [one.subject for one in wanted])
        return [one for one in wanted if one.is_news(known)]

    def _note_said(self, work: PublishWork, at: datetime) -> None:
        """All that was true of these orders then is shown, or cannot be: the sweep has nothing to make good."""
        if work.orders:
            with transaction(self._engine, self._cause()) as session:
                order_states.mark_said(session, work.orders, at)

    def _say(self, news: Sequence[Statement]) -> list[Outcome]:
        """Say it, and keep what was answered for good. An order that is not there yet may be there the next time."""
        with transaction(self._engine, self._cause()) as session:
            doubt(session, [(one.subject, one.order_number) for one in news])
        outcomes = self._sent(news)
        later = next((outcome for _, outcome in outcomes if outcome.retryable and not outcome.accepted), None)
        final = [(one, outcome) for one, outcome in outcomes if outcome.accepted or not outcome.retryable]
        with transaction(self._engine, self._cause()) as session:
            kept = [one for one, outcome in final if outcome.reason not in NOT_THERE]
            remember(session, [(one.subject, one.order_number, one.digest) for one in kept])
            shown = [one for one, outcome in final if outcome.accepted and isinstance(one.content, InvoiceStatement)]
            shipments.mark_published(session, [one.subject[1].rsplit(":", 1)[0] for one in shown], datetime.now(UTC))
            self._open_or_close(session, outcomes)
        if later is not None:
            raise Unavailable(f"Salesforce did not take a row yet: {later.detail}", reason=later.reason)
        return outcomes

    def _sent(self, news: Sequence[Statement]) -> list[Outcome]:
        """Send orders, each as a whole, or customers."""
        owed = [(one, one.content) for one in news if isinstance(one.content, AccountStatement)]
        if owed:
            outcomes = self._salesforce.publish_accounts([content for _, content in owed])
            return list(zip([one for one, _ in owed], outcomes, strict=True))
        of_order: dict[str, list[tuple[Statement, OrderPart]]] = {}
        for one in news:
            if not isinstance(one.content, AccountStatement):
                of_order.setdefault(one.order_number, []).append((one, one.content))
        units = [
            OrderUnit(order_number=number, parts=tuple(part for _, part in parts)) for number, parts in of_order.items()
        ]
        answers = self._salesforce.publish_orders(units)
        return [
            (one, outcome)
            for parts, answered in zip(of_order.values(), answers, strict=True)
            for (one, _), outcome in zip(parts, answered, strict=True)
        ]

    def _waiting_for_connection(self, error: GatewayError) -> Unavailable:
        """A refused connection is one piece of work for a person, and the publication goes on trying."""
        with transaction(self._engine, self._cause()) as session:
            open_connection_item(session, System.SALESFORCE, error.detail)
        return Unavailable(error.detail, reason=error.code, retry_after=CONNECTION_PAUSE)

    def _note_connected(self) -> None:
        with transaction(self._engine, self._cause()) as session:
            exceptions.close_by_itself(session, ("connection", System.SALESFORCE), datetime.now(UTC))

    def _open_or_close(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """A refused row is work for a person; a record whose rows were all taken has none open (feature G-I2)."""
        refused = [pair for pair in outcomes if not pair[1].accepted and not pair[1].retryable]
        troubled = {one.record: outcome for one, outcome in refused if outcome.reason not in NOT_THERE}
        for record, outcome in troubled.items():
            _open(session, record, outcome)
        for record in {one.record for one, _ in outcomes} - troubled.keys():
            exceptions.close_by_itself(session, record, datetime.now(UTC), keep=OTHER_CAUSES)

    def _cause(self) -> ChangeCause:
        workflow_id = activity.info().workflow_id
        return ChangeCause(source=CauseSource.SALESFORCE, actor="worker", workflow_id=workflow_id)


def _all_of(now: Statements) -> Iterator[Statement]:
    """Everything that is to be said, one statement a record."""
    for order in now.orders:
        record = ("order", order.order_number)
        yield Statement(record, record, order.model_copy(update={"lines": ()}))
        for line in order.lines:
            yield Statement(("line", f"{order.order_number}/{line.line_no}"), record, line)
    for invoice in now.invoices:
        yield Statement(("invoice", invoice.invoice_key), ("order", invoice.order_number or ""), invoice)
    for event in now.events:
        yield Statement(("event", event.event_key), ("order", event.order_number), event)
    for account in now.accounts:
        yield Statement(("account", account.customer_number), ("customer", account.customer_number), account)


def _in_turn(news: Sequence[Statement]) -> list[list[Statement]]:
    """Orders first: what was answered about them is kept whatever becomes of the rest."""
    of_orders = [one for one in news if one.record[0] == "order"]
    others = [one for one in news if one.record[0] != "order"]
    return [together for together in (of_orders, others) if together]


def _open(session: Session, record: tuple[str, str], outcome: StatementOutcome) -> None:
    sentence = (
        f"Salesforce refused what the gateway states about {' '.join(record)} ({outcome.reason}): {outcome.detail} "
        "Mend the record or the rule there, then retry."
    )
    finding = Finding(
        kind=ExceptionKind.DEAD_LETTER,
        cause=Cause.PUBLICATION_REJECTED,
        sentence=sentence,
        choices=(Choice.RETRY, Choice.HANDLED),
    )
    exceptions.open_item(session, finding=finding, record=record, owner=SALES_DESK)
