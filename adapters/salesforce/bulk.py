"""Rows sent by jobs of Bulk API 2.0, for loads that are too large for Collections and in no hurry.

The jobs are the library's, step by step. Its own `upsert` is not used: it waits up to a day, aborts the job when a
single question for the state fails, does not log in again, and writes null as "leave as it is".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simple_salesforce.bulk2 import JobState, LineEnding, Operation, SFBulk2Type

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.rows import Row, Target, refused
from adapters.salesforce.sheets import as_csv, read_error, read_results
from domain.errors import GatewayError, Misconfigured, RateLimited, Rejected, TimedOut, Transient, Unavailable
from domain.publication import StatementOutcome

CALLS_FOR_A_JOB = 20  # with the questions for its state

_ROWS_A_JOB = 100_000  # ten batches of Salesforce's, and well below the 100 MB that the library lets pass
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_AT_WORK = frozenset({JobState.upload_complete, JobState.in_progress, JobState.job_complete})
_ENDED = frozenset({JobState.job_complete, JobState.failed, JobState.aborted})
# What is said to a step that was sent twice, as the answer to the first was lost: whether it took effect is not known.
_IN_DOUBT = frozenset({"INVALIDBATCH", "INVALIDJOBSTATE"})
Job = Mapping[str, Any]


class BulkLoad:
    """Loads the rows of one statement within a time. Idempotent, as rows are upserted by their external id."""

    def __init__(
        self, client: SalesforceClient, target: Target, budget: timedelta, rows_a_job: int = _ROWS_A_JOB
    ) -> None:
        self._client = client
        self._target = target
        self._deadline = time.monotonic() + budget.total_seconds()
        self._rows_a_job = rows_a_job

    def send(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        """Send rows with unique keys and give the outcome of each, by key.

        Sorted by parent, since Salesforce works on batches of neighbours side by side. Raises the error of a job as a
        whole, and TimedOut after it has aborted a job that does not end.
        """
        ordered = sorted(rows, key=lambda row: (row.parent, row.key))
        outcomes: dict[str, StatementOutcome] = {}
        for start in range(0, len(ordered), self._rows_a_job):
            outcomes.update(self._load(ordered[start : start + self._rows_a_job]))
        return outcomes

    def _load(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        sheet = as_csv(rows)
        try:
            job = self._start(sheet)
        except Rejected as error:
            if error.reason not in _IN_DOUBT:
                raise
            job = self._start(sheet)  # the job in doubt was aborted; a new one settles it
        self._wait_for(job)
        outcomes = {row.key: _not_processed(row.key) for row in rows}
        outcomes.update((outcome.key, outcome) for outcome in self._results(job) if outcome.key in outcomes)
        return outcomes

    def _start(self, sheet: str) -> str:
        """Create a job, give it its rows and set it going; a job that cannot be set going is aborted."""
        made = self._step(self._create, write=True)
        job = made.get("id") if isinstance(made, Mapping) else None
        if not isinstance(job, str):
            raise Unavailable("Salesforce did not say which job it made.", reason="no_job")
        try:
            self._step(lambda bulk: _steps(bulk).upload_job_data(job, sheet), write=True)
            self._step(lambda bulk: _steps(bulk).close_job(job), write=True)
        except GatewayError:
            if self._state(job).get("state") in _AT_WORK:  # only the answer was lost
                return job
            self._abort(job)
            raise
        return job

    def _create(self, bulk: SFBulk2Type) -> Any:
        return _steps(bulk).create_job(
            Operation.upsert, external_id_field=self._target.external_id, line_ending=LineEnding.LF
        )

    def _wait_for(self, job: str) -> None:
        """Ask for the state, more and more rarely, until the job has ended; an outage while asking does not harm it."""
        pause = _FIRST_PAUSE
        while (info := self._state(job)).get("state") not in _ENDED:
            if time.monotonic() + pause > self._deadline:
                self._abort(job)
                raise TimedOut(
                    "Salesforce did not finish a bulk job in time; loading again is safe.", reason="bulk_job"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        if info["state"] == JobState.failed:
            raise _failure(info)

    def _state(self, job: str) -> Job:
        """What Salesforce says of a job; nothing when it cannot be asked just now."""
        try:
            info = self._step(lambda bulk: _steps(bulk).get_job(job, False), write=False)  # noqa: FBT003 - theirs
        except RateLimited:
            raise  # asking again and again would only prolong it; the job goes on, and its rows are safe to repeat
        except Transient:
            return {}
        return info if isinstance(info, Mapping) else {}

    def _abort(self, job: str) -> None:
        """Do not leave a job behind that nobody waits for; it is no matter if that fails."""
        with suppress(GatewayError):
            self._step(lambda bulk: _steps(bulk).abort_job(job, False), write=True)  # noqa: FBT003 - theirs

    def _results(self, job: str) -> Iterator[StatementOutcome]:
        for result in self._sheet(lambda bulk, file: bulk.get_successful_records(job, file)):
            created = result.get("sf__Created", "").lower() == "true"
            key, record = self._key(result), result["sf__Id"] or None
            yield StatementOutcome(key=key, accepted=True, external_id=record, created=created)
        for result in self._sheet(lambda bulk, file: bulk.get_failed_records(job, file)):
            yield refused(self._key(result), read_error(result.get("sf__Error") or ""), self._target)

    def _sheet(self, fetch: Callable[[SFBulk2Type, str], Any]) -> Iterator[dict[str, str]]:
        """Fetch results through a file: as text, the library reads them in an encoding that Salesforce did not mean."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "results.csv"
            self._step(lambda bulk: fetch(bulk, str(path)), write=False)
            yield from read_results(path)

    def _key(self, result: Mapping[str, str]) -> str:
        return result.get(str(self._target.external_id)) or ""

    def _step(self, step: Callable[[SFBulk2Type], Any], *, write: bool) -> Any:
        return self._client.bulk(self._target.sobject, step, write=write)


def _steps(bulk: SFBulk2Type) -> Any:
    """The library's single steps; what it offers beside them is all of them at once."""
    return bulk._client  # noqa: SLF001 - see above


def _failure(info: Job) -> GatewayError:
    said = " ".join(str(info.get("errorMessage") or "no reason given").split())[:200]
    if said.startswith(("InvalidBatch", "ClientInputError")):
        return Misconfigured(f"Salesforce cannot read a bulk job: {said}", reason="bulk_job")
    return Unavailable(f"A bulk job failed: {said}", reason="bulk_job")


def _not_processed(key: str) -> StatementOutcome:
    detail = "The bulk job ended without working on it."
    return StatementOutcome(key=key, accepted=False, reason="not_processed", detail=detail, retryable=True)
