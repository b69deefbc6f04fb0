"""Where each field of a written file has its value from: the mapping of the layout, read backwards.

A field is a constant, a value of the group (`to`, `map`), the number or the instant of the file, a total that a check
computes, or a copy of another field that a check holds it equal to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.erp.layout_checks import CountCheck, EqualsCheck, HashCheck, SumCheck
from adapters.erp.layout_fields import AnyField, ConstField, FillerField, TextField, TimestampField
from adapters.erp.layout_map import Const, Join, Lookup, Take
from adapters.erp.raw import LocalMoment, Value

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapters.erp.layout import Layout

# What the values of a record come from: the group, the element of its list, and the facts of the file.
Given = Mapping[str, Any]
Give = Callable[[Given], Value]
SEQUENCE, CREATED_AT = "file.sequence", "file.created_at"


@dataclass
class Sources:
    """By `record.field`: how a value is given, which totals are computed, which fields are copied from which."""

    given: dict[str, Give] = field(default_factory=dict)
    totals: dict[str, CountCheck | SumCheck | HashCheck] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[TextField]] = field(default_factory=dict)  # canonical path -> the texts that it becomes
    problems: list[str] = field(default_factory=list)

    def known(self, ref: str) -> bool:
        """Whether something gives this field its value."""
        return ref in self.given or ref in self.totals or ref in self.copies


def sources_of(layout: Layout) -> Sources:
    """The sources of all fields; `problems` names what keeps the layout from being written."""
    found = Sources()
    for ref, one in _fields(layout):
        if isinstance(one, ConstField | FillerField):
            text = one.is_ if isinstance(one, ConstField) else None
            found.given[ref] = lambda _given, text=text: text  # type: ignore[misc]
        elif one.to:
            _from_path(found, ref, one, _path(layout, ref, one.to), layout)
    for path, verb in layout.map.items():
        _from_verb(found, layout, path, verb)
    _of_the_file(found, layout)
    _from_checks(found, layout)
    found.problems += [
        f"records.{ref}: nothing gives its value: add `to`, or a check that computes it"
        for ref, _ in _fields(layout)
        if not found.known(ref)
    ]
    return found


def _fields(layout: Layout) -> Iterator[tuple[str, AnyField]]:
    for record_name, record in layout.records.items():
        yield from ((f"{record_name}.{name}", one) for name, one in record.fields.items())


def _path(layout: Layout, ref: str, to: str) -> str:
    into = layout.records[ref.partition(".")[0]].into
    return f"{into}.{to}" if into else to


def _from_path(found: Sources, ref: str, one: AnyField, path: str, layout: Layout) -> None:
    if isinstance(one, TextField):
        found.texts.setdefault(path, []).append(one)
    moment = isinstance(one, TimestampField)
    zone = layout.zone

    def give(given: Given) -> Value:
        value = value_at(given, path)
        return local(value, zone) if moment and isinstance(value, datetime) else value

    found.given[ref] = give


def value_at(given: Given, path: str) -> Any:
    """The value at a canonical path; what stands in a list is the element at hand."""
    value: Any = given
    for part in path.split("."):
        value = None if value is None else value.get(part)
    return value


def local(moment: datetime, zone: ZoneInfo) -> LocalMoment:
    """What the ERP's calendar and clock show at an instant."""
    shown = moment.astimezone(zone)
    return LocalMoment(shown.date(), shown.time())


def _from_verb(found: Sources, layout: Layout, path: str, verb: object) -> None:
    match verb:
        case Take(take=ref):
            _from_path(found, ref, layout.field(ref), path, layout)
        case Lookup(lookup=ref, table=name):
            codes = {word: code for code, word in reversed(layout.tables[name].items())}
            found.given[ref] = lambda given: codes.get(str(value_at(given, path)))
        case Join(join=(day, clock), as_="instant"):
            _instant(found, day, clock, path, layout.zone)
        case Const():
            pass
        case _:
            found.problems.append(f"map.{path}: this cannot be written: use take, lookup, or join as instant")


def _instant(found: Sources, day: str, clock: str, path: str, zone: ZoneInfo) -> None:
    def shown(given: Given) -> LocalMoment | None:
        value = value_at(given, path)
        return local(value, zone) if isinstance(value, datetime) else None

    found.given[day] = lambda given: moment.day if (moment := shown(given)) else None
    found.given[clock] = lambda given: moment.clock if (moment := shown(given)) else None


def _of_the_file(found: Sources, layout: Layout) -> None:
    if layout.intake.sequence:
        found.given[layout.intake.sequence.from_] = lambda given: given[SEQUENCE]
    match layout.semantics.created_at:
        case Take(take=ref):
            found.given[ref] = lambda given: local(given[CREATED_AT], layout.zone)
        case Join(join=(day, clock)):
            found.given[day] = lambda given: local(given[CREATED_AT], layout.zone).day
            found.given[clock] = lambda given: local(given[CREATED_AT], layout.zone).clock
        case _:
            pass


def _from_checks(found: Sources, layout: Layout) -> None:
    for number, check in enumerate(layout.checks):
        if isinstance(check, CountCheck | SumCheck | HashCheck) and check.equals not in found.given:
            found.totals[check.equals] = check
            for ref in check.refs():
                if ref != check.equals and not found.known(ref):
                    found.problems.append(f"checks.{number}: {ref} is not given, so no total of it can be computed")
        elif isinstance(check, EqualsCheck):
            one, other = check.equals
            for copy, source in ((one, other), (other, one)):
                if not found.known(copy) and source in found.given:
                    found.copies[copy] = source
