"""What goes over the wire and how it is read: exact JSON numbers, SOQL literals, instants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote_plus

# Salesforce answers 414 beyond 16,384 bytes of URI; the rest is room for the host, the path and the other clauses.
IN_LIST_BYTES = 12_000
IN_LIST_VALUES = 200


def encode(value: object) -> str:
    """Write JSON whose numbers are exactly the given decimals.

    A float, NaN or any other type raises TypeError.
    """
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, date):
        return json.dumps(instant(value) if isinstance(value, datetime) else value.isoformat())
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(encode(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def number(value: Decimal) -> str:
    """Write a decimal as it is, without an exponent; one that is not finite raises TypeError."""
    if not value.is_finite():
        raise TypeError("a number that is not finite has no form in JSON or CSV")
    return format(value, "f")


def instant(at: datetime) -> str:
    """Write an aware instant in UTC with milliseconds, as Salesforce reads it in a body."""
    _must_be_aware(at)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def soql_instant(at: datetime) -> str:
    """Write an aware instant as a SOQL literal, cut to whole seconds: `SystemModstamp` has no finer grain."""
    _must_be_aware(at)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _must_be_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise ValueError("an instant needs a time zone")


def fitted(text: str, length: int) -> str | None:
    """Cut a text to a field's length, with an ellipsis; nothing to say is None, which clears the field."""
    return (text if len(text) <= length else f"{text[: length - 1]}…") or None


def read_instant(text: object) -> datetime:
    """Read `2021-11-06T17:38:40.000+0000` as an aware UTC instant."""
    at = datetime.fromisoformat(str(text))
    _must_be_aware(at)
    return at.astimezone(UTC)


def read_decimal(value: object) -> Decimal:
    """Read a JSON number as it was written; whole numbers may come without a decimal point."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("a JSON number was expected")
    return Decimal(value)


def select(fields: Iterable[str], sobject: str, *, where: str = "", order_by: str = "") -> str:
    """Write a SOQL query; the names are checked API names, literals in `where` come from this module."""
    clauses = ["SELECT", ", ".join(fields), "FROM", sobject]
    clauses += ["WHERE", where] if where else []
    clauses += ["ORDER BY", order_by] if order_by else []
    return " ".join(clauses)


def quoted(text: str) -> str:
    """Write a SOQL string literal."""
    escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
    return "'" + "".join(escapes.get(character, character) for character in text) + "'"


def in_lists(values: Iterable[str]) -> Iterator[str]:
    """Write the values, each once, as one or more `('a','b')` lists.

    Each list holds at most 200 values and keeps the request line inside Salesforce's limit.
    """
    batch: list[str] = []
    size = 0
    for value in dict.fromkeys(values):
        literal = quoted(value)
        weight = len(quote_plus(literal)) + 3
        if batch and (size + weight > IN_LIST_BYTES or len(batch) == IN_LIST_VALUES):
            yield f"({','.join(batch)})"
            batch, size = [], 0
        batch.append(literal)
        size += weight
    if batch:
        yield f"({','.join(batch)})"
