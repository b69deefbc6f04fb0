"""Passing over the groups of a snapshot that stand byte by byte in the last accepted file.

Only their making in canonical words and their staging are saved. The fields that checks and guards need are read from
the bytes of the new file all the same, so its totals, counts and keys are proven exactly as without.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from adapters.erp.classifier import classifier_of
from adapters.erp.decoders import decoder_of
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.layout_checks import split_ref
from adapters.erp.layout_rules import targets_of
from adapters.erp.raw import Decoded, RawRecord, Skipped
from adapters.erp.splitter import split
from adapters.erp.unit import key_of
from domain.files import FileSummary

# How many lines of the last file are held to find a line again after insertions and removals.
WINDOW = 512


class KnownLines(Protocol):
    """Knows the records of the last accepted file."""

    def knows(self, body: bytes) -> bool:
        """Whether the record, without its line end, stands in the last accepted file; asked in file order."""
        ...


class LastFile:
    """The last accepted file, compared in order: constant memory, one pass, each of its records matches once.

    Exports come in one order, so the same record is the next one, or near. A record that has moved further than
    `window` records is read again, which is slower and never wrong. Use `of`, which knows when comparing is sound.
    """

    def __init__(self, path: Path, layout: Layout, window: int = WINDOW) -> None:
        self._layout = layout
        self._lines = _lines(path, layout)
        self._window: deque[bytes] = deque()
        self._size = window
        self._missed = 0
        self._unmatched: list[str] = []
        self._classifier = classifier_of(layout)
        self._names = [split_ref(ref)[1] for ref in layout.semantics.key]
        self._record = layout.unit.name
        self._reader = decoder_of(layout, self._record, {}) if skippable(layout) else None

    @classmethod
    def of(cls, path: Path, layout: Layout, last: FileSummary, window: int = WINDOW) -> LastFile | None:
        """The last file, where its bytes prove what is stored: read by this very layout, accepted, no group held."""
        same = last.layout == layout.name and last.layout_digest == layout.digest
        whole = not last.refused and not last.rejected_group_count
        return cls(path, layout, window) if same and whole and skippable(layout) else None

    def knows(self, body: bytes) -> bool:
        """Whether the record is among the next ones of the last file; what lies before it there is passed by."""
        window = self._window
        if len(window) <= self._size:
            window.extend(islice(self._lines, self._size))
        if not (window and window[0] == body):
            try:
                ahead = window.index(body, 0, self._size)
            except ValueError:
                self._missed += 1
                if self._missed > self._size and window:
                    self._pass_by()  # a long stretch of changes: move on with it
                return False
            for _ in range(ahead):
                self._pass_by()
        window.popleft()
        self._missed = 0
        return True

    def unmatched(self) -> list[str]:
        """The keys of the last file's groups that do not stand in the new one as they were; call it after reading.

        Without the keys of the groups that the new file stages, these are the keys that vanished.
        """
        while self._more():
            self._pass_by()
        return self._unmatched

    def _more(self) -> bool:
        if not self._window:
            self._window.extend(islice(self._lines, self._size))
        return bool(self._window)

    def _pass_by(self) -> None:
        raw = RawRecord(0, 0, 0, 0, self._window.popleft())
        if self._reader is None or self._classifier.identify(raw) != self._record:
            return
        record, problems = self._reader.decode(raw, self._record, 0)
        key = key_of(record, self._names)
        if key is not None and not problems:  # a heading may look like a record, but does not read as one
            self._unmatched.append(key)


def _lines(path: Path, layout: Layout) -> Iterator[bytes]:
    """All lines as the splitter cuts them; what is no record of the unit matches nothing and is passed by."""
    with path.open("rb") as stream:
        if layout.file.newline != "cr" and not getattr(layout.format, "embedded_newline", False):
            for line in stream:  # the same cut, faster
                yield line.rstrip(b"\n").removesuffix(b"\r").removeprefix(b"\x0c")
            return
        for part in split(stream, layout):
            if not isinstance(part, Skipped):
                yield part.body


def skippable(layout: Layout) -> bool:
    """Whether equal bytes of a record mean equal groups: nothing around the record takes part in what it says."""
    form = layout.format
    unit = layout.unit
    if not unit.is_record or (isinstance(form, DelimitedFormat) and form.header != "none"):
        return False
    refs = [*layout.semantics.key, *(ref for some in targets_of(layout).values() for ref in some)]
    fields = layout.records[unit.name].fields.values()
    return (
        all(split_ref(ref)[0] == unit.name for ref in refs)
        and all(field.carry is None for field in fields)
        and all(check.scope == "file" for check in layout.checks)
    )


class Skimmer:
    """Reads of a known record what the checks and guards of its layout need, and nothing else."""

    def __init__(self, layout: Layout, known: KnownLines) -> None:
        self.record = layout.unit.name
        self._known = known
        refs = [ref for check in layout.checks for ref in check.refs()]
        if layout.guards and layout.guards.zero_share:
            refs.append(layout.guards.zero_share.of)
        names = {name for owner, name in map(split_ref, refs) if owner == self.record}
        self._decoder = decoder_of(layout, self.record, {}, names)
        self._identify = classifier_of(layout).identify
        self._runs = layout.unit.max is None and getattr(layout.format, "region", None) is None

    def passable(self, raw: RawRecord) -> bool:
        """Whether the line, right after a record that was passed over, is for certain another record of the unit."""
        if not (self._runs and raw.ended and raw.newline_ok and raw.column == 1):
            return False
        return self._identify(raw) == self.record

    def skim(self, raw: RawRecord, number: int) -> Decoded | None:
        """The needed values of a record that stands in the last accepted file; None for every other one."""
        if not raw.ended or not self._known.knows(raw.body):
            return None
        record, problems = self._decoder.decode(raw, self.record, number)
        return None if problems else record


def skimmer_of(layout: Layout, known: KnownLines | None) -> Skimmer | None:
    """A skimmer, where there is a last file and the layout allows passing over."""
    return Skimmer(layout, known) if known is not None and skippable(layout) else None
