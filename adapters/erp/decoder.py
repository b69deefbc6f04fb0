"""Records to values: the reference decoder, which collects every problem of a record with its exact columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from adapters.erp import columns
from adapters.erp.codes import FieldProblem
from adapters.erp.dates import date_reader, time_reader, timestamp_reader
from adapters.erp.layout import DelimitedFormat, FileRules, Layout, RecordType
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
from adapters.erp.numbers import number_reader
from adapters.erp.raw import Cell, Decoded, RawRecord, Value
from adapters.erp.texts import bool_reader, code_reader, const_reader, filler_reader, text_reader

Read = Callable[[bytes], Value]
# Values that are remembered per field, and the longest text of them: about half a megabyte each at most.
_REMEMBERED = 2048
_SHORT = 40


@dataclass(slots=True)
class Problem:
    """A problem with its place in the record: byte columns from 1, both included."""

    cause: FieldProblem
    column_from: int
    column_to: int
    field: str | None = None
    text: bytes = b""


_READERS: dict[type[FieldBase], Callable[..., Read]] = {
    DecimalField: number_reader,
    DateField: date_reader,
    TimeField: time_reader,
    TimestampField: timestamp_reader,
    CodeField: code_reader,
    BoolField: bool_reader,
    ConstField: const_reader,
    FillerField: filler_reader,
}


def reader_of(field: AnyField, encoding: str, allowed: str = "") -> Read:
    """The function that reads this field's bytes; `allowed` names control characters that may stand in texts.

    Quantities, codes and dates repeat: what was read a moment ago is remembered (problems are not).
    """
    read = _fresh_reader(field, encoding, allowed)
    remembered = lru_cache(_REMEMBERED)(read)
    if not isinstance(field, TextField | FillerField):
        return remembered  # all others are short, or a problem
    return lambda raw: remembered(raw) if len(raw) <= _SHORT else read(raw)


def _fresh_reader(field: AnyField, encoding: str, allowed: str) -> Read:
    if isinstance(field, TextField):
        return text_reader(field, encoding, allowed)
    if isinstance(field, IntField):
        number = number_reader(field, encoding)
        return lambda raw: None if (value := number(raw)) is None else int(value)
    return _READERS[type(field)](field, encoding)


def overlap(problem: FieldProblem, cell: Cell, name: str) -> Problem:
    """The problem at its field's columns, or at one byte of it where only that is at fault."""
    if problem.only and problem.at is not None:
        column = cell.start + problem.at
        return Problem(problem, column, column, name, cell.raw)
    return Problem(problem, cell.start, cell.end, name, cell.raw)


TEXTUAL = (TextField, CodeField, BoolField, FillerField)


class FixedDecoder:
    """Decodes one record type of a fixed layout; `only` limits it to the fields of those names."""

    def __init__(self, record: RecordType, rules: FileRules, only: Collection[str] | None = None) -> None:
        self._rules = rules
        self._length = rules.record_bytes or 0
        known = {when.at for when in record.when}  # the classifier has compared these bytes already
        self._fields = [
            (name, field.at[0] - 1, field.at[1], reader_of(field, rules.encoding))
            for name, field in sorted(record.fields.items(), key=lambda pair: pair[1].at or (0, 0))
            if field.at and field.at not in known and (only is None or name in only)
        ]
        self._spans = {name: (start + 1, end) for name, start, end, _ in self._fields}
        # A short record may be padded, where that is declared, but never inside anything that is more than text.
        ends = [field.at[1] for field in record.fields.values() if field.at and not isinstance(field, TEXTUAL)]
        self._pad_from = max(ends, default=0)

    def decode(self, raw: RawRecord, name: str, number: int) -> tuple[Decoded, list[Problem]]:
        """Values and problems. A record of the wrong length has no values: a cut line is never a small number."""
        record = Decoded(name, raw, number, spans=self._spans)
        body, wrong = self._measure(raw)
        if wrong:
            record.unread = True
            return record, [wrong]
        problems: list[Problem] = []
        shift = raw.column - 1
        for field, start, end, read in self._fields:
            cell = body[start:end]
            try:
                record.values[field] = read(cell)
            except FieldProblem as problem:
                if problem.code != "W_DRIFT":
                    record.bad.add(field)
                problems.append(overlap(problem, Cell(start + 1 + shift, end + shift, cell), field))
        return record, problems

    def _measure(self, raw: RawRecord) -> tuple[bytes, Problem | None]:
        body, length = raw.body, len(raw.body)
        blank = " ".encode(self._rules.encoding)
        if length < self._length:
            padding = self._rules.short_record == "pad_trailing_text" and raw.ended and length >= self._pad_from
            return (body.ljust(self._length, blank), None) if padding else (body, self._short(raw))
        if length > self._length:
            tail = body[self._length :]
            if self._rules.long_record == "blank_tail_ok" and not tail.strip(blank) and not raw.oversize:
                return body[: self._length], None
            what = f"has {'more than ' if raw.oversize else ''}{length} bytes; {self._length} are declared"
            return body, Problem(FieldProblem("E_LONG", what), self._length + 1, length, text=tail[:80])
        return body, None if raw.ended or self._rules.last_newline == "optional" else self._short(raw)

    def _short(self, raw: RawRecord) -> Problem:
        length = len(raw.body)
        inside = next(((name, span) for name, span in self._spans.items() if span[0] <= length + 1 <= span[1]), None)
        place = f", in {inside[0]} (columns {inside[1][0]}-{inside[1][1]})" if inside else ""
        how = "ends" if raw.ended else "is cut: the file ends"
        what = f"{how} after {length} of {self._length} bytes{place}"
        if length == self._length:
            what = "is cut: the file ends before the line end"
        return Problem(FieldProblem("E_SHORT", what), length + 1, max(self._length, length + 1), inside and inside[0])


