"""JSON in which money stays exact: Decimals are number tokens on the wire and are read back as Decimals."""

import json
from decimal import Decimal
from typing import Any


class JsonText(str):
    """Text that is JSON already; `dump_json` copies it as it is."""

    __slots__ = ()


def dump_json(value: object) -> str:
    """Write compact JSON in which a Decimal is an exact number token (`Decimal("38.50")` gives `38.5`)."""
    kind = type(value)
    if kind is str:
        return _ENCODER.encode(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_ENCODER.encode(str(name))}:{dump_json(item)}" for name, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([dump_json(item) for item in value]) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    return str(value) if kind is JsonText else _ENCODER.encode(value)


def load_json(text: str | bytes) -> Any:
    """Read JSON with Decimals for fractions; raises `ValueError` for malformed text, also for NaN and Infinity."""
    return _DECODER.decode(text if isinstance(text, str) else text.decode())


def _number(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
