"""Fields to lines and lines to a file: the writing side of the splitter and the decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.erp.decoder import reader_of
from adapters.erp.header import wanted_columns
from adapters.erp.layout import DelimitedFormat, Layout
from adapters.erp.raw import Value
from adapters.erp.written_numbers import Misfit

_ENDS = {"crlf": "\r\n", "any": "\r\n", "lf": "\n", "cr": "\r"}


def allowed_controls(layout: Layout) -> str:
    """The control characters that may stand in texts of the layout."""
    return "\r\n" if getattr(layout.format, "embedded_newline", False) else ""


class Lines:
    """Puts the bytes of fields in their places."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._encoding = layout.file.encoding
        self._form = layout.format if isinstance(layout.format, DelimitedFormat) else None
        self._names = self._column_names()
        self._positions = {name.casefold(): number for number, name in enumerate(self._names, 1)}
        self._readers = {
            f"{name}.{one}": reader_of(field, self._encoding, allowed_controls(layout))
            for name, record in layout.records.items()
            for one, field in record.fields.items()
        }

    def _column_names(self) -> list[str]:
        if self._form is None or self._form.header == "none":
            return []
        return list(self._form.names) if self._form.header == "must_equal" else wanted_columns(self._layout)

    def read(self, ref: str, raw: bytes) -> Value:
        """What the reader makes of the bytes of a field."""
        return self._readers[ref](raw)

    def line(self, record: str, cells: Mapping[str, bytes]) -> bytes:
        """One record without its line end."""
        fields = self._layout.records[record].fields
        if self._form is None:
            whole = bytearray(" ".encode(self._encoding) * (self._layout.file.record_bytes or 0))
            for name, raw in cells.items():
                first, last = fields[name].at or (1, 0)
                whole[first - 1 : last] = raw
            return bytes(whole)
        places = {self._column(fields[name].col): raw for name, raw in cells.items()}
        count = len(self._names) or max(self._column(one.col) for one in fields.values())
        mark = self._form.delimiter.encode(self._encoding)
        return mark.join(self._quoted(places.get(number, b""), self._form) for number in range(1, count + 1))

    def _column(self, col: int | str | None) -> int:
        return col if isinstance(col, int) else self._positions[str(col).strip().casefold()]

    def _quoted(self, raw: bytes, form: DelimitedFormat) -> bytes:
        mark, quote = form.delimiter.encode(self._encoding), (form.quote or "").encode(self._encoding)
        if quote and (mark in raw or quote in raw or b"\n" in raw or b"\r" in raw):
            return quote + raw.replace(quote, quote * 2) + quote
        return raw

    def delimiter_problem(self, raw: bytes) -> Misfit | None:
        """Why bytes cannot stand in a column: they hold its delimiter, and nothing encloses them."""
        if self._form is None or self._form.quote or self._form.delimiter.encode(self._encoding) not in raw:
            return None
        what = f"holds {self._form.delimiter!r}, which ends a column"
        return Misfit(what, "Replace the character by the layout's table, or where the text is stated.")

    def file(self, lines: Sequence[bytes]) -> bytes:
        """All lines, each with its end, after the header line where the layout has one."""
        end = _ENDS[self._layout.file.newline].encode(self._encoding)
        named = [name.encode(self._encoding) for name in self._names]
        mark = self._form.delimiter.encode(self._encoding) if self._form else b""
        header = [mark.join(self._quoted(name, self._form) for name in named)] if named and self._form else []
        return b"".join(line + end for line in (*header, *lines))
