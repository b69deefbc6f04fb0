"""JSON whose numbers are written digit for digit: `json.dumps` knows no Decimal, and a float is not exact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal


def dumps(value: object) -> str:
    """Write JSON in ASCII; a Decimal becomes a number token with all its digits. TypeError for a float."""
    if value is None or isinstance(value, (bool, int, str)):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError("a JSON key is text")
    return json.dumps(key)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError("JSON has no number for infinity or not-a-number")
    return format(value, "f")
