"""What must hold in the layout of a report: places that exist, expressions that can be used, pages that can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.erp.layout_fields import AnyField
from adapters.erp.layout_report import ReportFormat
from adapters.erp.numbers import is_ebcdic

if TYPE_CHECKING:
    from adapters.erp.layout import Layout


def report_rules(layout: Layout, form: ReportFormat) -> Iterator[str]:
    """Every rule for reports that the layout breaks."""
    if is_ebcdic(layout.file.encoding):
        yield "file.encoding: a report is read in a code page with ASCII digits and letters; convert it on transfer"
        return
    unusable = list(_expressions(layout, form))
    if unusable:
        yield from unusable
        return
    if form.page.form_feed != "none" and layout.file.form_feed != "strip":
        yield "file.form_feed: a report whose pages may start with form feeds needs `form_feed: strip`"
    if form.page.record not in layout.records:
        yield f"format.page.record: {form.page.record} is not one of the records {sorted(layout.records)}"
    yield from _records(layout, form)


def _expressions(layout: Layout, form: ReportFormat) -> Iterator[str]:
    """Expressions are searched in bytes of the code page."""
    page = form.page
    found = [("format.page.starts", page.starts), *(("format.page.headings", one) for one in page.headings)]
    found += [("format.ignore", one) for one in form.ignore]
    found += [(f"format.carry.{name}.regex", one.regex) for name, one in form.carry.items()]
    if form.region:
        found += [("format.region", one) for one in (form.region.from_, form.region.to) if one]
    for name, record in layout.records.items():
        found += [(f"records.{name}.when", when.regex) for when in record.when if when.regex]
    for where, pattern in found:
        try:
            re.compile(pattern.encode(layout.file.encoding))
        except (re.error, UnicodeEncodeError) as error:
            yield f"{where}: {pattern!r} cannot be searched in {layout.file.encoding}: {error}"


def _records(layout: Layout, form: ReportFormat) -> Iterator[str]:
    for name, record in layout.records.items():
        if name == form.page.record and record.when:
            yield f"records.{name}.when: leave it out; `format.page.starts` knows this record"
        if name != form.page.record and not record.when:
            yield f"records.{name}.when: say how a line of the report is known to be one"
        if any(when.col for when in record.when):
            yield f"records.{name}.when: a line of a report is known by `regex`, or by `is` at a place"
        groups = _groups(layout, form, name)
        for field_name, field in record.fields.items():
            problem = _place(field, form, groups)
            if problem:
                yield f"records.{name}.fields.{field_name}: {problem}"


def _groups(layout: Layout, form: ReportFormat, record: str) -> set[str]:
    """The named groups that fields of the record may read."""
    whole = [when.regex for when in layout.records[record].when if when.regex and when.at is None]
    patterns = [form.page.starts] if record == form.page.record else whole
    return {group for pattern in patterns for group in re.compile(pattern).groupindex}


def _place(field: AnyField, form: ReportFormat, groups: set[str]) -> str | None:
    given = [place for place in (field.at, field.col, field.capture, field.carry) if place is not None]
    if len(given) != 1:
        return "give one place: `at`, `col`, `capture` or `carry`"
    if field.capture is not None and field.capture not in groups:
        return f"there is no group (?P<{field.capture}>...) in the expression that knows the record"
    if field.carry is not None and field.carry not in form.carry:
        return f"{field.carry} is not in `format.carry`"
    if field.col is not None and form.delimiter is None:
        return "a `col` needs `format.delimiter`"
    return "a report has no header: write the number of the column" if isinstance(field.col, str) else None
