"""Exceptions as work in the store: ranked lists, who took what, until when it is out of sight, and notes (G-I1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Numeric, Select, cast, func, literal, or_, select
from sqlmodel import Session, col

from domain.errors import Duplicate, Missing
from domain.exception_work import RANK_DAYS
from domain.exceptions import Cause, ExceptionItem, ExceptionKind, ExceptionState, Note
from store.exceptions import item_of
from store.history import page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.exceptions import ExceptionRow

_MONEY = func.coalesce(col(ExceptionRow.money_at_stake), literal(0, Numeric()))
# Older work and dearer work rank higher. The age of all grows alike, so that the order stands still while it is paged.
_RANK = cast(
    func.round(
        RANK_DAYS * func.log(1 + func.greatest(_MONEY, 0))
        - func.extract("epoch", col(ExceptionRow.opened_at)) / 86_400,
        6,
    ),
    Numeric(),
)


class Order(StrEnum):
    """In which order work is listed: the latest first, by its money, or by money and age together."""

    NEWEST = "newest"
    MONEY = "money"
    RANK = "rank"


class Wanted(NamedTuple):
    """Which exceptions; None: all. `overdue` and `snoozed` (false: in sight, true: out of sight) are as of `now`."""

    kind: ExceptionKind | None = None
    state: ExceptionState | None = None
    cause: Cause | None = None
    record_type: str | None = None
    record_key: str | None = None
    owner: str | None = None
    assignee: str | None = None
    ids: Sequence[str] | None = None
    overdue: bool = False
    snoozed: bool | None = None
    now: datetime | None = None


EVERYTHING = Wanted()
_EQUAL = ("kind", "state", "cause", "record_type", "record_key", "owner", "assignee")
_KEYS: dict[Order, Any] = {Order.NEWEST: col(ExceptionRow.opened_at), Order.MONEY: _MONEY, Order.RANK: _RANK}


def page(
    session: Session,
    wanted: Wanted = EVERYTHING,
    *,
    order: Order = Order.NEWEST,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ExceptionItem]:
    """Items in an order; a cursor holds for one order."""
    keys = [_KEYS[order], col(ExceptionRow.id)]
    found = page_of(session, _query(wanted), keys, limit=limit, cursor=cursor, descending=True)
    return found.of(item_of)


def past_page(
    session: Session,
    at: datetime,
    wanted: Wanted = EVERYTHING,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[ExceptionItem]:
    """Items as they stood at a time, in the order of their ids."""
    alike = {name: str(value) for name in _EQUAL if (value := getattr(wanted, name)) is not None}
    return page_as_of(session, ExceptionRow, at, limit=limit, cursor=cursor, alike=alike).of(item_of)


def past(session: Session, exception_id: str, at: datetime) -> ExceptionItem | None:
    """One item as it stood at a time, or None."""
    found = rows_as_of(session, ExceptionRow, at, [exception_id])
    return item_of(found[exception_id]) if exception_id in found else None


def _query(wanted: Wanted) -> Select[ExceptionRow]:
    row = ExceptionRow
    query = select(row)
    for name in _EQUAL:
        if (value := getattr(wanted, name)) is not None:
            query = query.where(col(getattr(row, name)) == str(value))
    if wanted.ids is not None:
        query = query.where(col(row.id).in_([UUID(one) for one in wanted.ids]))
    now: Any = wanted.now or func.now()
    if wanted.overdue:
        query = query.where(col(row.due_at) < now, col(row.state) == ExceptionState.OPEN.value)
    if wanted.snoozed is not None:
        in_sight = or_(col(row.snoozed_until).is_(None), col(row.snoozed_until) <= now)
        query = query.where(~in_sight if wanted.snoozed else in_sight)
    return query


def assign(session: Session, exception_id: str, assignee: str | None, note: Note | None) -> ExceptionItem:
    """Give open work to a person, or back to its desk. Raises Missing, and Duplicate where it is closed."""
    row = _open(session, exception_id)
    row.assignee = assignee
    return _noted(session, row, note)


def snooze(session: Session, exception_id: str, until: datetime | None, note: Note | None) -> ExceptionItem:
    """Put open work out of sight until then, None: bring it back. Raises Missing, Duplicate."""
    row = _open(session, exception_id)
    row.snoozed_until = until
    return _noted(session, row, note)


def add_note(session: Session, exception_id: str, note: Note) -> ExceptionItem:
    """Write a note on open work. Raises Missing, Duplicate."""
    return _noted(session, _open(session, exception_id), note)


def _noted(session: Session, row: ExceptionRow, note: Note | None) -> ExceptionItem:
    """With a note that is not there already: a client that got no answer may write it twice."""
    said = [(one["by"], one["text"]) for one in row.notes]
    if note is not None and (note.by, note.text) not in said:
        row.notes = [*row.notes, note.model_dump(mode="json")]
    session.flush()
    return item_of(row)


def _open(session: Session, exception_id: str) -> ExceptionRow:
    try:
        row = session.get(ExceptionRow, UUID(exception_id), with_for_update=True, populate_existing=True)
    except ValueError:
        row = None
    if row is None:
        raise Missing(f"There is no exception {exception_id}.", reason="exception")
    if row.state != ExceptionState.OPEN:
        raise Duplicate("This exception is closed already.", reason="exception_closed")
    return row
