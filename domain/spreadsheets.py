"""CSV that whoever opens it may trust: a spreadsheet shows every cell as it is, and computes none."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

# What makes a cell a formula to Excel, LibreOffice or Sheets: the signs, as wide characters too, also behind blanks; or
# a tab or an end of line, behind which a formula hides. Only what is a number by its type may begin with a sign.
_FORMULA = re.compile(r" *[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"-?\d{1,28}(\.\d{1,28})?", re.ASCII)


def safe(cell: str) -> str:
    """A cell that is text to a spreadsheet: what it would compute begins with an apostrophe."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def number(cell: str) -> str | Decimal:
    """What a column of values holds: a number where it is one, else text."""
    return Decimal(cell) if _NUMBER.fullmatch(cell) else cell


def row(values: Sequence[object]) -> str:
    """One row as CSV with its line end: nothing is a blank cell, an object is JSON, and no cell is a formula."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([_text(value) for value in values])
    return written.getvalue()


def rows(lines: Iterable[Sequence[object]]) -> str:
    """Rows under one another."""
    return "".join(map(row, lines))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return safe(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value))
