"""Order cases: for some orders at once, everything that the store knows and that bears on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, String, any_, literal, select
from sqlmodel import Session, col

from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.credits import CreditKind, CreditReason
from domain.customers import Customer
from domain.invoices import InvoiceStatus
from domain.order_case import BilledInvoice, ErpWord, MovedLine, OrderCase, PostedCredit, SentMessage
from domain.order_messages import MessageState, OrderMessage
from domain.orders import Order
from domain.returns import ReturnReceipt
from store import credits as credit_store
from store import (
    customers,
    invoices,
    items,
    observations,
    order_messages,
    order_numbers,
    order_states,
    returns,
    shipments,
)
from store import orders as order_store
from store.tables.invoices import InvoiceLineRow, InvoiceRow
from store.tables.lifecycle import OrderStateRow
from store.tables.shipments import ShipmentRow
from store.tables.stock import AcknowledgementRow


class Loaded(NamedTuple):
    """A case with what is kept beside it: its customer, its state as it was, and since when each thing is known."""

    case: OrderCase
    customer: Customer | None
    before: OrderStateRow | None
    seen: list[observations.Seen]


def load(session: Session, numbers: Sequence[str]) -> dict[str, Loaded]:
    """Load the cases of these orders, of those that Salesforce has; each kind of record in one query."""
    known = order_store.get_many(session, numbers)
    loader = _Loader(session, known)
    people = customers.get_many(session, [one.customer_number for one in known.values() if one.customer_number])
    return {
        number: Loaded(
            case=loader.case(number),
            customer=people.get(order.customer_number or ""),
            before=loader.before.get(number),
            seen=loader.seen.get(number, []),
        )
        for number, order in known.items()
    }


class _Loader:
    """Everything for a set of orders."""

    def __init__(self, session: Session, orders: Mapping[str, Order]) -> None:
        self._session, self.orders, numbers = session, orders, sorted(orders)
        self.before = order_states.of_orders(session, numbers)
        self.seen = observations.of_orders(session, numbers)
        self._born = order_numbers.born(session, numbers)
        self._messages = order_messages.of_orders(session, numbers)
        self._returns: defaultdict[str, list[ReturnReceipt]] = defaultdict(list)
        self._returned_at: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        for one in returns.of_orders(session, numbers):
            self._returns[one.receipt.order_number].append(one.receipt)
            self._returned_at[one.receipt.order_number][one.receipt.rma] = one.stated_at
        self._credits = _credits(session, numbers)
        self._said = _words(session, numbers)
        self._shipments = _shipments(session, numbers)
        self._invoices = _invoices(session, numbers)
        skus = {line.sku for order in self.orders.values() for line in order.lines}
        skus |= {line.sku for found in self._shipments.values() for one in found for line in one.shipment.lines}
        self._items = items.get_many(session, sorted(skus))

    def case(self, number: str) -> OrderCase:
        """The case of one order."""
        before = self.before.get(number)
        baseline = before.baseline if before else None
        return OrderCase(
            order=self.orders[number],
            items=self._items,
            said=tuple(self._said.get(number, ())),
            shipments=tuple(one.shipment for one in self._shipments.get(number, ())),
            stated_at={one.shipment.number: one.stated_at for one in self._shipments.get(number, ())},
            decided=frozenset(one.shipment.number for one in self._shipments.get(number, ()) if one.decided),
            invoices=tuple(self._invoices.get(number, ())),
            returned_at=self._returned_at[number],
            returns=tuple(self._returns[number]),
            credits=tuple(self._credits.get(number, ())),
            messages=_counting(self._messages.get(number, ())),
            lasting=tuple(one.observation for one in self.seen.get(number, ()) if one.lasting),
            born_here=number in self._born,
            born_at=self._born.get(number),
            baseline=OrderMessage.model_validate(baseline) if baseline and number not in self._born else None,
        )


def _credits(session: Session, numbers: Sequence[str]) -> dict[str, list[PostedCredit]]:
    """What was credited of these orders; an invoice that was made nothing is seen on the invoice itself."""
    found: defaultdict[str, list[PostedCredit]] = defaultdict(list)
    for one in credit_store.of_orders(session, numbers):
        if one.kind is not CreditKind.CREDIT_MEMO:
            continue
        lines = [
            MovedLine(line_no=line.shipment_line_no, sku=line.sku, quantity=line.quantity, uom=line.uom)
            for line in one.lines
            if line.shipment_line_no is not None and line.reason is not CreditReason.RESTOCKING
        ]
        found[one.order_number].append(
            PostedCredit(
                key=f"{one.shipment_number}:C{one.generation}",
                doc_number=one.doc_number or "",
                total=one.total,
                posted_at=one.booked_at,
                lines=tuple(lines),
            )
        )
    return found


def _counting(messages: Sequence[order_messages.KnownMessage]) -> tuple[SentMessage, ...]:
    """What was told or is going to be; what was withdrawn never was."""
    return tuple(_sent(one) for one in messages if one.state is not MessageState.WITHDRAWN)


def _sent(known: order_messages.KnownMessage) -> SentMessage:
    """How a message counts: one that could not be written told the ERP nothing, and is said anew when it can be."""
    return SentMessage(
        message=known.message,
        added_at=known.added_at,
        sent_at=known.sent_at,
        sequence=known.file_sequence,
        refused=known.refused is not None and known.file_sequence is None,
    )


def _words(session: Session, numbers: Sequence[str]) -> dict[str, list[ErpWord]]:
    """What each acknowledgement file said of these orders, oldest first."""
    query = (
        select(AcknowledgementRow)
        .where(_among(AcknowledgementRow.order_number, numbers))
        .order_by(col(AcknowledgementRow.cut_at), col(AcknowledgementRow.sequence), col(AcknowledgementRow.line_no))
    )
    by_file: defaultdict[tuple[str, datetime, int], list[AcknowledgementRow]] = defaultdict(list)
    for row in session.scalars(query):
        by_file[row.order_number, row.cut_at, row.sequence].append(row)
    found: defaultdict[str, list[ErpWord]] = defaultdict(list)
    for (number, cut_at, sequence), rows in by_file.items():
        found[number].append(ErpWord(said=_said(number, rows), cut_at=cut_at, sequence=sequence, source=rows[0].source))
    return found


def _said(number: str, rows: Sequence[AcknowledgementRow]) -> OrderAcknowledgement:
    lines = [
        AcknowledgedLine(
            line_no=row.line_no,
            sku=row.sku or "",
            allocated=row.allocated or Decimal(0),
            backordered=row.backordered,
            promise_on=row.promise_on,
        )
        for row in rows
        if row.line_no
    ]
    status = AcknowledgementStatus(rows[0].status)
    return OrderAcknowledgement(order_number=number, status=status, reason=rows[0].reason, lines=tuple(lines))


def _shipments(session: Session, numbers: Sequence[str]) -> dict[str, list[shipments.Stated]]:
    """The shipments of these orders by their newest statement, whether it was billed yet or not (case F9)."""
    query = select(col(ShipmentRow.number), col(ShipmentRow.order_number))
    of_them = {row[0]: row[1] for row in session.execute(query.where(_among(ShipmentRow.order_number, numbers)))}
    found: defaultdict[str, list[shipments.Stated]] = defaultdict(list)
    for number, stated in shipments.newest_statements(session, sorted(of_them)).items():
        found[of_them[number]].append(stated)
    return found


def _invoices(session: Session, numbers: Sequence[str]) -> dict[str, list[BilledInvoice]]:
    rows = invoices.of_orders(session, numbers)
    billed = _billed(session, numbers)
    found: defaultdict[str, list[BilledInvoice]] = defaultdict(list)
    for row in rows:
        found[row.order_number].append(
            BilledInvoice(
                key=f"{row.shipment_number}:{row.generation}",
                shipment_number=row.shipment_number,
                doc_number=row.doc_number or row.quickbooks_id,
                status=InvoiceStatus(row.status),
                total=row.total,
                balance=row.balance,
                booked_at=row.booked_at,
                changed_at=row.quickbooks_updated_at or row.booked_at,
                lines=tuple(billed.get((row.shipment_number, row.generation), ())),
            )
        )
    return found


def _billed(session: Session, numbers: Sequence[str]) -> Mapping[tuple[str, int], list[MovedLine]]:
    """What each invoice bills of each order line."""
    query = (
        select(InvoiceLineRow)
        .join(
            InvoiceRow,
            (col(InvoiceLineRow.shipment_number) == col(InvoiceRow.shipment_number))
            & (col(InvoiceLineRow.generation) == col(InvoiceRow.generation)),
        )
        .where(_among(InvoiceRow.order_number, numbers), col(InvoiceLineRow.shipment_line_no).is_not(None))
    )
    found: defaultdict[tuple[str, int], list[MovedLine]] = defaultdict(list)
    for line in session.scalars(query):
        moved = MovedLine(line_no=line.shipment_line_no or 0, sku=line.sku, quantity=line.quantity, uom=line.uom)
        found[line.shipment_number, line.generation].append(moved)
    return found


def _among(column: Any, numbers: Sequence[str]) -> Any:
    return col(column) == any_(literal(list(numbers), ARRAY(String())))


__all__ = ["Loaded", "PostedCredit", "SentMessage", "load"]
