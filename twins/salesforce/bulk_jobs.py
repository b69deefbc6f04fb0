"""Bulk jobs as they are kept: what was asked, the CSV, and the results of each batch of rows that is done."""

import json
from typing import Any

from twins.salesforce.ids import make_id
from twins.salesforce.tables import Database

TABLES = """
CREATE TABLE IF NOT EXISTS bulk_job (id TEXT PRIMARY KEY, place INTEGER NOT NULL, info TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bulk_content (job TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bulk_batch (
    job TEXT NOT NULL, n INTEGER NOT NULL, succeeded TEXT NOT NULL, failed TEXT NOT NULL, PRIMARY KEY (job, n)
);
"""
OPEN, UPLOADED, IN_PROGRESS = "Open", "UploadComplete", "InProgress"
COMPLETE, FAILED, ABORTED = "JobComplete", "Failed", "Aborted"
ENDED = frozenset({COMPLETE, FAILED, ABORTED})
Job = dict[str, Any]  # what the API shows, and under `hidden` what it does not


def add(database: Database, job: Job) -> Job:
    """Keep a new job and give it its id."""
    place = database.next_number("id bulk job")
    job = {"id": make_id("750", place), **job}
    database.execute("INSERT INTO bulk_job VALUES (?, ?, ?)", job["id"], place, json.dumps(job))
    return job


def find(database: Database, record: str) -> Job | None:
    """The job with that id, or None."""
    rows = database.execute("SELECT info FROM bulk_job WHERE id = ?", record)
    return _read(rows[0][0]) if rows else None


def every(database: Database) -> list[Job]:
    """All jobs, the oldest first."""
    return [_read(info) for (info,) in database.execute("SELECT info FROM bulk_job ORDER BY place")]


def save(database: Database, job: Job) -> None:
    """Keep what changed of a job."""
    database.execute("UPDATE bulk_job SET info = ? WHERE id = ?", json.dumps(job), job["id"])


def remove(database: Database, record: str) -> None:
    """Forget a job and its results."""
    database.execute("DELETE FROM bulk_job WHERE id = ?", record)
    database.execute("DELETE FROM bulk_content WHERE job = ?", record)
    database.execute("DELETE FROM bulk_batch WHERE job = ?", record)


def put_content(database: Database, record: str, content: str) -> None:
    """Keep the CSV of a job, apart from its state: SQLite writes a row anew with every change."""
    database.execute("INSERT INTO bulk_content VALUES (?, ?)", record, content)


def content_of(database: Database, record: str) -> str | None:
    """The CSV of a job; None before it was uploaded."""
    rows = database.execute("SELECT content FROM bulk_content WHERE job = ?", record)
    return str(rows[0][0]) if rows else None


def add_results(database: Database, record: str, place: int, lines: tuple[str, str]) -> None:
    """Keep the result lines of one batch: those of rows that succeeded, those of rows that failed."""
    database.execute("INSERT INTO bulk_batch VALUES (?, ?, ?, ?)", record, place, *lines)


def results_of(database: Database, record: str, *, succeeded: bool) -> str:
    """The result lines of all batches that are done."""
    column = "succeeded" if succeeded else "failed"
    sql = f"SELECT {column} FROM bulk_batch WHERE job = ? ORDER BY n"  # noqa: S608 - one of two columns
    return "".join(str(lines) for (lines,) in database.execute(sql, record))


def _read(info: object) -> Job:
    job: Job = json.loads(str(info))
    return job
