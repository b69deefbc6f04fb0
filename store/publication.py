"""What Salesforce shall show: for some shipments, the state of their orders and their invoices, right now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlmodel import Session, col

from domain.exceptions import Cause, ExceptionState
from domain.invoices import REMOVED
from domain.lifecycle import Lifecycle
from domain.publication import AccountStatement, InvoiceStatement, OrderEvent, OrderStatement
from domain.statements import LineProgress, OrderProgress, order_statement
from store import invoices, line_progress, observations, order_states
from store.accounts import account_statements
from store.tables.exceptions import ExceptionRow
from store.tables.invoices import InvoiceRow
from store.tables.lifecycle import OrderLineLedgerRow
from store.tables.orders import OrderLineRow
from store.tables.publication import StatementRow
from store.tables.shipments import ShipmentRow

# Causes that are about our own connections: no news for a sales rep.
_NOT_SHOWN = (Cause.PUBLICATION_REJECTED, Cause.CONNECTION_REFUSED)

INVOICE = "invoice"  # the kind of observation that an invoice's own row tells of

# What a shortage of stock says to each order that it hits, the worst row of stock first (case I6).
_SHORT = text("""
SELECT finding ->> 'subject' AS order_number, finding ->> 'sentence' AS sentence
FROM exceptions CROSS JOIN LATERAL jsonb_array_elements(findings) finding
WHERE state = 'open' AND cause = 'stock_oversold' AND finding ->> 'subject' = ANY(:orders)
ORDER BY money_at_stake DESC NULLS LAST, record_key
""")


class Statements(BaseModel):
    """Everything that is to be said at once; equal statements need not be said again."""

    model_config = ConfigDict(frozen=True)

    orders: tuple[OrderStatement, ...] = ()
    invoices: tuple[InvoiceStatement, ...] = ()
    events: tuple[OrderEvent, ...] = ()
    accounts: tuple[AccountStatement, ...] = ()


def statements(  # noqa: PLR0913 - what is asked for, and by which rules
    session: Session,
    numbers: Sequence[str],
    words: Mapping[str, str],
    orders: Sequence[str] = (),
    customers: Sequence[str] = (),
    lifecycle: Lifecycle | None = None,
    *,
    holds: bool = False,
) -> Statements:
    """Load what is to be said about these shipments and the whole of their orders, other `orders`, and `customers`.

    By the `lifecycle` an order says what happened to it; without one it says only what was invoiced.
    `holds`: accounts show whether they are over their limit.
    """
    query = select(col(ShipmentRow.order_number)).where(col(ShipmentRow.number).in_(numbers)).distinct()
    order_numbers = sorted({*session.scalars(query), *orders})
    billed = invoices.of_orders(session, order_numbers)
    progress = _progress(session, order_numbers, billed)
    of_them = [row for row in billed if row.shipment_number in set(numbers)]
    said = [order_statement(one, words) for one in progress]
    return Statements(
        orders=tuple(one for one in said if one),
        invoices=tuple(_invoice_statement(row) for row in of_them),
        events=(
            *(_event(row) for row in of_them),
            *(_happened(session, order_numbers, lifecycle) if lifecycle else ()),
        ),
        accounts=tuple(account_statements(session, customers, holds=holds)),
    )


def _progress(session: Session, order_numbers: Sequence[str], billed: Sequence[InvoiceRow]) -> list[OrderProgress]:
    states = order_states.of_orders(session, order_numbers)
    lines = line_progress.of_orders(session, [number for number in order_numbers if number not in states])
    lines |= _from_ledgers(session, list(states))
    held = _held(session, order_numbers)
    spoken = _spoken_of(session, order_numbers)
    by_order: defaultdict[str, list[InvoiceRow]] = defaultdict(list)
    for row in billed:
        if row.status not in REMOVED:
            by_order[row.order_number].append(row)
    return [
        OrderProgress(
            order_number=number,
            lines=lines[number],
            invoiced_amount=sum((row.total for row in by_order[number]), Decimal(0)),
            invoice_numbers=[row.doc_number or row.quickbooks_id for row in by_order[number]],
            held=held[number],
            looked_at=number in states,
            shows=states[number].shows if number in states else None,
            says=states[number].says if number in states else "",
            spoken_of=number in spoken,
        )
        for number in order_numbers
    ]


def _from_ledgers(session: Session, order_numbers: Sequence[str]) -> dict[str, list[LineProgress]]:
    """The lines of orders that were looked at, by their ledgers."""
    query = select(OrderLineRow).where(col(OrderLineRow.order_number).in_(order_numbers))
    stated = {(line.order_number, line.line_no): line for line in session.scalars(query)}
    ledgers = order_states.ledgers_of(session, order_numbers)
    return {
        number: [_line(row, stated[number, row.line_no]) for row in ledgers.get(number, [])] for number in order_numbers
    }


def _line(row: OrderLineLedgerRow, stated: OrderLineRow) -> LineProgress:
    return LineProgress(
        line_no=row.line_no,
        external_id=stated.external_id,
        ordered=row.ordered,
        unit_price=stated.unit_price,
        shipped=row.shipped,
        backordered=row.backordered,
        invoiced=row.billed - row.credited,
        rest=row.open + row.backordered + row.unbilled,
    )


def _held(session: Session, order_numbers: Sequence[str]) -> dict[str, list[str]]:
    query = (
        select(col(ShipmentRow.order_number), col(ExceptionRow.sentence))
        .join(ExceptionRow, col(ExceptionRow.record_key) == col(ShipmentRow.number))
        .where(col(ExceptionRow.record_type) == "shipment", col(ExceptionRow.state) == ExceptionState.OPEN)
        .where(col(ExceptionRow.cause).not_in(_NOT_SHOWN), col(ShipmentRow.order_number).in_(order_numbers))
        .order_by(col(ExceptionRow.opened_at), col(ExceptionRow.id))
    )
    found: dict[str, list[str]] = {number: [] for number in order_numbers}
    for order_number, sentence in session.execute(query):
        found[order_number].append(sentence)
    for order_number, sentence in session.execute(_SHORT, {"orders": list(order_numbers)}):
        found[order_number].append(sentence)
    return found


def _spoken_of(session: Session, order_numbers: Sequence[str]) -> set[str]:
    """The orders of which something was said before: it may have to be taken back."""
    query = select(col(StatementRow.key)).where(
        col(StatementRow.subject) == "order", col(StatementRow.key).in_(order_numbers)
    )
    return set(session.scalars(query))


def _invoice_statement(row: InvoiceRow) -> InvoiceStatement:
    return InvoiceStatement(
        invoice_key=f"{row.shipment_number}:{row.generation}",
        order_number=row.order_number,
        doc_number=row.doc_number or "",
        status=row.status.replace("_", " ").title(),
        total=row.total,
        balance=row.balance,
        invoiced_on=row.invoiced_on,
        quickbooks_id=row.quickbooks_id,
    )


def _happened(session: Session, orders: Sequence[str], lifecycle: Lifecycle) -> Iterator[OrderEvent]:
    """What happened to the orders, each thing once: said, it stays, whatever is corrected later."""
    for number, seen in observations.of_orders(session, orders).items():
        for step in lifecycle.walk(one.observation for one in seen).steps:
            if step.told and step.observation.kind != INVOICE:  # an invoice is told by its own row
                yield OrderEvent(
                    event_key=f"{number}:{step.observation.key}",
                    order_number=number,
                    type=step.label,
                    occurred_at=step.observation.occurred_at,
                    source=str(step.observation.system),
                    note=step.note,
                )


def _event(row: InvoiceRow) -> OrderEvent:
    return OrderEvent(
        event_key=f"invoice-drafted:{row.shipment_number}:{row.generation}",
        order_number=row.order_number,
        type="Invoiced",
        occurred_at=row.booked_at,
        source="quickbooks",
        note=f"Invoice {row.doc_number or row.quickbooks_id} over {row.total} for shipment {row.shipment_number}.",
    )
