"""Lines of a report to values: by place, by column, by a named part of the line, or from a line above."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from adapters.erp import columns
from adapters.erp.codes import FieldProblem
from adapters.erp.decoder import TEXTUAL, Problem, Read, overlap, reader_of
from adapters.erp.layout import Layout
from adapters.erp.layout_fields import AnyField
from adapters.erp.layout_report import ReportFormat
from adapters.erp.raw import Cell, Decoded, RawRecord
from adapters.erp.report import compiled

Pieces = list[bytes]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field that stands in a column: its number from 0."""

    number: int
    mark: bytes

    def span(self, raw: RawRecord) -> tuple[int, int]:
        cell = columns.plain(raw.body, self.mark)[self.number]
        return cell.start, cell.end


@dataclass(frozen=True, slots=True)
class _Part:
    """A field that is a named group of the expression that knows the line."""

    regex: re.Pattern[bytes]
    group: str

    def find(self, raw: RawRecord) -> bytes:
        found = self.regex.search(raw.body)
        return (found.group(self.group) if found else None) or b""

    def span(self, raw: RawRecord) -> tuple[int, int]:
        found = self.regex.search(raw.body)
        first, last = found.span(self.group) if found else (0, len(raw.body))
        return (first + 1, max(last, first + 1)) if first >= 0 else (1, max(len(raw.body), 1))


@dataclass(frozen=True, slots=True)
class _Above:
    """A field whose value a line above states."""

    name: str

    def find(self, raw: RawRecord) -> bytes:
        return (raw.carried or {}).get(self.name, b"")

    def span(self, raw: RawRecord) -> tuple[int, int]:
        return 1, max(len(raw.body), 1)


@dataclass(frozen=True, slots=True)
class _Place:
    """A field that stands at its bytes; only text may reach past the end of a line, where the spooler took blanks."""

    start: int
    end: int
    textual: bool
    blank: bytes

    def find(self, raw: RawRecord) -> bytes:
        cell = raw.body[self.start : self.end]
        missing = self.end - self.start - len(cell)
        if missing and not self.textual:
            raise FieldProblem(
                "E_SHORT", f"ends after {len(raw.body)} bytes, inside columns {self.start + 1}-{self.end}"
            )
        return cell + self.blank * missing

    def span(self, _raw: RawRecord) -> tuple[int, int]:
        return self.start + 1, self.end


Place = _Column | _Part | _Above | _Place


class _Spans(Mapping[str, tuple[int, int]]):
    """Where the fields of a line stand, worked out when somebody asks."""

    def __init__(self, raw: RawRecord, places: Mapping[str, Place]) -> None:
        self._raw, self._places = raw, places

    def __getitem__(self, name: str) -> tuple[int, int]:
        first, last = self._places[name].span(self._raw)
        return first, last

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class ReportDecoder:
    """Decodes one record type of a report; `only` limits it to the fields of those names."""

    def __init__(self, layout: Layout, record: str, form: ReportFormat, only: Collection[str] | None = None) -> None:
        self._rules = layout.file
        self._mark = form.delimiter.encode(layout.file.encoding) if form.delimiter else b""
        self._layout, self._form, self._record = layout, form, record
        fields = layout.records[record].fields
        self._wanted = max((field.col for field in fields.values() if isinstance(field.col, int)), default=0)
        self._places = {name: self._place(field) for name, field in fields.items() if only is None or name in only}
        readers = {name: reader_of(fields[name], layout.file.encoding) for name in self._places}
        self._columns = [
            (name, place.number, readers[name]) for name, place in self._places.items() if isinstance(place, _Column)
        ]
        self._others: list[tuple[str, Callable[[RawRecord], bytes], Read]] = [
            (name, place.find, readers[name]) for name, place in self._places.items() if not isinstance(place, _Column)
        ]

    def _place(self, field: AnyField) -> Place:
        encoding = self._rules.encoding
        if field.capture is not None:
            return _Part(self._regex_with(field.capture), field.capture)
        if field.carry is not None:
            return _Above(field.carry)
        if field.at is not None:
            return _Place(field.at[0] - 1, field.at[1], isinstance(field, TEXTUAL), " ".encode(encoding))
        return _Column(int(field.col or 1) - 1, self._mark)

    def _regex_with(self, group: str) -> re.Pattern[bytes]:
        patterns = capturing(self._layout, self._form, self._record)
        return next(
            one for one in (compiled(each, self._rules.encoding) for each in patterns) if group in one.groupindex
        )

    def decode(self, raw: RawRecord, name: str, number: int) -> tuple[Decoded, list[Problem]]:
        """Values and problems; a line that was cut, or has the wrong number of columns, has no values at all."""
        record = Decoded(name, raw, number)
        pieces = raw.body.split(self._mark) if self._wanted else []
        if not raw.ended or raw.oversize or len(pieces) != self._wanted:
            wrong = self._measure(raw, pieces)
            if wrong:
                record.unread = True
                return record, [wrong]
        record.spans = _Spans(raw, self._places)
        values = record.values
        problems: list[Problem] = []
        for field, column, read in self._columns:
            try:
                values[field] = read(pieces[column])
            except FieldProblem as problem:
                problems.append(self._problem(problem, record, field, pieces[column]))
        for field, find, read in self._others:
            cell = b""
            try:
                cell = find(raw)
                values[field] = read(cell)
            except FieldProblem as problem:
                problems.append(self._problem(problem, record, field, cell))
        return record, problems

    def _problem(self, problem: FieldProblem, record: Decoded, field: str, cell: bytes) -> Problem:
        if problem.code != "W_DRIFT":
            record.bad.add(field)
        first, last = self._places[field].span(record.raw)
        shift = record.raw.column - 1
        return overlap(problem, Cell(first + shift, last + shift, cell), field)

    def _measure(self, raw: RawRecord, pieces: Pieces) -> Problem | None:
        length = len(raw.body)
        if raw.oversize:
            return Problem(FieldProblem("E_LONG", f"has more than {length} bytes"), length + 1, length + 1)
        if not raw.ended and self._rules.last_newline == "required":
            cut = FieldProblem("E_SHORT", f"is cut: the file ends after {length} bytes without a line end")
            return Problem(cut, length + 1, length + 1)
        what = f"has {len(pieces)} columns; {self._wanted} are declared"
        if len(pieces) < self._wanted:
            return Problem(FieldProblem("E_SHORT", what), length + 1, length + 1)
        if self._wanted and len(pieces) > self._wanted:
            extra = columns.plain(raw.body, self._mark)[self._wanted]
            return Problem(FieldProblem("E_LONG", what), extra.start, max(length, extra.start), text=extra.raw)
        return None


def capturing(layout: Layout, form: ReportFormat, record: str) -> list[str]:
    """The expressions for whole lines whose named groups may be fields of the record."""
    if record == form.page.record:
        return [form.page.starts]
    return [when.regex for when in layout.records[record].when if when.regex and when.at is None]
