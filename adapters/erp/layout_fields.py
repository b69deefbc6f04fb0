"""The fields of a record as a layout declares them. Positions are bytes, counted from 1, both ends included."""

from __future__ import annotations

import codecs
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainSerializer, Tag, model_validator
from pydantic.functional_validators import AfterValidator


class Strict(BaseModel):
    """A part of a layout: an unknown word in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _read_span(value: object) -> object:
    """`3-5`, or `3` for one byte."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", value.strip())
    if not found:
        raise ValueError(f"{value!r} is not a position: write `3-5`, or `3` for one byte")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last:
        raise ValueError(f"{value!r} is not a position: bytes count from 1 and the last is not before the first")
    return first, last


def _check_regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Span = Annotated[tuple[int, int], BeforeValidator(_read_span), PlainSerializer(lambda span: f"{span[0]}-{span[1]}")]
Pattern = Annotated[str, AfterValidator(_check_regex)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


def check_encoding(name: str) -> str:
    """A code page that Python knows and whose characters are one byte each, or UTF-8."""
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(f"{name!r} is not a code page: use cp1252, cp437, cp037, utf-8, ...") from error


class FieldBase(Strict):
    """What every field has: a place and where its value goes (`to`).

    Places: `at` bytes, or `col` of a delimited record; in a report also `capture`, a named group of the expression that
    knows the line, or `carry`, a value that stands above.

    `pii: mask` keeps the value out of findings. `null` lists the texts that mean "no value".
    """

    at: Span | None = None
    col: int | str | None = Field(default=None, union_mode="left_to_right")
    capture: str | None = None
    carry: str | None = None
    to: str | None = None
    note: str | None = None
    pii: Literal["mask"] | None = None
    null: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _length(cls, data: Any) -> Any:
        """Accept `at: 3` with `len: 3` for `at: 3-5`."""
        if not (isinstance(data, dict) and "len" in data):
            return data
        first, length = str(data.get("at", "")), str(data["len"])
        if not (first.isdecimal() and length.isdecimal() and int(length) > 0):
            raise ValueError("`len` needs a number of bytes and `at` the first of them")
        rest = {key: value for key, value in data.items() if key != "len"}
        return {**rest, "at": f"{first}-{int(first) + int(length) - 1}"}


class TextField(FieldBase):
    """Text of the code page; blank is no value, or E_REQUIRED when `required`.

    `exact` matters where the text is written: it names something, so no character of it may be replaced.
    """

    type: Literal["text"] = "text"
    trim: Literal["right", "left", "both", "none"] = "right"
    required: bool = False
    exact: bool = False
    regex: Pattern | None = None
    max_length: int | None = None


Blank = Literal["error", "null", "zero"]


class IntField(FieldBase):
    """A whole number of digits only; `group` is a thousands separator that it may have."""

    type: Literal["int"]
    blank: Blank = "error"
    leading_blanks: bool = False
    group: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    min: int | None = None
    max: int | None = None


class DecimalField(FieldBase):
    """An exact decimal. `scale` is the number of implied decimals; `decimal: point` reads a written point instead.

    Overpunched signs are read from the bytes, before any text decoding: code pages disagree about `{` and `}`.
    """

    type: Literal["decimal"]
    blank: Blank = "error"
    leading_blanks: bool = False
    scale: int = Field(default=0, ge=0, le=18)
    decimal: Literal["implied", "point", "comma", "implied_unless_point"] = "implied"
    group: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sign: Literal["none", "leading", "trailing", "overpunch_trailing", "overpunch_leading"] = "none"
    plain_positive: bool = False
    min: Decimal | None = None
    max: Decimal | None = None

    @model_validator(mode="after")
    def _consistent(self) -> DecimalField:
        if self.decimal in {"point", "comma"} and self.scale:
            raise ValueError("`scale` counts implied decimals: leave it out where the point is written")
        if self.plain_positive and not self.sign.startswith("overpunch"):
            raise ValueError("`plain_positive` belongs to an overpunched sign")
        return self


DateFormat = Literal[
    "CYYMMDD", "CYYDDD", "YYYYMMDD", "YYYYDDD", "YYMMDD", "YYDDD", "MM/DD/YYYY", "YYYY-MM-DD", "DD-MON-YY"
]
TimeFormat = Literal["HHMMSS", "HHMM", "HH:MM:SS", "HH:MM"]
# Formats whose year has two digits and says no century.
SHORT_YEARS = frozenset({"YYMMDD", "YYDDD", "DD-MON-YY"})


def _check_pivot(formats: str, pivot: int | None) -> None:
    if (formats in SHORT_YEARS) != (pivot is not None):
        raise ValueError(f"`pivot` is needed with {', '.join(sorted(SHORT_YEARS))}, and only there")


class DateField(FieldBase):
    """A calendar date. Two-digit years need `pivot`: years below it are 20xx, the others 19xx."""

    type: Literal["date"]
    format: DateFormat
    pivot: int | None = Field(default=None, ge=0, le=100)
    blank: Literal["error", "null"] = "error"

    @model_validator(mode="after")
    def _pivot_given(self) -> DateField:
        _check_pivot(self.format, self.pivot)
        return self


class TimeField(FieldBase):
    """A time of day on the ERP's clock."""

    type: Literal["time"]
    format: TimeFormat
    blank: Literal["error", "null"] = "error"


class TimestampField(FieldBase):
    """A day and a time of day with one blank between, on the ERP's clock: `format: YYYY-MM-DD HH:MM:SS`."""

    type: Literal["timestamp"]
    format: str
    pivot: int | None = Field(default=None, ge=0, le=100)
    blank: Literal["error", "null"] = "error"

    @model_validator(mode="after")
    def _two_formats(self) -> TimestampField:
        day, _, clock = self.format.partition(" ")
        if day not in get_args(DateFormat) or clock not in get_args(TimeFormat):
            raise ValueError(f"{self.format!r} is not a date format, one blank and a time format")
        _check_pivot(day, self.pivot)
        return self

    def parts(self) -> tuple[DateField, TimeField]:
        """The two fields that it is made of."""
        day, _, clock = self.format.partition(" ")
        return (
            DateField.model_validate({"type": "date", "format": day, "pivot": self.pivot}),
            TimeField.model_validate({"type": "time", "format": clock}),
        )


class BoolField(FieldBase):
    """A flag: the texts that mean yes and the ones that mean no; an empty text stands for blank."""

    type: Literal["bool"]
    yes: Texts
    no: Texts

    @model_validator(mode="after")
    def _apart(self) -> BoolField:
        both = set(self.yes) & set(self.no)
        if both:
            raise ValueError(f"{sorted(both)} cannot mean both yes and no")
        return self


class CodeField(FieldBase):
    """A code of a closed list (`in`) or translated by a table (`map`); `unknown: keep` lets other codes pass."""

    type: Literal["code"]
    map: dict[str, str] | None = None
    in_: Texts | None = Field(default=None, alias="in")
    unknown: Literal["error", "keep", "null"] = "error"
    blank: Literal["error", "null"] = "error"

    @model_validator(mode="after")
    def _one_table(self) -> CodeField:
        if (self.map is None) == (self.in_ is None):
            raise ValueError("give the codes either as `in: [A, B]` or as `map: {A: word}`")
        return self


class ConstField(FieldBase):
    """Text that is always the same: record ids, the company, the export name."""

    type: Literal["const"]
    is_: str = Field(alias="is", min_length=1)


class FillerField(FieldBase):
    """Bytes without a meaning: blank today, so anything else is reported as W_DRIFT (case F11)."""

    type: Literal["filler"]


def _kind(value: Any) -> str:
    return str(value.get("type", "text") if isinstance(value, dict) else getattr(value, "type", "text"))


AnyField = Annotated[
    Annotated[TextField, Tag("text")]
    | Annotated[IntField, Tag("int")]
    | Annotated[DecimalField, Tag("decimal")]
    | Annotated[DateField, Tag("date")]
    | Annotated[TimeField, Tag("time")]
    | Annotated[TimestampField, Tag("timestamp")]
    | Annotated[BoolField, Tag("bool")]
    | Annotated[CodeField, Tag("code")]
    | Annotated[ConstField, Tag("const")]
    | Annotated[FillerField, Tag("filler")],
    Discriminator(_kind),
]
