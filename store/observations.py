"""Observations of orders in the store: those that last, and those that follow from other records (feature G-D4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, ColumnElement, String, any_, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlmodel import Session, col

from domain.observations import Observation
from store.history import children_as_of
from store.tables.lifecycle import OrderObservationRow

KEY = ("order_number", "system", "kind", "value", "reference")


class Seen(NamedTuple):
    """An observation, whether it lasts by itself, and since when the gateway knows it."""

    observation: Observation
    lasting: bool
    seen_at: datetime


def of_orders(session: Session, numbers: Sequence[str], as_of: datetime | None = None) -> dict[str, list[Seen]]:
    """What holds of these orders, or held at a time, by order."""
    query = (
        select(OrderObservationRow)
        .where(_among(numbers), col(OrderObservationRow.withdrawn_at).is_(None))
        .order_by(col(OrderObservationRow.occurred_at), *(col(getattr(OrderObservationRow, name)) for name in KEY))
    )
    found: defaultdict[str, list[Seen]] = defaultdict(list)
    for row in session.scalars(query) if as_of is None else _held(session, numbers, as_of):
        found[row.order_number].append(Seen(_observation(row), row.lasting, row.seen_at))
    return found


def _held(session: Session, numbers: Sequence[str], as_of: datetime) -> list[OrderObservationRow]:
    rows = children_as_of(session, OrderObservationRow, as_of, numbers)
    standing = [row for row in rows if row.withdrawn_at is None]
    return sorted(standing, key=lambda row: (row.occurred_at, *(getattr(row, name) for name in KEY)))


def note(session: Session, number: str, observation: Observation, seen_at: datetime) -> bool:
    """Keep an observation that lasts by itself; answers whether it is new. Noting it again changes nothing."""
    return bool(_write(session, [_row(number, observation, seen_at, lasting=True)]))


def restate(session: Session, now: Mapping[str, Iterable[Observation]], seen_at: datetime) -> set[str]:
    """Make these the observations that follow from the records of each order; answers the orders where any changed.

    What is there keeps its `seen_at`; what does not hold any more is withdrawn, and comes back as it was if it does.
    """
    wanted = {number: {_identity(number, one): one for one in observations} for number, observations in now.items()}
    known = _derived(session, list(wanted))
    fresh = [
        _row(number, one, seen_at, lasting=False)
        for number, of_it in wanted.items()
        for key, one in of_it.items()
        if key not in known or known[key].withdrawn_at is not None or _moved(known[key], one)
    ]
    gone = [key for key, row in known.items() if key not in wanted[key[0]] and row.withdrawn_at is None]
    if gone:
        _withdraw(session, gone, seen_at)
    return {row[0] for row in _write(session, fresh)} | {key[0] for key in gone}


def _derived(session: Session, numbers: Sequence[str]) -> dict[tuple[str, ...], OrderObservationRow]:
    query = select(OrderObservationRow).where(_among(numbers), ~col(OrderObservationRow.lasting))
    return {tuple(getattr(row, name) for name in KEY): row for row in session.scalars(query)}


def _write(session: Session, rows: Sequence[dict[str, object]]) -> list[tuple[str, ...]]:
    if not rows:
        return []
    given = insert_or(OrderObservationRow).values(sorted(rows, key=lambda row: tuple(str(row[name]) for name in KEY)))
    settable = {name: given.excluded[name] for name in ("occurred_at", "note", "withdrawn_at")}
    written = session.execute(
        given.on_conflict_do_update(
            index_elements=list(KEY), set_=settable, where=~col(OrderObservationRow.lasting)
        ).returning(*(col(getattr(OrderObservationRow, name)) for name in KEY))
    )
    return [tuple(row) for row in written]


def _withdraw(session: Session, keys: Sequence[tuple[str, ...]], at: datetime) -> None:
    columns = tuple_(*(col(getattr(OrderObservationRow, name)) for name in KEY))
    for row in session.scalars(select(OrderObservationRow).where(columns.in_(keys)).with_for_update()):
        row.withdrawn_at = at
    session.flush()


def _moved(row: OrderObservationRow, one: Observation) -> bool:
    return row.occurred_at != one.occurred_at or row.note != one.note


def _identity(number: str, one: Observation) -> tuple[str, ...]:
    return (number, one.system.value, one.kind, one.value, one.reference)


def _row(number: str, one: Observation, seen_at: datetime, *, lasting: bool) -> dict[str, object]:
    key = dict(zip(KEY, _identity(number, one), strict=True))
    rest = {"occurred_at": one.occurred_at, "note": one.note, "lasting": lasting}
    return {**key, **rest, "seen_at": seen_at, "withdrawn_at": None}


def _observation(row: OrderObservationRow) -> Observation:
    return Observation.model_validate(row, from_attributes=True)


def _among(numbers: Sequence[str]) -> ColumnElement[bool]:
    return col(OrderObservationRow.order_number) == any_(literal(list(numbers), ARRAY(String())))
