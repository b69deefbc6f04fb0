"""The past of canonical rows, out of the change log: who changed what and why, and any table as of a time (G-B5)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlmodel import Session, SQLModel, col

from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.changes import ChangeRow
from store.upserts import table_of

Row = TypeVar("Row", bound=SQLModel)


class Change(BaseModel):
    """One change of one row: only the columns that changed, and the cause that its transaction stated."""

    model_config = ConfigDict(frozen=True)

    id: int
    at: datetime
    transaction_id: int
    table_name: str
    row_key: str
    operation: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    cause: dict[str, Any] | None
    actor: str | None


# A change counts from the start of its transaction. The newest change of a row up to the time says whether it stood
# then, the newest value of each column what it held. An insert names every column, so a row that was deleted and came
# back takes nothing from its earlier life.
_AS_OF = text("""
WITH standing AS (
    SELECT row_key FROM (
        SELECT DISTINCT ON (row_key) row_key, operation FROM change_log
        WHERE table_name = :table AND at <= :at AND row_key > :after
          AND (CAST(:keys AS text[]) IS NULL OR row_key = ANY(:keys))
          AND (CAST(:owners AS text[]) IS NULL OR split_part(row_key, '|', 1) = ANY(:owners))
        ORDER BY row_key, id DESC
    ) newest
    WHERE operation <> 'delete' ORDER BY row_key LIMIT :limit
)
SELECT row_key, jsonb_object_agg(key, value) AS image FROM (
    SELECT DISTINCT ON (row_key, field.key) row_key, field.key, field.value
    FROM change_log JOIN standing USING (row_key) CROSS JOIN LATERAL jsonb_each(after) field
    WHERE table_name = :table AND at <= :at
    ORDER BY row_key, field.key, change_log.id DESC
) newest
GROUP BY row_key HAVING (CAST(:before AS jsonb) || jsonb_object_agg(key, value)) @> CAST(:alike AS jsonb)
ORDER BY row_key LIMIT :images
""")
_EVERYTHING = 2**31


def changes_of(
    session: Session, row_type: type[SQLModel], row_key: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Change]:
    """Every change of a row, newest first. `row_key` is its primary key, columns joined by a vertical bar."""
    query = select(ChangeRow).where(
        col(ChangeRow.table_name) == table_of(row_type).name, col(ChangeRow.row_key) == row_key
    )
    found = page_of(session, query, [col(ChangeRow.id)], limit=limit, cursor=cursor, descending=True)
    return found.of(lambda row: Change.model_validate(row, from_attributes=True))


def rows_as_of(session: Session, row_type: type[Row], at: datetime, row_keys: Sequence[str]) -> dict[str, Row]:
    """These rows as they stood at a time, by key; those that did not exist then are left out."""
    return dict(_images(session, row_type, at, keys=list(row_keys)))


def children_as_of(session: Session, row_type: type[Row], at: datetime, owners: Sequence[str]) -> list[Row]:
    """The rows whose key begins with one of these (the lines of orders, of shipments) as they stood at a time."""
    return [row for _, row in _images(session, row_type, at, owners=list(owners))]


def page_as_of(
    session: Session,
    row_type: type[Row],
    at: datetime,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    alike: Mapping[str, Any] | None = None,
) -> Page[Row]:
    """A table as it stood at a time, in the order of its keys; the cursor is the last key.

    `alike` narrows it to rows that had these values then; the whole table is looked through for them.
    """
    found = _images(session, row_type, at, after=cursor or "", limit=limit + 1, alike=alike)
    more = len(found) > limit
    return Page(items=tuple(row for _, row in found[:limit]), next_cursor=found[limit - 1][0] if more else None)


def _images(  # noqa: PLR0913 - the ways in which a past table is narrowed down
    session: Session,
    row_type: type[Row],
    at: datetime,
    *,
    keys: list[str] | None = None,
    owners: list[str] | None = None,
    after: str = "",
    limit: int = _EVERYTHING,
    alike: Mapping[str, Any] | None = None,
) -> list[tuple[str, Row]]:
    narrowed = {"keys": keys, "owners": owners, "after": after, "images": limit}
    narrowed |= {"limit": _EVERYTHING if alike else limit, "alike": json.dumps(alike or {})}
    narrowed["before"] = json.dumps(_before(row_type, alike or {}))
    rows = session.execute(_AS_OF, {"table": table_of(row_type).name, "at": at, **narrowed})
    return [(row_key, row_type.model_validate(image)) for row_key, image in rows]


def _before(row_type: type[SQLModel], names: Iterable[str]) -> dict[str, str]:
    """What a row says of these columns by its log from before they were there: what each of them begins with."""
    begins = {name: row_type.model_fields[name].default for name in names}
    return {name: value for name, value in begins.items() if isinstance(value, str)}
