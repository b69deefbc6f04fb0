"""Values of master records as they are merged: plain data, compared by the meaning of the field, named by a digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from domain.customers import normal_name
from domain.money import plain

# A text, a decimal or a date as text, a yes or no, a set of texts, or a group of texts that merges as one.
Value = None | bool | str | list[str] | dict[str, str | None]


class Comparator(StrEnum):
    """When two values of a field mean the same."""

    EXACT = "exact"
    TEXT = "text"  # blanks around and between words do not count
    CASELESS = "caseless"  # nor does case
    NAME = "name"  # nor do accents and punctuation
    PHONE = "phone"  # only digits count, and a leading plus
    DECIMAL = "decimal"  # 12.5 is 12.50
    DATE = "date"  # the day counts, however it is written


def same(left: Value, right: Value, comparator: Comparator) -> bool:
    """Whether two values mean the same; an empty text is no value."""
    return normal(left, comparator) == normal(right, comparator)


def normal(value: Value, comparator: Comparator) -> Value:
    """The one form of all values that mean the same."""
    if isinstance(value, dict):
        parts = {name: normal(part, comparator) for name, part in value.items()}
        known = {name: part for name, part in parts.items() if isinstance(part, str)}
        return {name: known[name] for name in sorted(known)} or None
    if isinstance(value, list):
        return sorted({str(normal(one, comparator)) for one in value}) or None
    if isinstance(value, str):
        return _NORMAL[comparator](value) or None
    return value


def is_empty(value: Value) -> bool:
    """Whether there is no value: nothing, blanks, an empty set, a group without a part."""
    return normal(value, Comparator.TEXT) is None


def digest(value: object) -> str:
    """A short name of plain data: equal data have equal names."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def completed(value: Value, known: Value) -> Value:
    """A group with the parts that its side does not keep, as they were known last; other values as they are."""
    if isinstance(value, dict) and isinstance(known, dict):
        return {**known, **value}
    return value


def _decimal(text: str) -> str:
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return _text(text)
    return plain(number + 0) if number.is_finite() else _text(text)


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return f"+{digits}" if text.strip().startswith("+") and not digits.startswith("1") else digits.removeprefix("1")


def _date(text: str) -> str:
    stripped = text.strip()
    try:
        return datetime.fromisoformat(stripped).date().isoformat()
    except ValueError:
        return stripped


def _text(text: str) -> str:
    return " ".join(text.split())


_NORMAL: Mapping[Comparator, Callable[[str], str]] = {
    Comparator.EXACT: lambda text: text,
    Comparator.TEXT: _text,
    Comparator.CASELESS: lambda text: _text(text).casefold(),
    Comparator.NAME: lambda text: normal_name(text) or _text(text),
    Comparator.PHONE: _phone,
    Comparator.DECIMAL: _decimal,
    Comparator.DATE: _date,
}
