"""The work of bulk jobs, done in the background in batches of 200 rows, each of which is one transaction."""

import sqlite3
import threading
import time
from typing import NamedTuple

from twins.salesforce import bulk_jobs, row_collections
from twins.salesforce.bulk_jobs import COMPLETE, FAILED, IN_PROGRESS, UPLOADED, Job
from twins.salesforce.bulk_rows import Cells, InvalidBatch, check_header, forgiving, parse, result_lines, to_record
from twins.salesforce.org import INTEGRATION_USER, Org
from twins.salesforce.rest import Trouble
from twins.salesforce.row_collections import Record, Work
from twins.salesforce.schema import SObject
from twins.web import Database

BATCH = 200
_LOOK = 0.01  # seconds between two looks at a job that is not due
_BREATH = 0.001  # a pause between batches: whoever waits for the database gets it


class _Sheet(NamedTuple):
    """The CSV of the job at work, read once; a job of another life of the org may have had the same id."""

    owner: tuple[str, float]
    header: Cells
    rows: list[Cells]


class Loader:
    """Works on the jobs of one org, the oldest first; what a restart interrupted goes on when somebody asks."""

    def __init__(self, org: Org, database: Database) -> None:
        self._org = org
        self._database = database
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._sheet: _Sheet | None = None

    def wake(self) -> None:
        """See to it that somebody works."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="bulk loader", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        try:
            while self._go_on():
                pass
        except sqlite3.ProgrammingError:  # the twin was switched off, and its database is closed
            return

    def _go_on(self) -> bool:
        with self._database.transaction():
            jobs = bulk_jobs.every(self._database)
            job = next((one for one in jobs if one["state"] in {UPLOADED, IN_PROGRESS}), None)
            due = job is not None and time.time() >= job["hidden"]["due_at"]
            if job is not None and due:
                self._step(job)
            elif job is None:
                with self._guard:
                    self._thread, self._sheet = None, None
        time.sleep(_BREATH if due else _LOOK)
        return job is not None

    def _step(self, job: Job) -> None:
        """Begin a job, or work on its next rows."""
        try:
            sheet = self._read(job)
        except InvalidBatch as problem:
            job |= {"state": FAILED, "errorMessage": str(problem)}
        else:
            started = time.monotonic()
            self._next_rows(job, sheet)
            job["hidden"]["seconds"] += time.monotonic() - started
        bulk_jobs.save(self._database, job)

    def _read(self, job: Job) -> _Sheet:
        owner = (job["id"], job["hidden"]["due_at"])
        if self._sheet is None or self._sheet.owner != owner:
            header, rows = parse(job, bulk_jobs.content_of(self._database, job["id"]) or "")
            check_header(self._org.schema, self._org.sobject(job["object"]), job, header)
            self._sheet = _Sheet(owner, header, rows)
        return self._sheet

    def _next_rows(self, job: Job, sheet: _Sheet) -> None:
        start = job["numberRecordsProcessed"]
        rows = sheet.rows[start : start + BATCH]
        sobject = self._org.sobject(job["object"])
        records = [to_record(sobject, sheet.header, row) for row in rows]
        work = forgiving(self._task(job, sobject, records))
        results = row_collections.results_of(self._org, records, work, Trouble(*job["hidden"]["trouble"]))
        bulk_jobs.add_results(self._database, job["id"], start, result_lines(job, rows, results))
        job["numberRecordsProcessed"] += len(rows)
        job["numberRecordsFailed"] += sum(not result["success"] for result in results)
        job["state"] = COMPLETE if start + BATCH >= len(sheet.rows) else IN_PROGRESS

    def _task(self, job: Job, sobject: SObject, records: list[Record]) -> Work:
        if job["operation"] == "upsert":
            target = sobject, self._org.records.external_field(sobject, job["externalIdFieldName"])
            return row_collections.upserting(self._org, target, records, INTEGRATION_USER)
        make = {"insert": row_collections.creating, "update": row_collections.updating}
        return make.get(job["operation"], row_collections.deleting)(self._org, records, INTEGRATION_USER)
