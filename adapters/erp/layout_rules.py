"""What must hold across a layout: coverage of every byte, known names, unambiguous records, complete mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from adapters.erp.layout_checks import CountCheck, split_ref
from adapters.erp.layout_fields import FillerField
from adapters.erp.layout_out_rules import out_rules
from adapters.erp.layout_report import ReportFormat
from adapters.erp.layout_report_rules import report_rules
from adapters.erp.targets import MODELS, problem_of_target, required_targets

if TYPE_CHECKING:
    from adapters.erp.layout import Layout, RecordType


def broken_rules(layout: Layout) -> list[str]:
    """Every rule that the layout breaks, each as `path: what to do`; references are checked first."""
    how = report_rules(layout, layout.format) if isinstance(layout.format, ReportFormat) else _plain(layout)
    basics = [*how, *_structure(layout), *_refs(layout), *_tables(layout), *_snapshot(layout)]
    if basics:
        return basics
    written = out_rules(layout) if layout.layout.direction == "out" else ()
    return [*_coverage(layout), *_targets(layout), *written]


def _plain(layout: Layout) -> Iterator[str]:
    """The rules of fixed and delimited files."""
    yield from _places(layout)
    yield from _identities(layout)


def _snapshot(layout: Layout) -> Iterator[str]:
    """A cut snapshot would remove what it lost: something must prove that it is whole."""
    counted = any(isinstance(check, CountCheck) and check.scope == "file" for check in layout.checks)
    guarded = layout.guards is not None and layout.guards.records_vs_last is not None
    if layout.semantics.absence != "keep" and not counted and not guarded:
        yield "semantics.absence: a file whose gaps mean something needs a count check, or guards.records_vs_last"
    if len({split_ref(ref)[0] for ref in layout.semantics.key}) != 1:
        yield "semantics.key: the fields of a key stand in one record"


def _places(layout: Layout) -> Iterator[str]:
    fixed = layout.format.type == "fixed"
    if fixed and layout.file.record_bytes is None:
        yield "file.record_bytes: a fixed format needs the length of its records, without the line end"
    for record_name, record in layout.records.items():
        for name, field in record.fields.items():
            where = f"records.{record_name}.fields.{name}"
            if field.capture or field.carry:
                yield f"{where}: `capture` and `carry` belong to a report"
            if fixed and (field.at is None or field.col is not None):
                yield f"{where}: a fixed record's field stands `at` bytes"
            if not fixed and (field.col is None or field.at is not None):
                yield f"{where}: a delimited record's field stands in a `col`"
            if isinstance(field.col, str) and getattr(layout.format, "header", "none") == "none":
                yield f"{where}: a column name needs `header: by_name` or `must_equal`"


def _structure(layout: Layout) -> Iterator[str]:
    nodes = list(layout.root.walk())[1:]
    names = Counter(node.name for node in nodes)
    yield from (
        f"structure: {name} stands {times} times; a record or group has one place"
        for name, times in names.items()
        if times > 1
    )
    for node in nodes:
        if node.is_record and node.name not in layout.records:
            yield f"structure: {node.name} is not one of the records {sorted(layout.records)}"
        if not node.is_record and node.name in layout.records:
            yield f"structure: the group {node.name} needs a name of its own: there is a record of that name"
    for name, record in layout.records.items():
        if name not in names and not record.ignore:
            yield f"records.{name}: give it a place in `structure`, or `ignore: true`"
    if layout.on_error.unit not in names:
        yield f"on_error.unit: {layout.on_error.unit} is not in `structure`"


def _refs(layout: Layout) -> Iterator[str]:
    for where, ref in _all_refs(layout):
        record, field = split_ref(ref)
        if record not in layout.records or field not in layout.records[record].fields:
            yield f"{where}: there is no field {ref}"
        elif where.startswith("checks") and layout.field(ref).pii:
            yield f"{where}: {ref} is private (pii), and a finding of the check would show it"
    groups = {node.name for node in layout.root.walk() if not node.is_record} | {layout.on_error.unit}
    names = {node.name for node in layout.root.walk()} | {"any_record"}
    for number, check in enumerate(layout.checks):
        if check.scope not in groups:
            yield f"checks.{number}.scope: {check.scope} is not a group"
        if isinstance(check, CountCheck) and check.count not in names:
            yield f"checks.{number}.count: {check.count} is neither a record, a group nor any_record"


def _tables(layout: Layout) -> Iterator[str]:
    for path, verb in layout.map.items():
        table = getattr(verb, "table", None)
        if table is not None and table not in layout.tables:
            yield f"map.{path}.table: there is no table {table}"


def _all_refs(layout: Layout) -> Iterator[tuple[str, str]]:
    for number, check in enumerate(layout.checks):
        yield from ((f"checks.{number}", ref) for ref in check.refs())
    for path, verb in layout.map.items():
        yield from ((f"map.{path}", ref) for ref in verb.refs())
    yield from (("semantics.key", ref) for ref in layout.semantics.key)
    if layout.guards and layout.guards.zero_share:
        yield "guards.zero_share.of", layout.guards.zero_share.of
    if layout.semantics.created_at:
        yield from (("semantics.created_at", ref) for ref in layout.semantics.created_at.refs())
    if layout.intake.sequence:
        yield "intake.sequence.from", layout.intake.sequence.from_


def _identities(layout: Layout) -> Iterator[str]:
    """Records must be told apart by one literal each at one common place (a record without `when` is the rest)."""
    ids: dict[tuple[object, ...], str] = {}
    for name, record in layout.records.items():
        if any(when.is_ is None for when in record.when):
            yield f"records.{name}.when: `regex` belongs to a report; write the literal as `is`"
            continue
        key = tuple(sorted((when.at or (when.col,), when.is_ or "") for when in record.when))
        if key in ids:
            yield f"records.{name}.when: the same as of {ids[key]}: a record would be both"
        ids[key] = name
        for when in record.when:
            if when.at and when.at[1] - when.at[0] + 1 != len((when.is_ or "").encode(layout.file.encoding)):
                yield f"records.{name}.when: {when.is_!r} does not fill {when.at[0]}-{when.at[1]}"
    places = {
        tuple(when.at or (when.col,) for when in record.when) for record in layout.records.values() if record.when
    }
    if len(places) > 1 or any(len(place) != 1 for place in places):
        yield "records: all records must be known by one literal at the same place"


def _coverage(layout: Layout) -> Iterator[str]:
    length = layout.file.record_bytes
    for name, record in layout.records.items():
        if layout.format.type == "fixed" and length is not None and not record.ignore:
            yield from _uncovered(f"records.{name}", record, length)


def _uncovered(where: str, record: RecordType, length: int) -> Iterator[str]:
    expected = 1
    for name, field in sorted(record.fields.items(), key=lambda pair: pair[1].at or (0, 0)):
        first, last = field.at or (0, 0)
        if first < expected:
            yield f"{where}.fields.{name}: byte {first} belongs to another field already"
        if first > expected:
            yield f"{where}: bytes {expected}-{first - 1} are not covered: declare a field or a filler"
        expected = max(expected, last + 1)
    if expected <= length:
        yield f"{where}: bytes {expected}-{length} are not covered: declare a field or a filler"
    if expected > length + 1:
        yield f"{where}: a field ends at byte {expected - 1}, after the record's {length} bytes"


def targets_of(layout: Layout) -> dict[str, tuple[str, ...]]:
    """Canonical path -> the fields that it comes from, of `to` words and of the `map` section."""
    found: dict[str, tuple[str, ...]] = {}
    for record_name, record in layout.records.items():
        prefix = f"{record.into}." if record.into else ""
        for name, field in record.fields.items():
            if field.to:
                found[f"{prefix}{field.to}"] = (f"{record_name}.{name}",)
    return {**found, **{path: verb.refs() for path, verb in layout.map.items()}}


def _targets(layout: Layout) -> Iterator[str]:
    model: type[BaseModel] | None = MODELS.get(layout.layout.entity)
    targets = targets_of(layout)
    if model is None:
        return
    for path, refs in targets.items():
        problem = problem_of_target(model, path)
        if problem:
            yield f"map.{path}: {problem}"
        yield from (f"map.{path}: {ref} is a filler" for ref in refs if isinstance(layout.field(ref), FillerField))
    for path in required_targets(model):
        if path not in targets:
            yield f"map: nothing gives {path}, which {model.__name__} needs"
