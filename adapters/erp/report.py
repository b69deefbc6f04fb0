"""Following a report line by line: pages with their headings, the region of records, values that stand above."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapters.erp.codes import FieldProblem
from adapters.erp.layout import Layout, When
from adapters.erp.layout_report import ReportFormat
from adapters.erp.raw import RawRecord

Line = bytes
Test = Callable[[Line], object]


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with a line of the report; columns of its body from 1, both included."""

    cause: FieldProblem
    column_from: int
    column_to: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What a line is: a record of a type, furniture (no record), or neither; and what is wrong with it."""

    record: str | None = None
    furniture: bool = False
    remarks: tuple[Remark, ...] = ()


_FURNITURE = Sight(furniture=True)
_UNKNOWN = Sight()


def compiled(pattern: str, encoding: str) -> re.Pattern[bytes]:
    """The expression for lines as bytes of the code page."""
    return re.compile(pattern.encode(encoding))


class ReportClassifier:
    """Knows record types by the `when` rules of a report's layout; all rules of a type must hold."""

    id_end = 40  # no bytes in particular tell the type: show the beginning of the line

    def __init__(self, layout: Layout, form: ReportFormat) -> None:
        self._encoding = layout.file.encoding
        self._starts = compiled(form.page.starts, self._encoding)
        self._first = form.page.record
        self._rules = [
            (name, _all_of([self._test(when) for when in record.when]))
            for name, record in layout.records.items()
            if record.when and name != self._first
        ]

    def _test(self, when: When) -> Test:
        start, end = ((when.at[0] - 1), when.at[1]) if when.at else (0, None)
        if when.is_ is not None:
            expected = when.is_.encode(self._encoding)
            return lambda line: line[start:end] == expected
        search = compiled(when.regex or "", self._encoding).search
        return search if when.at is None else lambda line: search(line[start:end])

    def fits(self, line: Line) -> list[str]:
        """The types whose rules all hold, the first line of a page aside."""
        return [name for name, holds in self._rules if holds(line)]

    def identify(self, raw: RawRecord) -> str | None:
        """The one type that the line is; a line that could be two is none."""
        if self._starts.search(raw.body):
            return self._first
        names = self.fits(raw.body)
        return names[0] if len(names) == 1 else None


