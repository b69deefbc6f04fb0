"""Findings: sentences for an operations person, with the exact place; capped in number, never in count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.erp.codes import CODES
from adapters.erp.decoder import Problem
from adapters.erp.layout import Layout
from adapters.erp.raw import RawRecord
from adapters.erp.tallies import Failure
from domain.files import Reject, Severity

CAP = 1000
# A flood of one kind must not push out the others: so many warnings of a code are kept, and so many findings of a code
# even when the list is full.
WARNINGS_KEPT = 100
ALWAYS_KEPT = 10
_LONGEST = 2000
# Control characters are shown as their pictures: PostgreSQL stores no NUL, and a terminal obeys some of the others.
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}


@dataclass(slots=True)
class Place:
    """Where a finding belongs, and how far it reaches."""

    severity: Severity
    record_type: str | None = None
    number: int | None = None
    group_key: str | None = None
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Findings:
    """All findings of one reading: the first 1,000 are kept, all are counted by code."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._fresh: list[Reject] = []
        self.kept: list[Reject] = []
        self.counts: Counter[str] = Counter()
        self.refused = False

    def add(self, reject: Reject) -> None:
        """Take a finding in; one that reaches the file refuses it."""
        self.counts[reject.code] += 1
        self.refused = self.refused or reject.severity is Severity.FILE
        times = self.counts[reject.code]
        room = times <= WARNINGS_KEPT if reject.severity is Severity.WARNING else len(self.kept) < CAP
        if room or times <= ALWAYS_KEPT:
            self.kept.append(reject)
            self._fresh.append(reject)

    def drain(self) -> list[Reject]:
        """The findings since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def shown(self, raw: bytes) -> str:
        """Bytes as text of the file's code page that any screen and the store can hold."""
        return raw[:_LONGEST].decode(self._layout.file.encoding, "replace").translate(_PICTURES)

    def _raw(self, raw: RawRecord | None, record_type: str | None, spans: Mapping[str, tuple[int, int]]) -> str | None:
        """The whole record, with the private fields hidden."""
        if raw is None:
            return None
        body = bytearray(raw.body[:_LONGEST])
        fields = self._layout.records[record_type].fields if record_type else {}
        for name, spec in fields.items():
            if spec.pii is None:
                continue
            if name not in spans and spec.at is None:  # it is somewhere in a record that could not be cut
                return "***"
            first, last = spans.get(name) or spec.at or (1, 0)
            body[first - 1 : last] = "*".encode(self._layout.file.encoding) * len(body[first - 1 : last])
        return self.shown(bytes(body))

    def problem(self, problem: Problem, raw: RawRecord, place: Place) -> None:
        """A problem of a record or of one of its fields."""
        cause = problem.cause
        spec = self._layout.records[place.record_type].fields.get(problem.field or "") if place.record_type else None
        masked = bool(spec and spec.pii)
        text = "***" if masked else self.shown(problem.text.rstrip() if problem.field is None else problem.text)
        self.add(
            Reject(
                severity=place.severity,
                code=cause.code,
                message=self._sentence(problem, raw, place.record_type, text),
                remedy=cause.remedy or CODES[cause.code].remedy,
                line=raw.line,
                record_no=place.number,
                byte_offset=raw.offset + problem.column_from - 1,
                record_type=place.record_type,
                group_key=place.group_key,
                field=problem.field,
                column_from=problem.column_from,
                column_to=problem.column_to,
                text=text or None,
                raw=self._raw(raw, place.record_type, place.spans),
            )
        )

    def _sentence(self, problem: Problem, raw: RawRecord, record_type: str | None, text: str) -> str:
        cause = problem.cause
        columns = f"columns {problem.column_from}-{problem.column_to}"
        if problem.column_from == problem.column_to:
            columns = f"column {problem.column_from}"
        if problem.field is None or cause.code in {"E_SHORT", "E_LONG"}:
            kind = f" ({record_type})" if record_type else ""
            return f"Line {raw.line}{kind} {cause.what}."
        at = ""
        if cause.at is not None and not cause.only and text != "***":
            byte = problem.text[cause.at : cause.at + 1]
            at = f": {self.shown(byte)!r} stands in column {problem.column_from + cause.at}" if byte else ""
        return f"Line {raw.line}, {columns}: {problem.field} of {record_type} is {text!r} and {cause.what}{at}."

    def failure(self, failure: Failure, place: Place) -> None:
        """A check that does not hold."""
        record, name = failure.record, failure.field
        span = record.spans.get(name) if record and name else None
        raw = record.raw if record else None
        where, owner = (f"Line {record.raw.line}", record.type) if record else ("The file", "it")
        columns = f", columns {span[0]}-{span[1]}" if span else ""
        text = self.shown(raw.body[span[0] - 1 : span[1]]) if raw and span else None
        title = f" ({failure.check.as_})" if failure.check.as_ not in {None, name} else ""
        self.add(
            Reject(
                severity=place.severity,
                code=failure.code,
                message=f"{where}{columns}: {name}{title} of {owner} {failure.message}.",
                remedy=CODES[failure.code].remedy,
                line=raw.line if raw else None,
                record_no=record.number if record else None,
                byte_offset=raw.offset + span[0] - 1 if raw and span else None,
                record_type=record.type if record else None,
                group_key=place.group_key,
                field=name,
                column_from=span[0] if span else None,
                column_to=span[1] if span else None,
                text=text,
                raw=self._raw(raw, record.type if record else None, record.spans if record else {}),
            )
        )
