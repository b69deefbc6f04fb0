"""Writing many rows at once: one statement a table, and only rows that differ are touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Table, TextClause, inspect, text
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, SQLModel


def upsert(
    session: Session, row_type: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, guard: str = "true"
) -> list[tuple[Any, ...]]:
    """Insert rows or bring the stored ones to them; answers the primary keys of those that were written.

    All rows name the same columns, the primary key among them; the last one of a key wins. `guard` is a condition of
    ours on `stored` and `excluded` under which a stored row may change. Rows are written in the order of their keys, so
    that two transactions never wait in a circle. Running it again writes nothing.
    """
    if not rows:
        return []
    key = _key(row_type)
    by_key = {tuple(row[column] for column in key): row for row in rows}
    statement = _statement(row_type, tuple(rows[0]), guard)
    written = session.execute(statement, {"rows": to_json(list(by_key.values())).decode()})
    return [tuple(row) for row in written]


def append(session: Session, row_type: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of an append-only table; rows that are there already stay as they are.

    All rows name the same columns, the primary key among them.
    """
    if rows:
        session.execute(_statement(row_type, tuple(rows[0]), None), {"rows": to_json(list(rows)).decode()})


def table_of(row_type: type[SQLModel]) -> Table:
    """The table behind a row class."""
    table = inspect(row_type).local_table
    if not isinstance(table, Table):
        raise TypeError(f"{row_type.__name__} is not a table")
    return table


def _key(row_type: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in table_of(row_type).primary_key)


@lru_cache
def _statement(row_type: type[SQLModel], columns: tuple[str, ...], guard: str | None) -> TextClause:
    # Every name in this statement comes from the table's own definition, and the guard from our code; None: rows stay.
    table, key = table_of(row_type), _key(row_type)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    typed = ", ".join(f'"{name}" {table.c[name].type.compile(dialect=dialect)}' for name in columns)
    rest = [name for name in columns if name not in key]
    return text(
        f"INSERT INTO {table.name} AS stored ({_list(columns)}) "  # noqa: S608 - see above
        f"SELECT {_list(columns)} FROM json_to_recordset(CAST(:rows AS json)) AS given({typed}) ORDER BY {_list(key)} "
        f"ON CONFLICT ({_list(key)}) {_on_conflict(rest, guard)} RETURNING {_list(key)}"
    )


def _on_conflict(rest: Sequence[str], guard: str | None) -> str:
    if guard is None or not rest:
        return "DO NOTHING"
    moved = ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
    stored, given = _list(rest, "stored."), _list(rest, "excluded.")
    return f"DO UPDATE SET {moved} WHERE ({stored}) IS DISTINCT FROM ({given}) AND ({guard})"


def _list(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)
