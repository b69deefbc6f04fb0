"""The CSV of Bulk API 2.0: rows as Salesforce reads them, and its results row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from adapters.salesforce.errors import Complaint
from adapters.salesforce.rows import Row
from adapters.salesforce.wire import instant, number
from domain.errors import Unavailable

NULL = "#N/A"  # clears a field; an empty cell would leave it as it is

_NO_LINE_BREAKS = str.maketrans({"\r": " ", "\n": " ", "\x00": None})


def as_csv(rows: Sequence[Row]) -> str:
    """Write rows that all have the same fields; a relationship becomes a column such as `Product__r.ERP_SKU__c`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(name for name, _ in _columns(rows[0].fields))
    writer.writerows([_cell(value) for _, value in _columns(row.fields)] for row in rows)
    return text.getvalue()


def _columns(fields: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _cell(value: object) -> str:
    """One value, exactly as JSON would say it; line breaks become spaces, as a job knows one line ending only."""
    if value is None or value == "":
        return NULL
    if isinstance(value, str):
        return value.translate(_NO_LINE_BREAKS)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} has no exact form in CSV")
    return str(value)


def read_results(path: Path) -> Iterator[dict[str, str]]:
    """Read a file of results: the columns of the API beside those that were sent.

    Raises Unavailable for anything else, such as a page of HTML with status 200.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if "sf__Id" not in (reader.fieldnames or ()):
            raise Unavailable("Salesforce answered something that is not the result of a job.", reason="not_csv")
        yield from reader


def read_error(text: str) -> Complaint:
    """Read `CODE:message:Field,Field --` as what Collections would say in JSON."""
    code, _, rest = text.partition(":")
    message, colon, _fields = rest.rpartition(":")
    return Complaint(code[:80], message if colon else rest)
