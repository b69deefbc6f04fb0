"""Records of a file that is being written: values into fields, totals into the places where they are stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.erp.encoder import writer_of
from adapters.erp.layout import Layout
from adapters.erp.layout_checks import split_ref
from adapters.erp.layout_fields import IntField
from adapters.erp.layout_tree import Node
from adapters.erp.lines import Lines, allowed_controls
from adapters.erp.raw import Decoded, RawRecord, Value
from adapters.erp.sources import Sources
from adapters.erp.tallies import CountTally, Tally, tally_of
from adapters.erp.written_numbers import Misfit
from domain.errors import Malformed


class Unwritable(Malformed):
    """A value that its field in the ERP's file cannot hold."""

    def __init__(self, key: str, record: str, name: str, columns: str, value: str, cause: Misfit) -> None:
        self.key, self.record, self.field, self.columns, self.value = key, record, name, columns, value
        self.remedy = cause.remedy
        where = f"{name} of the {record} record ({columns})"
        super().__init__(f"{key}: {where} {cause.what}: {value!r}. {cause.remedy}", reason="does_not_fit")


@dataclass
class Draft:
    """A record on its way: values as the reader will see them, and the bytes of its fields."""

    record: Decoded
    cells: dict[str, bytes] = field(default_factory=dict)


class Drafting:
    """Makes the records of one layout; raises `Unwritable` for a value that does not fit."""

    def __init__(self, layout: Layout, sources: Sources, lines: Lines) -> None:
        self._layout, self._sources, self._lines = layout, sources, lines
        allowed = allowed_controls(layout)
        self._writers = {
            f"{name}.{one}": writer_of(spec, layout.file.encoding, spec.at and spec.at[1] - spec.at[0] + 1, allowed)
            for name, record in layout.records.items()
            for one, spec in record.fields.items()
        }

    def group(self, payload: dict[str, Any], key: str) -> list[Draft]:
        """The records of one group, with the copies and totals inside of it."""
        unit = self._layout.unit
        drafts = [draft for node in unit.children or (unit,) for draft in self._records(node, payload, key)]
        self._copy(drafts, key)
        self.settle(unit.name, drafts, 1, key)
        return drafts

    def _copy(self, drafts: Sequence[Draft], key: str) -> None:
        for ref, source in self._sources.copies.items():
            owner, name = split_ref(ref)
            other, other_name = split_ref(source)
            values = [draft.record.values[other_name] for draft in drafts if draft.record.type == other]
            for draft in drafts:
                if draft.record.type == owner and values:
                    self._put(draft, name, values[0], key)

    def _records(self, node: Node, payload: dict[str, Any], key: str) -> list[Draft]:
        into = self._layout.records[node.name].into
        if into is None:
            return [self.draft(node.name, payload, key)]
        return [self.draft(node.name, {**payload, into: item}, key) for item in payload[into[:-2]]]

    def draft(self, record: str, given: Mapping[str, Any], key: str) -> Draft:
        """One record of the values at hand; totals and copies follow."""
        draft = Draft(Decoded(record, RawRecord(0, 0, 0, 0, b""), 0))
        for name in self._layout.records[record].fields:
            give = self._sources.given.get(f"{record}.{name}")
            if give:
                self._put(draft, name, give(given), key)
        return draft

    def _put(self, draft: Draft, name: str, value: Value, key: str) -> None:
        """Write one value; what the reader makes of the bytes is what totals are computed from."""
        ref = f"{draft.record.type}.{name}"
        try:
            draft.cells[name] = self._writers[ref](value)
            if problem := self._lines.delimiter_problem(draft.cells[name]):
                raise problem
        except Misfit as cause:
            spec = self._layout.field(ref)
            shown = "***" if spec.pii else "" if value is None else str(value)
            columns = f"columns {spec.at[0]}-{spec.at[1]}" if spec.at else f"column {spec.col}"
            raise Unwritable(key, draft.record.type, name, columns, shown, cause) from None
        draft.record.values[name] = self._lines.read(ref, draft.cells[name])

    def settle(self, scope: str, drafts: Sequence[Draft], groups: int, key: str) -> dict[str, str]:
        """Compute the totals of a scope and write them where they are stated; answers those that have a name."""
        named: dict[str, str] = {}
        for ref, check in self._sources.totals.items():
            tally = tally_of(check) if check.scope == scope else None
            if tally is None:
                continue
            self._add_up(tally, drafts, groups)
            owner, name = split_ref(ref)
            whole = isinstance(self._layout.field(ref), IntField)
            for draft in drafts:
                if draft.record.type == owner:
                    self._put(draft, name, int(tally.computed) if whole else tally.computed, key)
            if check.as_:
                named[check.as_] = f"{tally.computed:f}"
        return named

    def _add_up(self, tally: Tally, drafts: Sequence[Draft], groups: int) -> None:
        counted = tally.counted if isinstance(tally, CountTally) else None
        if isinstance(tally, CountTally) and counted not in self._layout.records:
            for _ in range(len(drafts) if counted == "any_record" else groups):
                tally.started()
            return
        for draft in drafts:
            if draft.record.type in tally.records():
                tally.see(draft.record)
