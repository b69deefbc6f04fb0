"""Reading one file: a stream of groups that passed, findings with their exact places, and a summary that adds up.

Nothing of a file may reach canonical tables before the whole file was read: `summary.refused` says that every staged
block has to be discarded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from adapters.erp.automaton import Automaton
from adapters.erp.checks import Checks
from adapters.erp.classifier import classifier_of
from adapters.erp.codes import FieldProblem
from adapters.erp.decoder import Problem
from adapters.erp.decoders import Decoder, decoder_of
from adapters.erp.header import read_header
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.layout_checks import split_ref
from adapters.erp.layout_tree import Node
from adapters.erp.ledger import Ledger
from adapters.erp.mapping import Mapper, MappingProblem
from adapters.erp.progress import Progress, Reporter
from adapters.erp.raw import Decoded, RawRecord, Skipped
from adapters.erp.report import Sight, pages_of
from adapters.erp.splitter import split
from adapters.erp.unchanged import KnownLines, skimmer_of
from adapters.erp.unit import Unit
from domain.files import FileSummary, Reject, StagedGroup


class FileReading:
    """Iterate once for blocks of groups; then `summary` is there. Never raises for bad content, only for I/O."""

    def __init__(self, path: Path, layout: Layout, block_size: int = 500, unchanged: KnownLines | None = None) -> None:
        self._path = path
        self._layout = layout
        self._block_size = block_size
        self._form = layout.format if isinstance(layout.format, DelimitedFormat) else None
        self._unit_records = layout.unit.records()
        keys = [split_ref(ref) for ref in layout.semantics.key]
        self._key = (keys[0][0], [name for _, name in keys])
        self._progress = Progress()
        self._ledger = Ledger()
        self._checks = Checks(layout.checks, layout.guards)
        self._report = Reporter(layout, self._progress, self._checks, self._ledger)
        self._automaton = Automaton(layout.root)
        self._classifier = classifier_of(layout)
        self._pages = pages_of(layout)
        self._mapper = Mapper(layout, self._report.remark)
        self._skimmer = skimmer_of(layout, unchanged)
        self._decoders: dict[str, Decoder] = {}
        self._header_due = self._form is not None and self._form.header != "none"
        self._newline_told = self._stopped = self._in_run = False
        self._asked_of = 0
        self._summary: FileSummary | None = None
        if not self._header_due:
            self._bind({})

    def _bind(self, positions: dict[str, int]) -> None:
        """Make the decoders, once it is known which column stands where."""
        self._decoders = {name: decoder_of(self._layout, name, positions) for name in self._layout.records}

    @property
    def summary(self) -> FileSummary:
        """What the file came to; only after the iteration has ended."""
        if self._summary is None:
            raise RuntimeError("the summary is there when the whole file was read: iterate to the end first")
        return self._summary

    def findings(self) -> list[Reject]:
        """The findings since the last call."""
        return self._report.findings.drain()

    def __iter__(self) -> Iterator[list[StagedGroup]]:
        """Blocks of groups that passed; none any more once it is certain that the file is refused."""
        block: list[StagedGroup] = []
        with self._path.open("rb") as stream:
            for group in self._groups(stream):
                block.append(group)
                if len(block) >= self._block_size:
                    yield block
                    block = []
        if block and not self._report.findings.refused:
            yield block

    def _groups(self, stream: BinaryIO) -> Iterator[StagedGroup]:
        for part in split(stream, self._layout):
            size = self._ledger.cover(part.offset, part.end)
            if isinstance(part, Skipped):
                self._ledger.skipped += size
            elif not (self._in_run and self._goes_on(part, size)):
                yield from self._take(part, size)
            if self._stopped:
                break
        yield from self._finish(os.fstat(stream.fileno()).st_size)

    # One record

    def _goes_on(self, raw: RawRecord, size: int) -> bool:
        """Take the next record of a run that is passed over, the short way: most of a snapshot is such runs."""
        self._in_run = False
        if self._skimmer is None or not self._skimmer.passable(raw):
            return False
        known = self._skimmer.skim(raw, self._progress.records + 1)
        if known is None:
            self._asked_of = raw.line
            return False
        self._progress.last_line = raw.line_to
        self._progress.records += 1
        self._checks.any_record()
        self._pass_over(known, size)
        return True

    def _take(self, raw: RawRecord, size: int) -> Iterator[StagedGroup]:
        self._progress.last_line = raw.line_to
        if not raw.newline_ok and not self._newline_told:
            self._newline_told = True
            what = f"does not end as declared (newline: {self._layout.file.newline})"
            self._report.note(FieldProblem("E_NEWLINE", what), raw, len(raw.body) + 1)
        if self._header_due and self._form:
            self._header(raw, size, self._form)
            return
        sight = self._pages.look(raw) if self._pages else None
        if sight and self._is_furniture(sight, raw, size):
            return
        self._progress.records += 1
        self._checks.any_record()
        name = sight.record if sight else self._classifier.identify(raw)
        if name is None:
            self._unknown(raw, size)
        elif self._layout.records[name].ignore:
            self._ledger.skipped += size
        else:
            yield from self._known(name, raw, size)

    def _is_furniture(self, sight: Sight, raw: RawRecord, size: int) -> bool:
        """Whether a line of a report is no record; what is wrong with it is told, and its bytes are accounted for."""
        for remark in sight.remarks:
            self._report.note(remark.cause, raw, remark.column_from, remark.column_to)
        if sight.record is None and sight.remarks:
            self._stray(raw, size)
            return True
        if sight.furniture:
            self._ledger.skipped += size
        return sight.furniture

    def _header(self, raw: RawRecord, size: int, form: DelimitedFormat) -> None:
        self._header_due = False
        self._ledger.skipped += size
        positions, problems = read_header(raw, self._layout, form)
        for problem in problems:
            self._report.header(problem, raw)
        if positions:
            self._bind(positions)
        else:
            self._stopped = True

    def _unknown(self, raw: RawRecord, size: int) -> None:
        length = max(len(raw.body), 1)
        shown = self._report.findings.shown(raw.body[: max(self._classifier.id_end, 2)])
        if raw.body.startswith(b"\x0c"):
            cause = FieldProblem("E_CONTROL", "starts with a form feed, so every column is shifted by one")
            self._report.note(cause, raw, 1)
        elif not raw.ended:
            cause = FieldProblem("E_SHORT", f"is cut: the file ends after {len(raw.body)} bytes of the record")
            self._report.note(cause, raw, len(raw.body) + 1)
        elif self._progress.records == 1:
            cause = FieldProblem("E_LAYOUT", f"starts with {shown!r}: the file is no {self._layout.name} file")
            self._report.note(cause, raw, 1, length)
            self._stopped = True
        else:
            known = ", ".join(sorted(self._layout.records))
            what = f"starts with {shown!r}, which is no record type of {self._layout.name} ({known})"
            self._report.note(FieldProblem("E_UNKNOWN", what), raw, 1, length)
        self._stray(raw, size)

    def _stray(self, raw: RawRecord, size: int) -> None:
        """The bytes belong to the open group, or stand alone in quarantine."""
        if self._progress.unit:
            self._progress.unit.cover(raw)
        else:
            self._ledger.quarantined += size

    def _known(self, name: str, raw: RawRecord, size: int) -> Iterator[StagedGroup]:
        placement = self._automaton.place(name)
        if not placement.placed:
            what = f"is a {name} record where the structure has no place for one"
            self._report.note(FieldProblem("E_ORDER", what), raw, 1, max(len(raw.body), 1))
            self._stray(raw, size)
            return
        self._report.lacking(placement.missing, raw)
        for group in placement.closed:
            yield from self._close(group)
        if self._progress.unit and (name not in self._unit_records or self._layout.unit.is_record):
            yield from self._close(self._layout.unit)
        for group in placement.opened:
            self._checks.open(group.name, group.records())
        if self._is_passed_over(name, raw, size):
            return
        if name in self._unit_records and self._progress.unit is None:
            self._progress.unit = Unit(raw, *self._key, self._layout.on_error.max_group_records)
            if self._layout.unit.is_record:
                self._checks.open(name, (name,))
        self._decode(name, raw, size)

    def _is_passed_over(self, name: str, raw: RawRecord, size: int) -> bool:
        if self._skimmer is None or name != self._skimmer.record or raw.line == self._asked_of:
            return False
        known = self._skimmer.skim(raw, self._progress.records)
        if known:
            self._pass_over(known, size)
        return known is not None

    def _pass_over(self, record: Decoded, size: int) -> None:
        """The record stands in the last accepted file: it counts for every check, and is not staged again."""
        for failure in self._checks.pass_over(record):
            self._report.failure(failure)
        self._progress.by_type[record.type] += 1
        self._progress.any_read = True
        self._progress.last_good_line = record.raw.line_to
        self._progress.unchanged += 1
        self._in_run = True
        self._ledger.accepted += size

    def _decode(self, name: str, raw: RawRecord, size: int) -> None:
        record, problems = self._decoders[name].decode(raw, name, self._progress.records)
        unit = self._progress.unit
        if unit:
            unit.cover(raw)
            unit.add(record)
            if unit.too_large:
                most = self._layout.on_error.max_group_records
                cause = FieldProblem("E_SIZE", f"is record {most + 1} of its group; {most} are allowed")
                problems.append(Problem(cause, 1, max(len(raw.body), 1)))
        else:
            self._ledger.skipped += size
        for problem in problems:
            self._report.problem(problem, record)
        for failure in self._checks.see(record):
            self._report.failure(failure)
        self._progress.by_type[name] += 1
        self._progress.any_read = self._progress.any_read or not record.unread
        if not problems:
            self._progress.last_good_line = raw.line_to

    # The end of a group

    def _close(self, group: Node) -> Iterator[StagedGroup]:
        for failure in self._checks.close(group.name):
            if failure.code != "E_UNPROVEN":  # the value that cannot be read was reported where it stands
                self._report.failure(failure)
        unit = self._progress.unit
        if group.name != self._layout.unit.name or unit is None:
            return
        repeats, failures = self._checks.unit(unit.content)
        for failure in failures:
            self._report.failure(failure)
        staged = None if unit.bad else self._stage(unit, repeats=repeats)
        self._progress.unit = None
        self._account(unit, staged)
        if staged and not self._report.findings.refused:
            yield staged

    def _account(self, unit: Unit, staged: StagedGroup | None) -> None:
        if unit.bad:
            self._progress.rejected += 1
            self._ledger.quarantined += unit.size
        elif staged is None:  # a repetition that was taken once
            self._ledger.skipped += unit.size
        else:
            self._progress.groups += 1
            self._ledger.accepted += unit.size

    def _stage(self, unit: Unit, *, repeats: bool) -> StagedGroup | None:
        """The group in canonical words; None for a repetition, and a finding where it cannot be made."""
        if repeats:
            cause = FieldProblem("W_DUP", "stood in this file before, word for word")
            self._report.at_field(cause, self._checks.latest[self._key[0]], self._key[1][0])
            return None
        try:
            payload = self._mapper.payload(unit.records, self._checks.latest)
        except MappingProblem as problem:
            owner, name = split_ref(problem.ref or self._layout.semantics.key[0])
            self._report.at_field(problem.cause, self._checks.latest[owner], name)
            return None
        return StagedGroup(
            seq=self._progress.groups + 1,
            key=unit.key,
            line_from=unit.line_from,
            line_to=unit.line_to,
            byte_from=unit.byte_from,
            byte_to=unit.byte_to,
            payload=payload,
            item_lines=self._mapper.item_lines(unit.records),
        )

    # The end of the file

    def _finish(self, size: int) -> Iterator[StagedGroup]:
        if self._stopped:
            self._ledger.quarantined += size - self._ledger.position
            self._ledger.position = size
        else:
            yield from self._end_of_structure()
        if not self._ledger.balanced(size):
            self._report.whole_file("E_UNPROVEN", "The file changed while it was read: its bytes do not add up.")
        self._summary = self._summarise(size)

    def _end_of_structure(self) -> Iterator[StagedGroup]:
        if self._progress.records == 0:
            self._report.whole_file("E_EMPTY", "The file has no records.")
            return
        placement = self._automaton.finish()
        self._report.lacking(placement.missing, None)
        for group in placement.closed:
            yield from self._close(group)
        if self._progress.unit:
            yield from self._close(self._layout.unit)
        for sentence in self._pages.lacking() if self._pages else ():
            self._report.whole_file("E_MISSING", sentence)
        for failure in self._checks.close("file"):
            self._report.failure(failure)
        self._report.one_cause()
        if not self._progress.any_read:
            message = f"No record of the file has the form that {self._layout.name} declares."
            self._report.whole_file("E_LAYOUT", message)

    def _sequence(self) -> int | None:
        if self._layout.intake.sequence is None:
            return None
        owner, name = split_ref(self._layout.intake.sequence.from_)
        record = self._checks.latest.get(owner)
        value = record.values.get(name) if record else None
        return value if isinstance(value, int) else None

    def _created_at(self) -> datetime | None:
        """When the export was made; a time that cannot be is a finding of its header record."""
        verb = self._layout.semantics.created_at
        if verb is None:
            return None
        try:
            text = self._mapper.maker(verb)(self._checks.latest)
        except MappingProblem as problem:
            owner, name = split_ref(problem.ref or self._layout.semantics.key[0])
            self._report.at_field(problem.cause, self._checks.latest[owner], name)
            return None
        return datetime.fromisoformat(text) if text else None

    def _summarise(self, size: int) -> FileSummary:
        """The summary; of a refused file nothing counts as accepted."""
        created_at = self._created_at()
        findings, ledger, done = self._report.findings, self._ledger, self._progress
        return FileSummary(
            layout=self._layout.name,
            layout_version=self._layout.layout.version,
            layout_digest=self._layout.digest,
            entity=self._layout.layout.entity,
            sequence=self._sequence(),
            created_at=created_at,
            byte_count=size,
            record_count=done.records,
            group_count=done.groups,
            rejected_group_count=done.rejected,
            unchanged_group_count=done.unchanged,
            accepted_bytes=0 if findings.refused else ledger.accepted,
            quarantined_bytes=ledger.quarantined + (ledger.accepted if findings.refused else 0),
            skipped_bytes=ledger.skipped,
            refused=findings.refused,
            totals=self._checks.totals(),
            finding_counts=dict(findings.counts),
            rejects=tuple(findings.kept),
        )
