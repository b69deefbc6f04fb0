"""Which type a record is: one look at its id bytes in a dictionary."""

from __future__ import annotations

from adapters.erp import columns
from adapters.erp.codes import FieldProblem
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.layout_report import ReportFormat
from adapters.erp.raw import RawRecord
from adapters.erp.report import ReportClassifier


class Classifier:
    """Knows the record types of a layout; the rules of layouts guarantee one id place and no ambiguity."""

    def __init__(self, layout: Layout) -> None:
        self._form = layout.format if isinstance(layout.format, DelimitedFormat) else None
        self._encoding = layout.file.encoding
        self._default = next((name for name, record in layout.records.items() if not record.when), None)
        self._ids: dict[bytes, str] = {}
        self._start = self._end = self._column = 0
        for name, record in layout.records.items():
            for when in record.when:
                self._ids[(when.is_ or "").encode(self._encoding)] = name
                self._start, self._end = ((when.at[0] - 1), when.at[1]) if when.at else (0, 0)
                self._column = when.col or 0

    @property
    def id_end(self) -> int:
        """The last byte that is needed to know the type (0: none is)."""
        return self._end

    def identify(self, raw: RawRecord) -> str | None:
        """The record's type, or None."""
        if not self._ids:
            return self._default
        return self._ids.get(self._id(raw), self._default)

    def _id(self, raw: RawRecord) -> bytes:
        if self._form is None:
            return raw.body[self._start : self._end]
        try:
            cells = columns.cut(raw.body, self._form, self._encoding)
        except FieldProblem:
            # The id column comes first in practice, so a broken quote behind it does not hide the type.
            pieces = raw.body.split(self._form.delimiter.encode(self._encoding))
            return pieces[self._column - 1] if self._column <= len(pieces) else b""
        return cells[self._column - 1].raw if self._column <= len(cells) else b""


def classifier_of(layout: Layout) -> Classifier | ReportClassifier:
    """What tells the records of the layout apart."""
    if isinstance(layout.format, ReportFormat):
        return ReportClassifier(layout, layout.format)
    return Classifier(layout)
