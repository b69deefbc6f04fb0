"""Numbers of orders that were born in Salesforce: given once, without a gap, and committed before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, String, any_, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.order_acceptance import NumberRules
from store.tables.order_numbers import NewOrderRow, OrderLineNumberRow, OrderNumberRow
from store.tables.orders import OrderRow

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('order numbers'))")
_BLOCK = 1000  # numbers that are looked up together


def give(session: Session, external_ids: Sequence[str], rules: NumberRules, at: datetime) -> dict[str, OrderNumberRow]:
    """The numbers of these orders: those that they have, or the next ones; one transaction gives numbers at a time.

    A number that an order has already, given in Salesforce by hand, is passed over. Orders for which no number is left
    are not in the answer.
    """
    session.execute(_ONE_AT_A_TIME)
    found = given(session, external_ids)
    last = session.scalar(select(func.max(col(OrderNumberRow.sequence)))) or 0
    new = [one for one in dict.fromkeys(external_ids) if one not in found]
    for external_id, (sequence, number) in zip(
        new, _free(session, rules, max(last, rules.first - 1), len(new)), strict=False
    ):
        row = OrderNumberRow(external_id=external_id, number=number, sequence=sequence, given_at=at)
        session.add(row)
        found[external_id] = row
    session.flush()
    return found


def _free(session: Session, rules: NumberRules, last: int, wanted: int) -> list[tuple[int, str]]:
    """The next numbers that no order bears, at most so many; fewer where they are used up."""
    free: list[tuple[int, str]] = []
    while len(free) < wanted:
        block = [(one, number) for one in range(last + 1, last + 1 + _BLOCK) if (number := rules.number(one))]
        if not block:
            break
        query = select(col(OrderRow.number)).where(_among(OrderRow.number, [number for _, number in block]))
        taken = set(session.scalars(query))
        free += [(one, number) for one, number in block if number not in taken]
        last = block[-1][0]
    return free[:wanted]


def given(session: Session, external_ids: Iterable[str]) -> dict[str, OrderNumberRow]:
    """The numbers that these orders of Salesforce were given."""
    query = select(OrderNumberRow).where(_among(OrderNumberRow.external_id, external_ids))
    return {row.external_id: row for row in session.scalars(query, execution_options={"populate_existing": True})}


def line_numbers(session: Session, order_external_id: str) -> dict[str, int]:
    """The numbers that the lines of an order were given, by the lines' own Ids."""
    query = select(OrderLineNumberRow).where(col(OrderLineNumberRow.order_external_id) == order_external_id)
    return {row.external_id: row.line_no for row in session.scalars(query)}


def give_lines(session: Session, order: OrderNumberRow, numbers: Mapping[str, int]) -> None:
    """Keep the numbers of an order's lines; call it in the transaction of `give`. The same again changes nothing.

    A line whose number another one got by hand before it was written has another one now: the newest counts.
    """
    rows = [
        {"external_id": line, "order_external_id": order.external_id, "line_no": number}
        for line, number in sorted(numbers.items())
    ]
    if rows:
        new = insert_or(OrderLineNumberRow).values(rows)
        newest = {"line_no": new.excluded.line_no}
        session.execute(new.on_conflict_do_update(index_elements=["external_id"], set_=newest))


def born(session: Session, numbers: Sequence[str]) -> dict[str, datetime]:
    """Which of these orders the gateway gave their number, and when.

    A number counts from its commit on: an order may be read under it before its writing is known to have been taken.
    """
    query = (
        select(OrderNumberRow)
        .join(OrderRow, col(OrderRow.external_id) == col(OrderNumberRow.external_id))
        .where(_among(OrderNumberRow.number, numbers), col(OrderRow.number) == col(OrderNumberRow.number))
    )
    return {row.number: row.given_at for row in session.scalars(query)}


def mark_written(session: Session, external_ids: Sequence[str], at: datetime) -> int:
    """Salesforce shows these numbers; answers of how many that was not known."""
    known = session.scalars(
        update(OrderNumberRow)
        .where(_among(OrderNumberRow.external_id, external_ids), col(OrderNumberRow.written_at).is_(None))
        .values(written_at=at)
        .returning(col(OrderNumberRow.external_id)),
        execution_options={"synchronize_session": False},
    )
    return len(list(known))


def note_new(session: Session, external_ids: Iterable[str]) -> None:
    """Note orders that are to be accepted; one that waits for something is looked at anew, because it changed."""
    rows = [{"external_id": one} for one in sorted(set(external_ids))]
    if rows:
        new = insert_or(NewOrderRow).values(rows)
        session.execute(new.on_conflict_do_update(index_elements=["external_id"], set_={"look_at": func.now()}))


def waiting(session: Session, limit: int, among: Iterable[str] | None = None) -> list[str]:
    """Noted orders whose turn it is, the longest waiting first; `among` narrows to these."""
    query = select(col(NewOrderRow.external_id)).where(col(NewOrderRow.look_at) <= func.now())
    if among is not None:
        query = query.where(_among(NewOrderRow.external_id, among))
    return list(session.scalars(query.order_by(col(NewOrderRow.look_at), col(NewOrderRow.external_id)).limit(limit)))


def postpone(session: Session, external_id: str, wait: timedelta, lacks: str | None = None) -> None:
    """Let an order wait, and say for what; an order that is not noted yet is noted by it."""
    new = insert_or(NewOrderRow).values(external_id=external_id, look_at=func.now() + wait, lacks=lacks)
    said = {"look_at": new.excluded.look_at, "lacks": new.excluded.lacks}
    session.execute(new.on_conflict_do_update(index_elements=["external_id"], set_=said))


def strike(session: Session, external_ids: Sequence[str]) -> None:
    """These orders wait no longer: they have a number, or are not to be accepted any more."""
    session.execute(delete(NewOrderRow).where(_among(NewOrderRow.external_id, external_ids)))


def _among(column: Any, values: Iterable[str]) -> Any:
    """Of these, of which there may be many: an array is one parameter."""
    return col(column) == any_(literal(list(values), ARRAY(String())))
