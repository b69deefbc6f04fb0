"""Where a reading stands, and its findings in their place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from adapters.erp.automaton import Missing
from adapters.erp.checks import Checks
from adapters.erp.codes import CODES, FieldProblem
from adapters.erp.decoder import Problem
from adapters.erp.findings import Findings, Place
from adapters.erp.layout import Layout
from adapters.erp.layout_tree import Node
from adapters.erp.ledger import Ledger
from adapters.erp.raw import Decoded, RawRecord
from adapters.erp.tallies import Failure
from adapters.erp.unit import Unit
from domain.files import Reject, Severity


@dataclass(slots=True)
class Progress:
    """The open unit and the counts so far."""

    unit: Unit | None = None
    records: int = 0
    groups: int = 0
    rejected: int = 0
    unchanged: int = 0
    last_line: int = 0
    last_good_line: int = 0
    any_read: bool = False
    by_type: Counter[str] = field(default_factory=Counter)


class Reporter:
    """Gives each finding its severity by the layout's policy, and marks the open unit as bad where it must be."""

    def __init__(self, layout: Layout, progress: Progress, checks: Checks, ledger: Ledger) -> None:
        self.findings = Findings(layout)
        self._layout = layout
        self._progress = progress
        self._checks = checks
        self._ledger = ledger
        self._unit_records = layout.unit.records()
        self._alike: Counter[tuple[str, str, str | None]] = Counter()

    def _reach(self, code: str, record: Decoded) -> Severity:
        """Warnings reach nothing; outside a unit, in a cut record, or by policy a problem reaches the whole file."""
        if code.startswith("W_"):
            return Severity.WARNING
        inside = self._progress.unit is not None and record.type in self._unit_records
        cut = not record.raw.ended and code == "E_SHORT"
        if not inside or cut or code in self._layout.on_error.refuse_file:
            return Severity.FILE
        return Severity.GROUP

    def _place(self, severity: Severity, record: Decoded | None) -> Place:
        if severity is not Severity.WARNING and self._progress.unit:
            self._progress.unit.bad = True
        key = self._progress.unit.key if self._progress.unit else None
        if record is None:
            return Place(severity, group_key=key)
        return Place(severity, record.type, record.number, key, record.spans)

    def problem(self, problem: Problem, record: Decoded) -> None:
        """A problem of a known record or of a field of it."""
        severity = self._reach(problem.cause.code, record)
        self.findings.problem(problem, record.raw, self._place(severity, record))
        if severity is Severity.GROUP:
            self._alike[problem.cause.code, record.type, problem.field] += 1
        if severity is Severity.FILE and self._progress.unit and problem.field in record.bad:
            self._unproven(problem, record)

    def _unproven(self, problem: Problem, record: Decoded) -> None:
        """Say why one damaged value refuses the file, where no total will say it at the end."""
        name = problem.field or ""
        if self._checks.proves(record.type, name):
            return
        what = (
            "is covered by no control total of the file: it cannot be proven what the ERP wrote there, nor that the "
            "other bytes arrived as they were sent, so the whole file is refused"
        )
        reason = Problem(FieldProblem("E_UNPROVEN", what), problem.column_from, problem.column_to, name, problem.text)
        self.findings.problem(reason, record.raw, self._place(Severity.FILE, record))

    def at_field(self, cause: FieldProblem, record: Decoded, field: str) -> None:
        """A problem found after decoding, at the columns of the field that it comes from."""
        first, last = record.spans.get(field, (1, max(len(record.raw.body), 1)))
        self.problem(Problem(cause, first, last, field, record.raw.body[first - 1 : last]), record)

    def remark(self, record_type: str, field: str, what: str) -> None:
        """A value that was read by a declared rule: a warning at its place."""
        record = self._checks.latest.get(record_type)
        if record:
            self.at_field(FieldProblem("W_DST", what), record, field)

    def note(self, cause: FieldProblem, raw: RawRecord, column: int, last: int | None = None) -> None:
        """A finding about a record of no known type; it refuses the file."""
        shift = raw.column - 1  # a form feed that was taken off
        problem = Problem(cause, column + shift, (last or column) + shift, None, raw.body[column - 1 : last])
        place = self._place(Severity.FILE, None)
        place.number = self._progress.records or None
        self.findings.problem(problem, raw, place)

    def header(self, problem: Problem, raw: RawRecord) -> None:
        """A problem of the header line: drift is a warning, everything else refuses the file."""
        drift = problem.cause.code.startswith("W_")
        self.findings.problem(problem, raw, Place(Severity.WARNING if drift else Severity.FILE))

    def failure(self, failure: Failure) -> None:
        """A check that does not hold, with the reach that the layout gives it."""
        severity = Severity.FILE if failure.code == "E_UNPROVEN" else failure.check.reach()
        if severity is Severity.GROUP and self._progress.unit is None:
            severity = Severity.FILE
        self.findings.failure(failure, self._place(severity, failure.record))

    def lacking(self, missing: list[Missing], raw: RawRecord | None) -> None:
        """Records that should have come before this one, or before the end of the file (case F2)."""
        for lack in missing:
            inside = self._progress.unit is not None and lack.parent.name == self._layout.unit.name
            by_policy = "E_MISSING" in self._layout.on_error.refuse_file
            severity = Severity.GROUP if inside and not by_policy and raw else Severity.FILE
            where = f"before line {raw.line}" if raw else "at the end of the file"
            owner = "" if lack.parent.name == "file" else f" of {lack.parent.name}"
            counts = "" if raw else self._counts()
            message = f"The {lack.node.name} record{owner} is missing {where}.{counts}"
            self._missing(message, lack.node, self._place(severity, None) if inside else Place(severity), raw)

    def _counts(self) -> str:
        done = self._progress
        return (
            f" Read were {done.records} records and {done.groups} whole groups; the last good line is "
            f"{done.last_good_line}. How many were written is not known, because the last record states it."
        )

    def _missing(self, message: str, node: Node, place: Place, raw: RawRecord | None) -> None:
        self.findings.add(
            Reject(
                severity=place.severity,
                code="E_MISSING",
                message=message,
                remedy=CODES["E_MISSING"].remedy,
                line=raw.line if raw else self._progress.last_line + 1,
                record_no=self._progress.records or None,
                byte_offset=raw.offset if raw else self._ledger.position,
                record_type=node.name,
                group_key=place.group_key,
            )
        )

    def one_cause(self) -> None:
        """Many records that fail in the same way have one cause, and that is in the file or in the layout."""
        policy = self._layout.on_error.same_cause
        for (code, record_type, name), times in self._alike.items():
            of = self._progress.by_type[record_type]
            if times >= policy.at_least and times * 100 > of * policy.percent:
                place = f"{name} of {record_type}" if name else record_type
                what = f"{times} of {of} {record_type} records fail alike ({code}, {place}): {CODES[code].title}."
                self.whole_file("E_PATTERN", what)

    def whole_file(self, code: str, message: str) -> None:
        """A finding about the file as such."""
        self.findings.add(Reject(severity=Severity.FILE, code=code, message=message, remedy=CODES[code].remedy, line=1))
