"""What the gateway states in Salesforce: orders with their lines, invoices and events, and what customers owe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import quote

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.connection import SalesforceNames, relationship
from adapters.salesforce.graphs import MOST_NODES, Graph, GraphSender, Node, Outcomes, batches, missing
from adapters.salesforce.pool import CallPool, Priority
from adapters.salesforce.rows import GONE, Row, RowSender, Target, calls_for
from adapters.salesforce.wire import fitted, in_lists, select
from domain.errors import Unavailable
from domain.publication import (
    AccountStatement,
    InvoiceStatement,
    OrderEvent,
    OrderLineStatement,
    OrderPart,
    OrderStatement,
    OrderUnit,
    StatementOutcome,
)

MISSING_ORDER = "order_not_in_salesforce"
MISSING_LINE = "line_not_in_salesforce"
MISSING_ACCOUNT = "account_not_in_salesforce"

_BUDGET = timedelta(seconds=45)
# Every order and every account has fields that are required and not ours to give. Where Salesforce complains of them it
# tried to create a record: there is none with this key.
_ABSENT = GONE | {"REQUIRED_FIELD_MISSING"}


class Publisher:
    """Writes statements. Idempotent: values are absolute and records are found by their key, so saying a thing twice
    says it once. No order, order line or account is ever created. An activated order takes all of it: only custom
    fields are written, never a price, a quantity or the status.

    Orders stop when the daily pool of calls runs low, except those that have an invoice to show (case X4).
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

    def publish_orders(self, units: Sequence[OrderUnit]) -> list[list[StatementOutcome]]:
        """Say of each order what is to be said of it; the outcomes stand as the parts do.

        An order is a transaction of its own. A part that is refused for good is left out and the rest is said; a part
        whose record or order is not in Salesforce is answered as missing.
        """
        outcomes: Outcomes = {}
        graphs: list[Graph] = []
        for at, unit in enumerate(units):
            nodes = [self._node((at, place), unit, part) for place, part in enumerate(unit.parts)]
            outcomes |= {node.place: missing(node) for node in nodes if not node.path}
            graphs += _graphs(unit.order_number, [node for node in nodes if node.path])
        allowed, stopped = self._drawn(units, graphs)
        outcomes |= stopped
        if allowed:
            outcomes |= GraphSender(self._client, self._budget, self._existing).send(allowed)
        return [[outcomes[at, place] for place in range(len(unit.parts))] for at, unit in enumerate(units)]

    def publish_accounts(self, statements: Sequence[AccountStatement]) -> list[StatementOutcome]:
        """State balances and holds of customers that exist, 200 a call; an unknown one is answered as missing."""
        last = {statement.customer_number: statement for statement in statements}
        if last:
            self._pool.draw(Priority.STATUS, calls_for(len(last)))
        names = self._names.account
        rows = [Row(number, number, {names.erp_id: number, **self._account(said)}) for number, said in last.items()]
        target = Target(names.sobject, names.erp_id, MISSING_ACCOUNT, _ABSENT)
        outcomes = RowSender(self._client, target, self._budget).send(rows)
        return [outcomes[statement.customer_number] for statement in statements]

    def _drawn(self, units: Sequence[OrderUnit], graphs: Sequence[Graph]) -> tuple[list[Graph], Outcomes]:
        """The graphs that may be sent now; when calls run low those of orders with an invoice, if there are any."""
        try:
            if graphs:
                self._pool.draw(Priority.STATUS, len(list(batches(graphs))))
        except Unavailable as low:
            billed = {at for at, unit in enumerate(units) if any(_is_invoice(part) for part in unit.parts)}
            urgent = [graph for graph in graphs if graph.nodes[0].place[0] in billed]
            if not urgent:
                raise
            rest = [node for graph in graphs if graph not in urgent for node in graph.nodes]
            self._pool.draw(Priority.INVOICES, len(list(batches(urgent))))
            return urgent, {node.place: _stopped(node, low) for node in rest}
        return list(graphs), {}

    def _existing(self, numbers: Sequence[str]) -> set[str]:
        """Those of the order numbers that Salesforce has."""
        names = self._names.order
        found: set[str] = set()
        for listed in in_lists(number for number in numbers if number):  # in SOQL '' stands for every empty field
            soql = select([names.number], names.sobject, where=f"{names.number} IN {listed}")
            found.update(str(row[names.number]) for row in self._client.rows(soql))
        return found

    def _node(self, place: tuple[int, int], unit: OrderUnit, part: OrderPart) -> Node:
        """One record as it goes into a graph; without a path where it has no name in Salesforce."""
        if isinstance(part, OrderStatement):
            return self._order(place, part)
        if isinstance(part, OrderLineStatement):
            return self._line(place, unit.order_number, part)
        if isinstance(part, InvoiceStatement):
            names = self._names.invoice
            target = Target(names.sobject, names.key, MISSING_ORDER)
            return _keyed(place, part.invoice_key, target, self._invoice_fields(part))
        event = self._names.order_event
        return _keyed(place, part.event_key, Target(event.sobject, event.key, MISSING_ORDER), self._event_fields(part))

    def _order(self, place: tuple[int, int], statement: OrderStatement) -> Node:
        names = self._names.order
        target = Target(names.sobject, names.number, MISSING_ORDER, _ABSENT | {"NOT_FOUND"})
        node = _keyed(place, statement.order_number, target, self._order_fields(statement))
        path = f"{node.path}?updateOnly=true" if node.path else ""
        return node._replace(path=path, is_header=True)

    def _line(self, place: tuple[int, int], order_number: str, statement: OrderLineStatement) -> Node:
        names = self._names.order_item
        numbers = {
            names.shipped: statement.shipped,
            names.backordered: statement.backordered,
            names.invoiced: statement.invoiced,
        }
        fields = {name: number for name, number in numbers.items() if number is not None}
        path = f"sobjects/{names.sobject}/{_in_path(statement.external_id)}" if statement.external_id else ""
        target = Target(names.sobject, None, MISSING_LINE, GONE | {"NOT_FOUND"})
        return Node(place, f"{order_number}/{statement.line_no}", path, fields, target)

    def _order_fields(self, statement: OrderStatement) -> dict[str, object]:
        names = self._names.order
        fields: dict[str, object] = {
            names.gateway_status: statement.status,
            names.gateway_message: fitted(statement.message, names.gateway_message_length),
        }
        amounts = {names.invoiced_amount: statement.invoiced_amount, names.open_amount: statement.open_amount}
        # A field that is absent stays as it is; null would clear it.
        return fields | {name: amount for name, amount in amounts.items() if amount is not None}

    def _invoice_fields(self, statement: InvoiceStatement) -> dict[str, object]:
        names = self._names.invoice
        fields: dict[str, object] = {
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
            names.type: event.type,
            names.occurred_at: event.occurred_at,
            names.source: event.source,
            names.note: fitted(event.note, names.note_length),
            **self._of_order(names.order, event.order_number),
        }

    def _account(self, statement: AccountStatement) -> dict[str, object]:
        names = self._names.account
        fields = {names.open_balance: statement.open_balance, names.credit_hold: statement.credit_hold}
        return {name: value for name, value in fields.items() if value is not None}

    def _of_order(self, lookup: str, number: str) -> dict[str, object]:
        """Point to the order by its number: no id has to be looked up first."""
        return {relationship(lookup): {self._names.order.number: number}}


def _graphs(order_number: str, nodes: Sequence[Node]) -> Iterator[Graph]:
    """One graph, or several of an order that is larger than a call."""
    for start in range(0, len(nodes), MOST_NODES):
        yield Graph(order_number, tuple(nodes[start : start + MOST_NODES]))


def _keyed(place: tuple[int, int], key: str, target: Target, fields: dict[str, object]) -> Node:
    segment = _in_path(key)
    path = f"sobjects/{target.sobject}/{target.external_id}/{segment}" if segment else ""
    return Node(place, key, path, fields, target)


def _in_path(key: str) -> str:
    """A key as one segment of a path; nothing for what would be read as a way to somewhere else."""
    return "" if key in {".", ".."} else quote(key, safe="")


def _is_invoice(part: OrderPart) -> bool:
    return isinstance(part, InvoiceStatement)


def _stopped(node: Node, low: Unavailable) -> StatementOutcome:
    return StatementOutcome(key=node.key, accepted=False, reason=low.reason, detail=low.detail, retryable=True)
