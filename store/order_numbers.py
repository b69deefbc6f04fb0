"""Numbers of orders that were born in Salesforce: given once, without a gap, and committed before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, String, any_, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.order_acceptance import NumberRules
from store.tables.order_numbers import NewOrderRow, OrderNumberRow
from store.tables.orders import OrderRow

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('order numbers'))")


def give(session: Session, external_ids: Sequence[str], rules: NumberRules, at: datetime) -> dict[str, OrderNumberRow]:
    """The numbers of these orders: those that they have, or the next ones; one transaction gives numbers at a time.

    A number that an order of Salesforce has already, given there by hand, is passed over.
    """
    session.execute(_ONE_AT_A_TIME)
    found = given(session, external_ids)
    last = session.scalar(select(func.max(col(OrderNumberRow.sequence)))) or rules.first - 1
    for external_id in external_ids:
        if external_id not in found:
            last = _next_free(session, rules, last)
            row = OrderNumberRow(external_id=external_id, number=rules.number(last), sequence=last, given_at=at)
            session.add(row)
            found[external_id] = row
    session.flush()
    return found


def _next_free(session: Session, rules: NumberRules, last: int) -> int:
    while True:
        last += 1
        if session.get(OrderRow, rules.number(last)) is None:
            return last


def given(session: Session, external_ids: Iterable[str]) -> dict[str, OrderNumberRow]:
    """The numbers that these orders of Salesforce were given."""
    query = select(OrderNumberRow).where(
        col(OrderNumberRow.external_id) == any_(literal(list(external_ids), ARRAY(String())))
    )
    return {row.external_id: row for row in session.scalars(query, execution_options={"populate_existing": True})}


def born(session: Session, numbers: Sequence[str]) -> dict[str, datetime]:
    """Which of these orders the gateway gave their number, and when."""
    query = select(OrderNumberRow).where(
        col(OrderNumberRow.number) == any_(literal(list(numbers), ARRAY(String()))),
        col(OrderNumberRow.written_at).is_not(None),
    )
    return {row.number: row.given_at for row in session.scalars(query)}


def mark_written(session: Session, external_ids: Sequence[str], at: datetime) -> None:
    """Salesforce shows these numbers."""
    session.execute(
        update(OrderNumberRow)
        .where(col(OrderNumberRow.external_id).in_(external_ids), col(OrderNumberRow.written_at).is_(None))
        .values(written_at=at),
        execution_options={"synchronize_session": False},
    )


def note_new(session: Session, external_ids: Iterable[str]) -> None:
    """Note orders that are active and have no number: they are accepted, or wait for what they lack."""
    rows = [{"external_id": one} for one in sorted(set(external_ids))]
    if rows:
        session.execute(insert_or(NewOrderRow).values(rows).on_conflict_do_nothing())


def waiting(session: Session, limit: int) -> list[str]:
    """Noted orders, the oldest first, and those whose number may not be written yet."""
    noted = select(col(NewOrderRow.external_id)).order_by(col(NewOrderRow.noted_at), col(NewOrderRow.external_id))
    unwritten = select(col(OrderNumberRow.external_id)).where(col(OrderNumberRow.written_at).is_(None))
    found = [*session.scalars(unwritten.limit(limit)), *session.scalars(noted.limit(limit))]
    return list(dict.fromkeys(found))[:limit]


def note_lack(session: Session, external_id: str, lacks: str) -> None:
    """Say what an order waits for; it goes to the end of the line."""
    session.execute(
        update(NewOrderRow)
        .where(col(NewOrderRow.external_id) == external_id)
        .values(lacks=lacks, noted_at=func.clock_timestamp())
    )


def strike(session: Session, external_ids: Sequence[str]) -> None:
    """These orders wait no longer: they have a number, or are active no more."""
    session.execute(delete(NewOrderRow).where(col(NewOrderRow.external_id).in_(external_ids)))
