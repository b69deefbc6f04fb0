"""Trying a layout before it is used: does it hold together, do its examples read, what does a file look like."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from adapters.erp.classifier import classifier_of
from adapters.erp.decoder import Problem
from adapters.erp.decoders import decoder_of
from adapters.erp.encoder import writer_of
from adapters.erp.header import read_header, wanted_columns
from adapters.erp.layout import DelimitedFormat, Example, Layout
from adapters.erp.layout_fields import ConstField, FillerField
from adapters.erp.lines import Lines, allowed_controls
from adapters.erp.mapping import jsonable
from adapters.erp.raw import Decoded, RawRecord, Skipped, Value
from adapters.erp.report import Report, pages_of
from adapters.erp.splitter import split
from adapters.erp.written_numbers import Misfit
from domain.errors import Misconfigured


def check_layout(path: Path) -> list[str]:
    """Every problem of a layout file, its examples included; an empty list means that it can be used."""
    try:
        layout = Layout.load(path)
    except Misconfigured as error:
        return error.detail.split("; ")
    except OSError as error:
        return [f"{path.name}: cannot be read: {error.strerror}"]
    without = [name for name in layout.records if name not in {example.record for example in layout.examples}]
    lacking = [f"examples: give a raw line of {name}, with what it reads as" for name in without]
    return [f"{path.name}: {problem}" for problem in [*lacking, *_examples(layout)]]


def _examples(layout: Layout) -> Iterator[str]:
    for number, example in enumerate(layout.examples):
        where = f"examples.{number}"
        if example.record not in layout.records or (example.line is None) == (example.hex is None):
            yield f"{where}: name a record, and give either `line` or `hex`"
            continue
        try:
            yield from (f"{where}: {problem}" for problem in _example(layout, example))
        except ValueError as error:
            yield f"{where}: {error}"


def _body(layout: Layout, example: Example) -> bytes:
    if example.hex is not None:
        return bytes.fromhex(example.hex)
    body = (example.line or "").encode(layout.file.encoding)
    blank = " ".encode(layout.file.encoding)
    return body.ljust(layout.file.record_bytes, blank) if layout.file.record_bytes else body


def _example(layout: Layout, example: Example) -> Iterator[str]:
    raw = RawRecord(1, 1, 0, 0, _body(layout, example))
    found = classifier_of(layout).identify(raw)
    if found != example.record:
        yield f"the line is a {found} record, not a {example.record}"
        return
    record, problems = decoder_of(layout, example.record, named_columns(layout)).decode(raw, found, 1)
    yield from (f"{problem.field or 'the line'} {problem.cause.what}" for problem in problems)
    for name, expected in example.values.items():
        if name not in layout.records[example.record].fields:
            yield f"there is no field {name}"
        elif record.known(name) and _text(record.values.get(name)) != expected:
            yield f"{name} reads as {_text(record.values.get(name))!r}, not {expected!r}"
    if layout.layout.direction == "out" and not problems:
        yield from _written_back(layout, record)


def _written_back(layout: Layout, record: Decoded) -> Iterator[str]:
    """What a written layout reads, it has to write again byte by byte."""
    cells = {}
    for name, field in layout.records[record.type].fields.items():
        width = field.at and field.at[1] - field.at[0] + 1
        value = field.is_ if isinstance(field, ConstField) else record.values.get(name)
        try:
            cells[name] = writer_of(field, layout.file.encoding, width, allowed_controls(layout))(value)
        except Misfit as problem:
            yield f"{name} cannot be written: it {problem.what}"
            return
    written = Lines(layout).line(record.type, cells)
    if written != record.raw.body:
        yield f"is written as {written.decode(layout.file.encoding, 'replace').rstrip()!r}"


def _text(value: Value) -> str:
    """The value as an example writes it: no value is empty, flags are true and false."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(jsonable(value))


def named_columns(layout: Layout) -> dict[str, int]:
    """Where named columns stand when there is no header line at hand: in the order of the layout's fields."""
    return {name.casefold(): number for number, name in enumerate(wanted_columns(layout), 1)}


def preview(file: Path, layout: Layout, limit: int = 20) -> list[dict[str, Any]]:
    """The first records of a file as an analyst wants to see them: type, values, and problems with their columns.

    Nothing is checked across records here; `FileReading` does that.
    """
    rows: list[dict[str, Any]] = []
    classifier = classifier_of(layout)
    positions: dict[str, int] = {}
    form = layout.format if isinstance(layout.format, DelimitedFormat) else None
    header_due = form is not None and form.header != "none"
    with file.open("rb") as stream:
        records = _without_furniture(split(stream, layout), pages_of(layout))
        for number, raw in enumerate(itertools.islice(records, limit + header_due)):
            if form and header_due:
                positions, problems = read_header(raw, layout, form)
                header_due = False
                rows.append(
                    {"line": raw.line, "record": "header", "values": dict(positions), "problems": _shown(problems)}
                )
                if not positions:
                    break
                continue
            rows.append(_row(layout, raw, classifier.identify(raw), positions, number))
    return rows


def _without_furniture(parts: Iterable[RawRecord | Skipped], pages: Report | None) -> Iterator[RawRecord]:
    """What a reader of the file has to know: records, and lines that are none and should be."""
    for part in parts:
        if isinstance(part, Skipped):
            continue
        sight = pages.look(part) if pages else None
        if sight is None or not sight.furniture or sight.remarks:
            yield part


def _row(layout: Layout, raw: RawRecord, name: str | None, positions: dict[str, int], number: int) -> dict[str, Any]:
    shown = raw.body.decode(layout.file.encoding, "replace")
    if name is None:
        return {
            "line": raw.line,
            "record": None,
            "values": {},
            "problems": ["no record type of this layout"],
            "raw": shown,
        }
    record, problems = decoder_of(layout, name, positions).decode(raw, name, number)
    return {
        "line": raw.line,
        "record": name,
        "values": _values(layout, record),
        "problems": _shown(problems),
        "raw": shown,
    }


def _values(layout: Layout, record: Decoded) -> dict[str, Any]:
    fields = layout.records[record.type].fields
    return {name: jsonable(value) for name, value in record.values.items() if not isinstance(fields[name], FillerField)}


def _shown(problems: list[Problem]) -> list[str]:
    return [
        f"{one.cause.code} columns {one.column_from}-{one.column_to}: {one.field or 'the record'} {one.cause.what}"
        for one in problems
    ]