def _all_of(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda line: all(test(line) for test in tests)


class Report:
    """The state between lines: the page, headings that are due, the region, carried values. Memory is one heading."""

    def __init__(self, layout: Layout, form: ReportFormat, classifier: ReportClassifier) -> None:
        def every(patterns: Iterable[str]) -> list[re.Pattern[bytes]]:
            return [compiled(pattern, layout.file.encoding) for pattern in patterns]

        self._rules = form.page
        self._fits = classifier.fits
        self._sights = {name: Sight(record=name) for name in layout.records}
        self._starts = compiled(form.page.starts, layout.file.encoding)
        self._headings = every(form.page.headings)
        self._ignored = every(form.ignore)
        self._region = _Region(form, every)
        self._carries = {name: compiled(one.regex, layout.file.encoding) for name, one in form.carry.items()}
        self._page_values = {name for name, one in form.carry.items() if one.clears_on == "page"}
        self._carried: Mapping[str, bytes] | None = None  # never changed: records keep the one they were read under
        self._page = 0  # the number that the page at hand bears
        self._pages = 0
        self._due: int | None = None  # the index of the heading that must come next
        self._first_page: dict[int, Line] = {}

    def look(self, raw: RawRecord) -> Sight:
        """What the next line is; its carried values are set in it."""
        start = self._starts.search(raw.body)
        if start:
            return self._new_page(raw, start)
        if raw.column > 1:
            what = FieldProblem("E_CONTROL", "starts with a form feed, but is not the first line of a page")
            return Sight(remarks=(Remark(what, 1, 1),))
        if self._due is not None:
            return self._heading(raw)
        return self._inner(raw)

    def lacking(self) -> list[str]:
        """What is missing when the report ends here, in sentences."""
        return list(self._region.lacking())

    # Pages

    def _new_page(self, raw: RawRecord, start: re.Match[bytes]) -> Sight:
        self._pages += 1
        remarks = [*self._cut_heading(raw), *self._feed(raw), *self._number(start)]
        apart = raw.body
        if self._rules.number == "contiguous":
            first, last = start.span("page")
            apart = raw.body[:first].rstrip(b" ") + b"#" + raw.body[last:]
        remarks += self._repeats(raw, 1, apart)
        self._due = 0 if self._headings else None
        if self._page_values and self._carried:
            self._carried = {name: value for name, value in self._carried.items() if name not in self._page_values}
        first = self._pages == 1
        return Sight(self._rules.record if first else None, furniture=not first, remarks=tuple(remarks))

    def _cut_heading(self, raw: RawRecord) -> Iterator[Remark]:
        if self._due is not None:
            what = f"starts a page before the {len(self._headings)} heading lines of the last one were complete"
            yield Remark(FieldProblem("E_HEADER", what), 1, max(len(raw.body), 1))

    def _feed(self, raw: RawRecord) -> Iterator[Remark]:
        rule, given = self._rules.form_feed, raw.column > 1
        wanted = rule == "every" or (rule == "between" and self._pages > 1)
        if wanted and not given:
            yield Remark(FieldProblem("E_PAGE", "starts a page without a form feed before it"), 1, 1)
        if given and (rule == "none" or (rule == "between" and self._pages == 1)):
            yield Remark(FieldProblem("E_PAGE", "has a form feed before it where the layout declares none"), 1, 1)

    def _number(self, start: re.Match[bytes]) -> Iterator[Remark]:
        if self._rules.number == "none":
            return
        text = start.group("page").strip()
        due, self._page = self._page + 1, int(text) if text.isdigit() and len(text) < 10 else 0
        if self._page != due:
            first, last = start.span("page")
            what = f"is page {text.decode('ascii', 'replace')}, but page {due} is due"
            yield Remark(FieldProblem("E_PAGE", what), first + 1, max(last, first + 1))

    def _heading(self, raw: RawRecord) -> Sight:
        number = self._due or 0
        self._due = number + 1 if number + 1 < len(self._headings) else None
        length = max(len(raw.body), 1)
        if not self._headings[number].search(raw.body):
            what = f"is heading line {number + 2} of a page and must be of the form {self._rules.headings[number]}"
            return Sight(remarks=(Remark(FieldProblem("E_HEADER", what), 1, length),))
        remarks = tuple(self._repeats(raw, number + 2, raw.body))
        return Sight(remarks=remarks) if remarks else _FURNITURE

    def _repeats(self, raw: RawRecord, number: int, line: Line) -> Iterator[Remark]:
        """A line that has to repeat is the same on every page."""
        if number not in self._rules.must_repeat:
            return
        known = self._first_page.setdefault(number, line)
        if known != line:
            what = f"is line {number} of a page and differs from that line of the first page"
            at = next((n for n, (a, b) in enumerate(zip(known, line, strict=False)) if a != b), 0)
            yield Remark(FieldProblem("E_HEADER", what), at + 1, max(len(raw.body), at + 1))

    # Between the headings

    def _inner(self, raw: RawRecord) -> Sight:
        inside = self._region.step(raw.body)
        carries = inside and self._carries and self._carry(raw.body)
        raw.carried = self._carried
        names = self._fits(raw.body) if inside else []
        if len(names) == 1:
            return self._sights[names[0]]
        if names:
            what = f"could be a record of several types: {', '.join(names)}"
            return Sight(remarks=(Remark(FieldProblem("E_UNKNOWN", what), 1, max(len(raw.body), 1)),))
        if carries or not inside or self._region.at_edge or any(one.search(raw.body) for one in self._ignored):
            return _FURNITURE
        return _UNKNOWN

    def _carry(self, line: Line) -> bool:
        found = {name: match for name, regex in self._carries.items() if (match := regex.search(line))}
        if found:
            values = {name: match.group("value") for name, match in found.items()}
            self._carried = {**(self._carried or {}), **values}
        return bool(found)


def pages_of(layout: Layout) -> Report | None:
    """The state of a report; None for files of other formats."""
    form = layout.format
    return Report(layout, form, ReportClassifier(layout, form)) if isinstance(form, ReportFormat) else None


class _Region:
    """Whether records may stand where the report is; without a declared region they may everywhere."""

    def __init__(self, form: ReportFormat, every: Callable[[Iterable[str]], list[re.Pattern[bytes]]]) -> None:
        region = form.region
        self._from = every([region.from_])[0] if region and region.from_ else None
        self._to = every([region.to])[0] if region and region.to else None
        self._inside = self._from is None
        self._seen = self._ended = False
        self.at_edge = False

    def step(self, line: Line) -> bool:
        """Take a line in; whether it may be a record."""
        self.at_edge = False
        if not self._inside:
            self.at_edge = self._inside = bool(self._from and self._from.search(line))
        elif self._to and self._to.search(line):
            self.at_edge = self._ended = True
            self._inside = False
        self._seen = self._seen or self._inside
        return self._inside or self.at_edge

    def lacking(self) -> Iterator[str]:
        """What is missing at the end of the report."""
        if self._from and not self._seen:
            yield "The line where the records of the report start did not come."
        elif self._to and not self._ended:
            yield "The line where the records of the report end did not come."
