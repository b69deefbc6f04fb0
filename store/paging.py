"""Keyset paging: a page begins after the last key of the one before, so it stays right while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, literal, tuple_
from sqlmodel import Session

from domain.errors import Malformed

DEFAULT_LIMIT = 100
Row = TypeVar("Row")
Thing = TypeVar("Thing")

_READERS: dict[type, Callable[[str], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
    UUID: UUID,
    int: int,
}


class Page(BaseModel, Generic[Thing]):
    """One page of a list; `next_cursor` is None on the last."""

    model_config = ConfigDict(frozen=True)

    items: tuple[Thing, ...]
    next_cursor: str | None = None

    def of(self, convert: Callable[[Thing], Row]) -> Page[Row]:
        """The same page in other words."""
        return Page(items=tuple(map(convert, self.items)), next_cursor=self.next_cursor)


def page_of(
    session: Session,
    query: Select[Row],
    keys: Sequence[Any],
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    descending: bool = False,
) -> Page[Row]:
    """One page of `query` in the order of `keys`, columns that together name a row.

    Raises Malformed for the cursor of another list.
    """
    if cursor is not None:
        given = [literal(value, key.type) for value, key in zip(_read(cursor, keys), keys, strict=True)]
        query = query.where(tuple_(*keys) < tuple_(*given) if descending else tuple_(*keys) > tuple_(*given))
    ordered = query.order_by(*(key.desc() if descending else key for key in keys)).limit(limit + 1)
    rows = session.execute(ordered.add_columns(*keys)).all()
    more = len(rows) > limit
    return Page(
        items=tuple(row[0] for row in rows[:limit]),
        next_cursor=_write(rows[limit - 1][1:]) if more else None,
    )


def every(page: Callable[..., Page[Thing]], limit: int = 1000) -> Iterator[Thing]:
    """All things of a paged list, page by page."""
    cursor: str | None = None
    while True:
        found = page(limit=limit, cursor=cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return


def _write(values: Sequence[Any]) -> str:
    words = [value.isoformat() if isinstance(value, date) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(words).encode()).decode().rstrip("=")


def _read(cursor: str, keys: Sequence[Any]) -> list[Any]:
    try:
        words = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_READERS.get(key.type.python_type, str)(word) for word, key in zip(words, keys, strict=True)]
    except (binascii.Error, ValueError, TypeError, InvalidOperation):
        raise Malformed("The cursor is not one of this list.", reason="cursor") from None
