"""What the gateway states in Salesforce: the state of orders, their invoices, and what happened to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames, relationship
from adapters.salesforce.pool import CallPool, Priority
from adapters.salesforce.rows import Row, RowSender, Target, calls_for
from adapters.salesforce.wire import fitted, in_lists, select
from domain.publication import InvoiceStatement, OrderEvent, OrderStatement, StatementOutcome

MISSING_ORDER = "order_not_in_salesforce"

_BUDGET = timedelta(seconds=45)


class Publisher:
    """Writes statements. Idempotent: values are absolute and records are found by external id, so saying a thing twice
    says it once. Of several statements with one key the last counts; outcomes come in the order of the statements.
    Orders and events stop when the daily pool of calls runs low, invoices never do (case X4).
    """

    def __init__(
        self,
        client: SalesforceClient,
        names: SalesforceNames,
        budget: timedelta = _BUDGET,
        pool: CallPool | None = None,
    ) -> None:
        self._client = client
        self._names = names
        self._budget = budget
        self._pool = pool or CallPool(lambda: client.usage)

    def publish_orders(self, statements: Sequence[OrderStatement]) -> list[StatementOutcome]:
        """State the lifecycle of orders that exist; an unknown order is not created but answered as missing."""
        last = {statement.order_number: statement for statement in statements}
        self._draw(Priority.STATUS, last)
        ids = self._order_ids(list(last))
        rows = [
            Row(number, number, {"id": ids[number], **self._order_fields(statement)})
            for number, statement in last.items()
            if number in ids
        ]
        outcomes = {number: _missing(number) for number in last if number not in ids}
        outcomes |= self._send(Target(self._names.order.sobject, None, MISSING_ORDER), rows)
        return [outcomes[statement.order_number] for statement in statements]

    def publish_invoices(self, statements: Sequence[InvoiceStatement]) -> list[StatementOutcome]:
        """State invoices by `Invoice_Key__c`; an invoice of an order that Salesforce lacks is answered as missing."""
        last = {statement.invoice_key: statement for statement in statements}
        self._draw(Priority.INVOICES, last)
        rows = [Row(key, said.order_number or "", self._invoice_fields(said)) for key, said in last.items()]
        outcomes = self._send(Target(self._names.invoice.sobject, self._names.invoice.key, MISSING_ORDER), rows)
        return [outcomes[statement.invoice_key] for statement in statements]

    def publish_events(self, events: Sequence[OrderEvent]) -> list[StatementOutcome]:
        """Add events by `Event_Key__c`; an event of an order that Salesforce lacks is answered as missing."""
        last = {event.event_key: event for event in events}
        self._draw(Priority.STATUS, last)
        rows = [Row(key, event.order_number, self._event_fields(event)) for key, event in last.items()]
        names = self._names.order_event
        outcomes = self._send(Target(names.sobject, names.key, MISSING_ORDER), rows)
        return [outcomes[event.event_key] for event in events]

    def _draw(self, priority: Priority, statements: Collection[str]) -> None:
        if statements:
            self._pool.draw(priority, calls_for(len(statements)))

    def _send(self, target: Target, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        return RowSender(self._client, target, self._budget).send(rows)

    def _order_ids(self, numbers: Sequence[str]) -> dict[str, str]:
        """The record ids of the orders that exist, by number: an upsert of an unknown one would create it."""
        names = self._names.order
        found: dict[str, str] = {}
        for listed in in_lists(number for number in numbers if number):  # in SOQL '' stands for every empty field
            soql = select(["Id", names.number], names.sobject, where=f"{names.number} IN {listed}")
            found.update((str(row[names.number]), str(row["Id"])) for row in self._client.rows(soql))
        return found

    def _order_fields(self, statement: OrderStatement) -> dict[str, object]:
        names = self._names.order
        fields: dict[str, object] = {
            names.gateway_status: statement.status,
            names.gateway_message: fitted(statement.message, names.gateway_message_length),
        }
        if statement.invoiced_amount is not None:  # a field that is absent stays as it is; null would clear it
            fields[names.invoiced_amount] = statement.invoiced_amount
        return fields

    def _invoice_fields(self, statement: InvoiceStatement) -> dict[str, object]:
        names = self._names.invoice
        fields: dict[str, object] = {
            names.key: statement.invoice_key,
            names.doc_number: statement.doc_number,
            names.status: statement.status,
            names.total: statement.total,
            names.balance: statement.balance,
            names.invoiced_on: statement.invoiced_on,
            names.quickbooks_id: statement.quickbooks_id,
        }
        if statement.order_number:
            fields |= self._of_order(names.order, statement.order_number)
        return fields

    def _event_fields(self, event: OrderEvent) -> dict[str, object]:
        names = self._names.order_event
        return {
            names.key: event.event_key,
            names.type: event.type,
            names.occurred_at: event.occurred_at,
            names.source: event.source,
            names.note: fitted(event.note, names.note_length),
            **self._of_order(names.order, event.order_number),
        }

    def _of_order(self, lookup: str, number: str) -> dict[str, object]:
        """Point to the order by its number: no id has to be looked up first."""
        return {relationship(lookup): {self._names.order.number: number}}


def _missing(number: str) -> StatementOutcome:
    return StatementOutcome(
        key=number, accepted=False, reason=MISSING_ORDER, detail="Salesforce has no order with this number."
    )
