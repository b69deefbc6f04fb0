"""Values to the bytes of their fields, each read back at once by the field's own reader: what differs is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

from adapters.erp.codes import FieldProblem
from adapters.erp.dates import MONTH_NAMES
from adapters.erp.decoder import reader_of
from adapters.erp.layout_fields import (
    AnyField,
    BoolField,
    CodeField,
    ConstField,
    DateField,
    DecimalField,
    FieldBase,
    FillerField,
    IntField,
    TextField,
    TimeField,
    TimestampField,
)
from adapters.erp.raw import LocalMoment, Value
from adapters.erp.written_numbers import Misfit, number_bytes

Write = Callable[[Value], bytes]
_REQUIRED = Misfit("has no value, and the field must have one", "State it.")


def writer_of(field: AnyField, encoding: str, width: int | None, allowed: str = "") -> Callable[[Value], bytes]:
    """The function that writes this field's bytes, `width` of them or as few as it takes; it raises `Misfit`."""
    write = _writer(field, encoding, width)
    read = reader_of(field, encoding, allowed)

    def written(value: Value) -> bytes:
        raw = write(value)
        if width is not None and len(raw) != width:
            fit = f"has {len(raw)} characters; {width} fit" if len(raw) > width else f"does not fill {width} bytes"
            raise Misfit(fit, "Shorten it where it is stated." if len(raw) > width else "Correct the layout.")
        _read_back(value, raw, read)
        return raw

    return written


def _read_back(value: Value, raw: bytes, read: Callable[[bytes], Value]) -> None:
    try:
        found = read(raw)
    except FieldProblem as problem:
        raise Misfit(problem.what, "Correct it where it is stated, or the layout if it is right.") from None
    if found != value:
        shown = "no value" if found is None else f"{str(found)!r}"
        raise Misfit(f"would be read back as {shown}", "Correct it where it is stated, or the layout if it is right.")


def _writer(field: AnyField, encoding: str, width: int | None) -> Write:
    blank = " ".encode(encoding)

    def written(value: Value) -> bytes:
        if value is None:
            return _nothing(field, encoding, width)
        raw = _WRITERS[type(field)](field, value, encoding, width)
        if width is None or isinstance(field, IntField | DecimalField):
            return raw
        return raw.rjust(width, blank) if getattr(field, "trim", "right") == "left" else raw.ljust(width, blank)

    return written


def _nothing(field: FieldBase, encoding: str, width: int | None) -> bytes:
    """No value: the first declared text for it, else blanks where they mean so."""
    blanks = " ".encode(encoding) * (width or 0)
    if isinstance(field, FillerField):
        return blanks
    if field.null:
        return field.null[0].encode(encoding).ljust(width or 0, " ".encode(encoding))
    if isinstance(field, TextField) and not field.required:
        return blanks
    if getattr(field, "blank", "error") == "null":
        return blanks
    raise _REQUIRED


def _text(_field: TextField, value: Value, encoding: str, _width: int | None) -> bytes:
    try:
        return str(value).encode(encoding)
    except UnicodeEncodeError as error:
        character = str(value)[error.start]
        what = f"holds {character!r} (U+{ord(character):04X}), which {encoding} does not have"
        raise Misfit(what, "Name it without that character in both systems.") from None


def _code(field: CodeField, value: Value, encoding: str, width: int | None) -> bytes:
    table = field.map if field.map is not None else {code: code for code in field.in_ or ()}
    codes = [code for code, word in table.items() if word == value]
    if not codes and field.unknown != "keep":
        known = ", ".join(sorted(set(table.values())))
        raise Misfit(f"is none of {known}", "Correct it where it is stated, or add its code to the layout.")
    return _text(TextField(), codes[0] if codes else value, encoding, width)


def _bool(field: BoolField, value: Value, encoding: str, _width: int | None) -> bytes:
    return (field.yes if value else field.no)[0].encode(encoding)


def _const(field: ConstField, _value: Value, encoding: str, _width: int | None) -> bytes:
    return field.is_.encode(encoding)


def _number(field: IntField | DecimalField, value: Value, encoding: str, width: int | None) -> bytes:
    spec = field if isinstance(field, DecimalField) else DecimalField(type="decimal")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Misfit("is not a number", "State a number.")
    return number_bytes(Decimal(value), spec, encoding, width)


def _date(field: DateField, value: Value, encoding: str, _width: int | None) -> bytes:
    if not isinstance(value, date):
        raise Misfit("is not a date", "State a date.")
    return _day(value, field.format).encode(encoding)


def _day(day: date, form: str) -> str:
    century, short, ordinal = day.year // 100 - 19, f"{day.year % 100:02}", f"{day.timetuple().tm_yday:03}"
    month_day = f"{day.month:02}{day.day:02}"
    return {
        "CYYMMDD": f"{century}{short}{month_day}",
        "CYYDDD": f"{century}{short}{ordinal}",
        "YYYYMMDD": f"{day.year:04}{month_day}",
        "YYYYDDD": f"{day.year:04}{ordinal}",
        "YYMMDD": f"{short}{month_day}",
        "YYDDD": f"{short}{ordinal}",
        "MM/DD/YYYY": f"{day.month:02}/{day.day:02}/{day.year:04}",
        "YYYY-MM-DD": day.isoformat(),
        "DD-MON-YY": f"{day.day:02}-{MONTH_NAMES[day.month - 1]}-{short}",
    }[form]


def _time(field: TimeField, value: Value, encoding: str, _width: int | None) -> bytes:
    if not isinstance(value, time):
        raise Misfit("is not a time of day", "State a time of day.")
    return _clock(value, field.format).encode(encoding)


def _clock(clock: time, form: str) -> str:
    written = f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}"[: 8 if "SS" in form else 5]
    return written if ":" in form else written.replace(":", "")


def _timestamp(field: TimestampField, value: Value, encoding: str, _width: int | None) -> bytes:
    if not isinstance(value, LocalMoment):
        raise Misfit("is not a day and a time of day", "State both.")
    day, clock = field.parts()
    return f"{_day(value.day, day.format)} {_clock(value.clock, clock.format)}".encode(encoding)


def _filler(_field: FillerField, _value: Value, _encoding: str, _width: int | None) -> bytes:
    raise Misfit("stands where nothing may stand", "Correct the layout.")


_WRITERS = cast(
    "dict[type[FieldBase], Callable[[Any, Value, str, int | None], bytes]]",
    {
        TextField: _text,
        CodeField: _code,
        BoolField: _bool,
        ConstField: _const,
        IntField: _number,
        DecimalField: _number,
        DateField: _date,
        TimeField: _time,
        TimestampField: _timestamp,
        FillerField: _filler,
    },
)
