"""CSV that whoever opens it may trust: a spreadsheet shows every cell as it is, and computes none."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence

# What makes a cell a formula to Excel, LibreOffice or Sheets: the signs, as wide characters too, also behind blanks; or
# a tab or an end of line, behind which a formula hides. A plain number is none, whatever its sign.
_FORMULA = re.compile(r" *[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def safe(cell: str) -> str:
    """A cell that is text to a spreadsheet: what it would compute begins with an apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def row(values: Sequence[object]) -> str:
    """One row as CSV with its line end: nothing is a blank cell, an object is JSON, and no cell is a formula."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([safe(_text(value)) for value in values])
    return written.getvalue()


def rows(lines: Iterable[Sequence[object]]) -> str:
    """Rows under one another."""
    return "".join(map(row, lines))


def _text(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