class DelimitedDecoder:
    """Decodes one record type of a delimited layout; `positions` gives the column of a named one, `only` as above."""

    def __init__(
        self,
        record: RecordType,
        layout: Layout,
        form: DelimitedFormat,
        positions: dict[str, int],
        only: Collection[str] | None = None,
    ) -> None:
        self._form = form
        self._rules = layout.file
        allowed = "\r\n" if form.embedded_newline else ""
        places = {name: self._column(field, positions) for name, field in record.fields.items()}
        self._fields = [
            (name, places[name], reader_of(field, layout.file.encoding, allowed))
            for name, field in record.fields.items()
            if only is None or name in only
        ]
        self._fields.sort(key=lambda entry: entry[1])
        self._wanted = len(positions) or max(places.values(), default=0)

    @staticmethod
    def _column(field: AnyField, positions: dict[str, int]) -> int:
        if isinstance(field.col, int):
            return field.col
        return positions[str(field.col).strip().casefold()]

    def decode(self, raw: RawRecord, name: str, number: int) -> tuple[Decoded, list[Problem]]:
        """Values and problems; with the wrong number of columns there are no values at all."""
        record = Decoded(name, raw, number)
        cells, wrong = self._cells(raw)
        if wrong:
            record.unread = True
            return record, [wrong]
        problems: list[Problem] = []
        spans: dict[str, tuple[int, int]] = {}
        for field, column, read in self._fields:
            cell = cells[column - 1]
            spans[field] = (cell.start, cell.end)
            try:
                record.values[field] = read(cell.raw)
            except FieldProblem as problem:
                record.bad.add(field)
                problems.append(overlap(problem, cell, field))
        record.spans = spans
        return record, problems

    def _cells(self, raw: RawRecord) -> tuple[list[Cell], Problem | None]:
        length = len(raw.body)
        if not raw.ended and self._rules.last_newline == "required":
            cut = FieldProblem("E_SHORT", f"is cut: the file ends after {length} bytes without a line end")
            return [], Problem(cut, length + 1, length + 1)
        if raw.oversize:
            return [], Problem(FieldProblem("E_LONG", f"has more than {length} bytes"), length + 1, length + 1)
        try:
            cells = columns.cut(raw.body, self._form, self._rules.encoding)
        except FieldProblem as problem:
            column = (problem.at or 0) + 1
            return [], Problem(problem, column, column)
        return cells, self._count(cells, length)

    def _count(self, cells: list[Cell], length: int) -> Problem | None:
        what = f"has {len(cells)} columns; {self._wanted} are declared"
        if len(cells) < self._wanted:
            return Problem(FieldProblem("E_SHORT", what), length + 1, length + 1)
        if len(cells) > self._wanted and self._form.columns == "exact":
            extra = cells[self._wanted]
            return Problem(FieldProblem("E_LONG", what), extra.start, max(length, extra.start), text=extra.raw)
        return None
