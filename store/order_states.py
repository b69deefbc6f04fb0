"""Where orders stand: state and line ledgers, derived and kept so that they can be read, shown and compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, String, any_, delete, literal, or_, select, tuple_, update
from sqlmodel import Session, col

from store.history import children_as_of, rows_as_of
from store.tables.lifecycle import OrderLineLedgerRow, OrderStateRow
from store.tables.orders import OrderRow
from store.upserts import upsert


def of_orders(session: Session, numbers: Sequence[str], as_of: datetime | None = None) -> dict[str, OrderStateRow]:
    """The states of these orders, of those that were ever looked at."""
    if as_of is not None:
        return rows_as_of(session, OrderStateRow, as_of, numbers)
    query = select(OrderStateRow).where(_among(OrderStateRow.order_number, numbers))
    return {row.order_number: row for row in session.scalars(query)}


def ledgers_of(
    session: Session, numbers: Sequence[str], as_of: datetime | None = None
) -> dict[str, list[OrderLineLedgerRow]]:
    """The line ledgers of these orders, by order."""
    query = (
        select(OrderLineLedgerRow)
        .where(_among(OrderLineLedgerRow.order_number, numbers))
        .order_by(col(OrderLineLedgerRow.order_number), col(OrderLineLedgerRow.line_no))
    )
    found: defaultdict[str, list[OrderLineLedgerRow]] = defaultdict(list)
    past = None if as_of is None else children_as_of(session, OrderLineLedgerRow, as_of, numbers)
    rows = session.scalars(query) if past is None else sorted(past, key=lambda row: row.line_no)
    for row in rows:
        found[row.order_number].append(row)
    return found


def keep(session: Session, states: Sequence[dict[str, Any]], ledgers: Sequence[dict[str, Any]]) -> set[str]:
    """Write states and ledgers that are new or differ; answers the orders where anything did.

    Lines that an order has no more are removed with what they stated. Running it again writes nothing.
    """
    written = {number for (number,) in upsert(session, OrderStateRow, states)}
    numbers = [row["order_number"] for row in states]
    kept = [(row["order_number"], row["line_no"]) for row in ledgers]
    key = tuple_(col(OrderLineLedgerRow.order_number), col(OrderLineLedgerRow.line_no))
    gone = delete(OrderLineLedgerRow).where(_among(OrderLineLedgerRow.order_number, numbers))
    if kept:
        gone = gone.where(key.not_in(kept))
    written |= set(session.scalars(gone.returning(col(OrderLineLedgerRow.order_number))))
    return written | {number for number, _ in upsert(session, OrderLineLedgerRow, ledgers)}


def mark_changed(session: Session, numbers: Collection[str], at: datetime) -> None:
    """Something about these orders is not what it was, so Salesforce has to be told."""
    session.execute(
        update(OrderStateRow).where(_among(OrderStateRow.order_number, sorted(numbers))).values(changed_at=at),
        execution_options={"synchronize_session": False},
    )


def mark_said(session: Session, numbers: Sequence[str], at: datetime) -> None:
    """Salesforce was told all that was true of these orders at that instant."""
    session.execute(
        update(OrderStateRow).where(_among(OrderStateRow.order_number, numbers)).values(said_at=at),
        execution_options={"synchronize_session": False},
    )


def unsaid(session: Session, before: datetime, limit: int) -> list[str]:
    """Orders of which something changed before an instant, and Salesforce has not been told since."""
    query = (
        select(col(OrderStateRow.order_number))
        .where(or_(col(OrderStateRow.said_at).is_(None), col(OrderStateRow.said_at) < col(OrderStateRow.changed_at)))
        .where(col(OrderStateRow.changed_at) < before)
        .order_by(col(OrderStateRow.changed_at), col(OrderStateRow.order_number))
        .limit(limit)
    )
    return list(session.scalars(query))


def open_of_customers(session: Session, customers: Sequence[str]) -> list[str]:
    """The orders of these customers that are not over."""
    query = (
        select(col(OrderStateRow.order_number))
        .join(OrderRow, col(OrderRow.number) == col(OrderStateRow.order_number))
        .where(_among(OrderRow.customer_number, customers), ~col(OrderStateRow.closed))
    )
    return list(session.scalars(query))


def due(session: Session, now: datetime, limit: int) -> list[str]:
    """Orders whose wait is over by the clock, longest over first."""
    query = (
        select(col(OrderStateRow.order_number))
        .where(col(OrderStateRow.look_at) <= now)
        .order_by(col(OrderStateRow.look_at), col(OrderStateRow.order_number))
        .limit(limit)
    )
    return list(session.scalars(query))


def _among(column: Any, numbers: Sequence[str]) -> Any:
    return col(column) == any_(literal(list(numbers), ARRAY(String())))
