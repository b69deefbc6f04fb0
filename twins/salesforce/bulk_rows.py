"""The CSV of bulk jobs: rows become records of Collections, and results become lines again."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twins.salesforce.bulk_jobs import Job
from twins.salesforce.errors import ApiError
from twins.salesforce.row_collections import Record, Result, Work
from twins.salesforce.schema import Schema, SObject

NULL = "#N/A"
DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
Cells = tuple[str, ...]  # the garbage collector forgets a tuple of texts: a list would be visited again and again


class InvalidBatch(Exception):
    """The CSV cannot be worked on at all: the job fails with these words."""


def parse(job: Job, content: str) -> tuple[Cells, list[Cells]]:
    """The header and the rows."""
    if job["lineEnding"] == "LF" and "\r\n" in content:
        raise InvalidBatch("ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF")
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=DELIMITERS[job["columnDelimiter"]], strict=True)
    try:
        header, *rows = [tuple(row) for row in reader if row] or [()]
    except csv.Error as problem:
        raise InvalidBatch(f"InvalidBatch : Unable to parse CSV: {problem}") from problem
    if any(len(row) != len(header) for row in rows):
        raise InvalidBatch("InvalidBatch : The number of columns in a row differs from that of the header")
    return header, rows


def check_header(schema: Schema, sobject: SObject, job: Job, header: Cells) -> None:
    """Refuse the first column that the object does not have, and a CSV without the key column."""
    for name in header:
        if not _is_known(schema, sobject, name):
            raise InvalidBatch(f"InvalidBatch : Field name not found : {name}")
    key = job.get("externalIdFieldName") or ("Id" if job["operation"] != "insert" else None)
    if key and key.lower() not in {name.lower() for name in header}:
        raise InvalidBatch(f"InvalidBatch : Field name not found : {key}")


def _is_known(schema: Schema, sobject: SObject, name: str) -> bool:
    relationship, dot, field = name.partition(".")
    if not dot:
        return sobject.field_named(name) is not None
    reference = sobject.relationship(relationship)
    return reference is not None and schema.get(reference.to[0]).field_named(field) is not None


def to_record(sobject: SObject, header: Cells, row: Cells) -> Record:
    """One row as a record: an empty cell leaves its field alone, `#N/A` clears it."""
    record: Record = {"attributes": {"type": sobject.name}}
    for name, cell in zip(header, row, strict=True):
        relationship, dot, field = name.partition(".")
        if cell == "":
            continue
        if not dot:
            record[name] = None if cell == NULL else cell
        else:
            record[relationship] = None if cell == NULL else {field: cell}
    return record


def forgiving(work: Work) -> Work:
    """Let a cell that cannot be read fail its row: in JSON it fails the call."""

    def attempt(index: int) -> Result:
        try:
            return work(index)
        except ApiError as problem:
            if problem.code == "JSON_PARSER_ERROR":
                raise ApiError(400, "INVALID_TYPE_ON_FIELD_IN_RECORD", problem.message, []) from problem
            raise

    return attempt


def result_lines(job: Job, rows: Iterable[Cells], results: Iterable[Result]) -> tuple[str, str]:
    """The lines of the rows that succeeded, and of those that failed."""
    good, bad = io.StringIO(), io.StringIO()
    write_good, write_bad = _writer(job, good), _writer(job, bad)
    for row, result in zip(rows, results, strict=True):
        if result["success"]:
            created = "true" if result.get("created", job["operation"] == "insert") else "false"
            write_good((result["id"], created, *row))
        else:
            write_bad(("", _error(result["errors"][0]), *row))
    return good.getvalue(), bad.getvalue()


def header_line(job: Job, header: Cells, extra: tuple[str, ...]) -> str:
    """The header of a result: the two columns of the API are quoted, those of the caller stand as they came."""
    delimiter = DELIMITERS[job["columnDelimiter"]]
    return delimiter.join([*(f'"{name}"' for name in extra), *header]) + LINE_ENDINGS[job["lineEnding"]]


def lines(job: Job, rows: Iterable[Cells]) -> str:
    """Rows as they came, every cell quoted."""
    text = io.StringIO()
    write = _writer(job, text)
    for row in rows:
        write(row)
    return text.getvalue()


def _writer(job: Job, target: io.StringIO) -> Callable[[Cells], Any]:
    delimiter, ending = DELIMITERS[job["columnDelimiter"]], LINE_ENDINGS[job["lineEnding"]]
    return csv.writer(target, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerow


def _error(error: Mapping[str, Any]) -> str:
    """`CODE:message:Field,Field --`; without fields the place between the last colon and the dashes is empty."""
    fields = ",".join(error["fields"])
    return f"{error['statusCode']}:{error['message']}:{fields + ' ' if fields else ''}--"
