"""The query language: safe literals and paging. QuickBooks knows neither OR nor bound parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

PAGE_SIZE = 1000  # the vendor's maximum

Select = Callable[[str], Mapping[str, Any]]


def literal(value: str | date) -> str:
    r"""Quote a value. `\` is escaped before `'`, otherwise `a\'` would end the literal; dates become `YYYY-MM-DD`."""
    text = value.isoformat() if isinstance(value, date) else value
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def where(**equals: str | date) -> str:
    """Join equalities with AND. Names are ours, values may be anybody's."""
    return " AND ".join(f"{name} = {literal(value)}" for name, value in equals.items())


def rows(select: Select, entity: str, condition: str, page_size: int = PAGE_SIZE) -> Iterator[Mapping[str, Any]]:
    """Read every row of a query. Paging is by position, so the order is the one that never changes: `Id`."""
    position = 1
    where_clause = f" WHERE {condition}" if condition else ""
    statement = f"SELECT * FROM {entity}{where_clause} ORDERBY Id"  # noqa: S608 - values went through `literal`
    while True:
        page = _page(select, statement, entity, (position, page_size))
        yield from page
        if len(page) < page_size:
            return
        position += len(page)


def _page(select: Select, statement: str, entity: str, span: tuple[int, int]) -> Sequence[Mapping[str, Any]]:
    answer = select(f"{statement} STARTPOSITION {span[0]} MAXRESULTS {span[1]}")
    found: Sequence[Mapping[str, Any]] = answer.get("QueryResponse", {}).get(entity, [])
    return found
