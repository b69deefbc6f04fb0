"""What a request body may contain: known properties, their kinds, and how loosely written values are read.

An empty string counts as absent, numeric strings become numbers, read-only properties are dropped, a reference without
a value is absent; what is not known is refused with 2010, an unknown choice with 2170, an over-long text with 2050.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from twins.quickbooks.answers import BusinessFault, unsupported
from twins.web import JsonObject

Reader = Callable[[Any, str], Any]  # returns None for "absent"
_SMALLEST = Decimal("1E-7")


def text(longest: int = 4000) -> Reader:
    """Read a string (or a bare number, as text) of limited length."""

    def read(value: Any, name: str) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise unsupported(name)
        written = str(value)
        if len(written) > longest:
            detail = f"String length specified does not match the supported length. Min:0 Max:{longest} supported."
            raise BusinessFault(2050, f"{detail} Supplied length:{len(written)}", name)
        return written or None

    return read


def number(value: Any, name: str) -> Decimal | None:
    """Read a number, also one written as text, with at most seven decimals."""
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise unsupported(name)
    try:
        read = Decimal(value)
    except InvalidOperation:
        raise unsupported(name) from None
    if not read.is_finite() or abs(read) >= Decimal(10) ** 15:
        raise unsupported(name)
    return read.quantize(_SMALLEST, ROUND_HALF_UP) if read != read.quantize(_SMALLEST) else read


def flag(value: Any, name: str) -> bool | None:
    """Read a boolean, also `"true"` and `"false"`."""
    if isinstance(value, str):
        words = {"": None, "true": True, "false": False}
        if value.lower() not in words:
            raise unsupported(name)
        return words[value.lower()]
    if not isinstance(value, bool):
        raise unsupported(name)
    return value


def day(value: Any, name: str) -> str | None:
    """Read a date; what follows the day (a time and offset) is ignored."""
    if value == "":
        return None
    if not isinstance(value, str):
        raise unsupported(name)
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise unsupported(name) from None


def choice(*allowed: str) -> Reader:
    """Read one of the allowed words."""

    def read(value: Any, name: str) -> str | None:
        if value in ("", None):
            return None
        if value not in allowed:
            raise BusinessFault(2170, f"Invalid Enumeration : {value}", name)
        return str(value)

    return read


def ignored(_value: Any, _name: str) -> None:
    """Drop a read-only property."""


def reference(value: Any, name: str) -> JsonObject | None:
    """Read `{"value": ..}`; name and type are the server's business."""
    if not isinstance(value, Mapping) or set(value) - {"value", "name", "type"}:
        raise unsupported(name)
    key = value.get("value")
    if isinstance(key, bool) or not isinstance(key, str | int | None):
        raise unsupported(name)
    return None if key in (None, "") else {"value": str(key)}


def shape(properties: Mapping[str, Reader]) -> Reader:
    """Read an object of known properties; an object of which nothing remains is kept as empty."""

    def read(value: Any, name: str) -> JsonObject:
        if not isinstance(value, Mapping):
            raise unsupported(name)
        cleaned = {}
        for key, item in value.items():
            if key not in properties:
                raise unsupported(key)
            known = None if item is None else properties[key](item, key)
            if known is not None:
                cleaned[key] = known
        return cleaned

    return read


def filled(properties: Mapping[str, Reader]) -> Reader:
    """Read an object of known properties; an empty one is absent."""
    read_shape = shape(properties)
    return lambda value, name: read_shape(value, name) or None


def many(item: Reader) -> Reader:
    """Read a list; a list is kept also when empty."""

    def read(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise unsupported(name)
        return [item(entry, name) for entry in value]

    return read
