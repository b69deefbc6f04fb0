"""The header line of a delimited file: which column stands where."""

from __future__ import annotations

from adapters.erp import columns
from adapters.erp.codes import FieldProblem
from adapters.erp.decoder import Problem
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.raw import RawRecord


def _names(raw: RawRecord, layout: Layout, form: DelimitedFormat) -> list[str]:
    cells = columns.cut(raw.body, form, layout.file.encoding)
    found = [cell.raw.decode(layout.file.encoding, "replace").strip() for cell in cells]
    renamed = {old.casefold(): new for old, new in form.aliases.items()}
    return [renamed.get(name.casefold(), name) for name in found]


def wanted_columns(layout: Layout) -> list[str]:
    """The column names that the fields of the layout read."""
    fields = (field for record in layout.records.values() for field in record.fields.values())
    return list(dict.fromkeys(field.col for field in fields if isinstance(field.col, str)))


def read_header(raw: RawRecord, layout: Layout, form: DelimitedFormat) -> tuple[dict[str, int], list[Problem]]:
    """Column numbers by folded name, and what is wrong with the line; a new column is drift (case F11)."""
    length = max(len(raw.body), 1)
    try:
        names = _names(raw, layout, form)
    except FieldProblem as problem:
        return {}, [Problem(problem, (problem.at or 0) + 1, length)]
    positions = {name.casefold(): number for number, name in enumerate(names, 1)}
    wanted = [name.casefold() for name in wanted_columns(layout)]
    missing = [name for name in wanted_columns(layout) if name.casefold() not in positions]
    if len(missing) == len(wanted):
        what = f"names none of the columns {', '.join(missing)}"
        return {}, [Problem(FieldProblem("E_LAYOUT", what), 1, length, text=raw.body)]
    if missing:
        return {}, [_wrong(f"lacks the columns {', '.join(missing)}", raw)]
    if len(positions) < len(names):
        return {}, [_wrong("names a column twice", raw)]
    extra = [name for name in names if name.casefold() not in wanted]
    problems = [_extra(extra, raw, form)] if extra else []
    if form.header == "must_equal" and names != list(form.names):
        problems = [_wrong(f"must be {form.delimiter.join(form.names)}", raw)]
    refused = any(problem.cause.code == "E_HEADER" for problem in problems)
    return ({} if refused else positions), problems


def _wrong(what: str, raw: RawRecord) -> Problem:
    return Problem(FieldProblem("E_HEADER", what), 1, max(len(raw.body), 1), text=raw.body)


def _extra(names: list[str], raw: RawRecord, form: DelimitedFormat) -> Problem:
    code = "W_DRIFT" if form.columns == "min" else "E_HEADER"
    what = f"has columns that the layout does not know: {', '.join(names)}"
    return Problem(FieldProblem(code, what), 1, max(len(raw.body), 1), text=raw.body)
