"""Values between JSON, SQLite and back, without a float anywhere.

Numbers are kept as integers scaled by the field's `scale`, so that they compare and round exactly; datetimes as UTC
text of whole seconds, which sorts in time order; an empty text is null, as it is for Salesforce.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from twins.salesforce.errors import ApiError
from twins.salesforce.ids import normalise
from twins.salesforce.schema import Field

Stored = str | int | None
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)")
_encode = json.encoder.encode_basestring


def load_json(text: str | bytes) -> Any:
    """Read JSON with Decimals for fractions; 400 JSON_PARSER_ERROR for malformed text, NaN and Infinity included."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except ValueError as problem:
        raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected content in the request body: {problem}") from problem


def _refuse(name: str) -> None:
    raise ValueError(f"Non-standard token '{name}'")


def dump_json(value: object) -> str:
    """Write JSON in which a Decimal is a number token that always has a decimal point (`Decimal(4)` gives `4.0`)."""
    if isinstance(value, str):
        return _encode(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return number_token(value)
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{_encode(name)}:{dump_json(item)}" for name, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([dump_json(item) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} is no JSON value")


def number_token(value: Decimal) -> str:
    """The shortest exact token of a number that still shows a decimal point."""
    text = format(value, "f")
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def stamp(moment: datetime) -> str:
    """A moment in the form that the API shows: UTC, milliseconds zero, offset without a colon."""
    return _stamp(moment.replace(microsecond=0))


@lru_cache(maxsize=1024)  # thousands of rows are saved in one second, and with one export's time
def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def moment_of(text: str) -> datetime:
    """Read a moment in the form of `stamp`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def http_date(text: str) -> str:
    """The stamp as an HTTP date."""
    return moment_of(text).strftime("%a, %d %b %Y %H:%M:%S GMT")


@lru_cache(maxsize=1024)
def parse_moment(text: str) -> str | None:
    """The stamp of an ISO moment with an offset; None when the text is none."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        return stamp(datetime.fromisoformat(text))
    except ValueError:
        return None


def parse_day(text: str) -> str | None:
    """The day if the text is `yyyy-MM-dd`, else None."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 10 else None
    except ValueError:
        return None


def to_stored(item: Field, value: object) -> Stored:
    """Check one JSON value and turn it into what is stored; raises the `ApiError` of the first complaint."""
    if item.type == "boolean":
        return _boolean(item, value)
    if value is None or value == "":
        return None
    if item.numeric:
        return _number(item, value)
    if not isinstance(value, str):
        if isinstance(value, bool | Mapping | list):
            raise _unreadable(item, value)
        value = str(value)
    if item.type in {"date", "datetime"}:
        return _time(item, value)
    if item.type == "reference":
        return _reference(item, value)
    return _text(item, value)


def to_json(item: Field, value: Stored) -> object:
    """What the API shows for a stored value."""
    if item.type == "boolean":
        return bool(value)
    if value is None:
        return None
    if item.numeric:
        return Decimal(value).scaleb(-item.scale)
    return value


def scaled(value: Decimal, scale: int) -> int:
    """The number as an integer of that scale, rounded half up as the platform does on save."""
    return int(value.scaleb(scale).to_integral_value(ROUND_HALF_UP))


def _boolean(item: Field, value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return int(value.lower() == "true")
    raise _unreadable(item, value)


def _number(item: Field, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise _unreadable(item, value)
    try:
        amount = Decimal(value)
    except InvalidOperation as problem:
        raise _unreadable(item, value) from problem
    if not amount.is_finite():
        raise _unreadable(item, value)
    number = scaled(amount, item.scale)
    if abs(number) >= 10**item.precision:
        message = f"{item.name}: value outside of valid range on numeric field: {value}"
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, [item.name])
    return number


def _time(item: Field, value: str) -> str:
    parsed = parse_day(value) if item.type == "date" else parse_moment(value) or _midnight(value)
    if parsed is None:
        raise _unreadable(item, value)
    return parsed


def _midnight(value: str) -> str | None:
    day = parse_day(value)
    return day and f"{day}T00:00:00.000+0000"


def _reference(item: Field, value: str) -> str:
    found = normalise(value)
    if found is None:
        raise malformed_id(item, value)
    return found


def malformed_id(item: Field, value: str) -> ApiError:
    """400 for a text that is no id, or the id of another kind of object."""
    message = f"{item.label or item.name}: id value of incorrect type: {value}"
    return ApiError(400, "MALFORMED_ID", message, [item.name])


def _text(item: Field, value: str) -> str | None:
    value = value.strip()
    if len(value) > item.length:
        message = f"{item.name}: data value too large: {value} (max length={item.length})"
        raise ApiError(400, "STRING_TOO_LONG", message, [item.name])
    if item.restricted and value and value not in item.values:
        message = f"{item.name}: bad value for restricted picklist field: {value}"
        raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [item.name])
    return value or None


def _unreadable(item: Field, value: object) -> ApiError:
    shown = "START_OBJECT" if isinstance(value, Mapping | list) else f"value {value}"
    message = f"Cannot deserialize instance of {item.type} from {shown} or request may be missing a required field"
    return ApiError(400, "JSON_PARSER_ERROR", message)
