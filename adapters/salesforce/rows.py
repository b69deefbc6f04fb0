"""Rows sent by sObject Collections: up to 200 a call, each with an outcome of its own.

A call that succeeds can hold rows that failed, and one bad row can fail all of its neighbours.
What rows point to may be missing: which word says so belongs to the caller.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.errors import (
    DUPLICATE_VALUE,
    LOCKED_ROW,
    Complaint,
    classify,
    is_missing_parent,
    read_complaint,
)
from adapters.salesforce.lanes import Allowance, in_lanes
from domain.errors import Transient, Unavailable
from domain.publication import StatementOutcome

CHUNK = 200
GONE = frozenset({"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED"})
# One row that makes a trigger or a flow fail takes the whole transaction, up to 200 rows, down with the same words.
CONTAGIOUS = frozenset(
    {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER", "UNKNOWN_EXCEPTION", "APEX_ERROR"}
)

_LOCK_ATTEMPTS = 5
_EXTRA_CALLS = 32
_TRIES_ALONE = 3
_dice = random.SystemRandom()


class Row(NamedTuple):
    """One record to send; `parent` orders the rows so that calls side by side do not fight for the same locks."""

    key: str
    parent: str
    fields: Mapping[str, object]


class Target(NamedTuple):
    """Where rows go: an object, and the external id by which they are upserted (None: updated by their `id`).

    `missing` is the reason given for a row whose record, or the record that it belongs to, is not in Salesforce;
    `absent` are the codes that say so, beside that of a relationship which leads nowhere.
    """

    sobject: str
    external_id: str | None
    missing: str
    absent: frozenset[str] = GONE

    @property
    def path(self) -> str:
        """The Collections resource of this target."""
        return (
            "composite/sobjects"
            if self.external_id is None
            else f"composite/sobjects/{self.sobject}/{self.external_id}"
        )


class RowSender:
    """Sends the rows of one statement within a time and a number of calls, in so many lanes side by side.

    For one statement only: its time runs from the start. A `thorough` one gives every row an answer of its own where it
    can: a row that alone fails again and again is refused, and what was answered before a call failed is kept.
    """

    def __init__(
        self, client: SalesforceClient, target: Target, budget: timedelta, lanes: int = 1, *, thorough: bool = False
    ) -> None:
        self._client = client
        self._target = target
        self._allowance = Allowance(budget, _EXTRA_CALLS)
        self._lanes = lanes
        self._thorough = thorough
        self._stop: Transient | None = None  # the failure after which nothing more is sent

    def send(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        """Send rows with unique keys and give the outcome of each, by key.

        Raises the error of a whole call (limits, outages, settings); sending everything again is then safe. A call that
        failed for a lock or an unknown exception is not raised: its rows come back as failed and worth repeating. So
        do rows for which there was no time, and, if thorough, those that were not sent because a call failed after
        others had been answered.
        """
        ordered = sorted(rows, key=lambda row: (row.parent, row.key))
        chunks = [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
        settle = self._settle_or_stop if self._thorough else self._settle
        outcomes: dict[str, StatementOutcome] = {}
        for settled in in_lanes(chunks, settle, self._lanes, _share_a_parent):
            outcomes.update(settled)
        return self._completed(rows, outcomes) if self._thorough else outcomes

    def _settle_or_stop(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        """Settle a chunk; once a call has failed nothing more is sent, and what was answered is kept."""
        if self._stop is None:
            try:
                return self._settle(rows)
            except Transient as error:
                self._stop = error
        return {}

    def _completed(self, rows: Sequence[Row], outcomes: dict[str, StatementOutcome]) -> dict[str, StatementOutcome]:
        """An outcome for every row; when nothing was answered the failure is raised instead."""
        if self._stop is not None:
            if not outcomes:
                raise self._stop
            failed = outcome_of_failure(self._stop)
            unsent = {row.key: failed.model_copy(update={"key": row.key}) for row in rows}
            outcomes = {**unsent, **outcomes}
        if any(one.accepted for one in outcomes.values()) or not any(one.retryable for one in outcomes.values()):
            return outcomes
        return {key: _spared(outcome) for key, outcome in outcomes.items()}  # it may well be the org that fails

    def _settle(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        """Send a chunk, then once more what another transaction had locked, or had created at the same moment."""
        if not self._allowance.may_begin():
            return {row.key: late(row.key) for row in rows}
        outcomes = self._isolate(rows)
        for attempt in range(1, _LOCK_ATTEMPTS):
            again = [row for row in rows if _is_worth_repeating(outcomes[row.key], attempt)]
            if not again or not self._allowance.wait(_dice.uniform(0.05, 0.15) * 2**attempt):
                break
            outcomes.update(self._isolate(again))
        return outcomes

    def _isolate(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        """Send a chunk; when all of it fails with the same words, halve it until the row to blame stands alone."""
        outcomes = self._post(rows)
        if not _is_contagious(outcomes.values()):
            return outcomes
        if len(rows) == 1:
            return self._try_alone(rows, outcomes) if self._thorough else outcomes
        if not self._allowance.may_call(2):  # most of them are innocent: let them be sent again another time
            return {key: outcome.model_copy(update={"retryable": True}) for key, outcome in outcomes.items()}
        middle = len(rows) // 2
        return {**self._isolate(rows[:middle]), **self._isolate(rows[middle:])}

    def _try_alone(self, rows: Sequence[Row], outcomes: dict[str, StatementOutcome]) -> dict[str, StatementOutcome]:
        """Send a row that stands alone a few times: when it fails each time it is itself to blame, and is refused."""
        for attempt in range(1, _TRIES_ALONE):
            (outcome,) = outcomes.values()
            if not outcome.retryable or not _is_contagious([outcome]):
                return outcomes
            if not self._allowance.may_call(1) or not self._allowance.wait(_dice.uniform(0.2, 0.3) * 2**attempt):
                return outcomes
            outcomes = self._post(rows)
        if not _is_contagious(outcomes.values()):
            return outcomes
        return {key: outcome.model_copy(update={"retryable": False}) for key, outcome in outcomes.items()}

    def _post(self, rows: Sequence[Row]) -> dict[str, StatementOutcome]:
        records = [{"attributes": {"type": self._target.sobject}, **row.fields} for row in rows]
        try:
            results = self._client.write("PATCH", self._target.path, {"allOrNone": False, "records": records})
        except Unavailable as error:
            if error.reason != LOCKED_ROW and error.reason not in CONTAGIOUS:
                raise
            failed = outcome_of_failure(error)
            return {row.key: failed.model_copy(update={"key": row.key}) for row in rows}
        if not isinstance(results, list) or len(results) != len(rows):
            raise Unavailable("Salesforce did not answer for every row.", reason="results_missing")
        return {row.key: self._outcome(row.key, result) for row, result in zip(rows, results, strict=True)}

    def _outcome(self, key: str, result: object) -> StatementOutcome:
        """Read one row's result: only `success` counts, an id alone proves nothing."""
        if not isinstance(result, Mapping):
            return StatementOutcome(key=key, accepted=False, reason="result_unreadable", retryable=True)
        if result.get("success") is not True:
            return refused(key, read_complaint(result.get("errors")), self._target)
        record_id, created = result.get("id"), result.get("created") is True
        return StatementOutcome(
            key=key, accepted=True, external_id=str(record_id) if record_id else None, created=created
        )


def calls_for(rows: int) -> int:
    """How many calls so many rows take when nothing goes wrong."""
    return -(-rows // CHUNK)


def refused(key: str, complaint: Complaint, target: Target, status: int = 200) -> StatementOutcome:
    """What a complaint about one row means; one word for a record that is not there, however Salesforce says it."""
    error = classify(status, complaint)
    names_field = target.external_id is not None and target.external_id in complaint.message
    is_missing = is_missing_parent(complaint) or (
        complaint.code in target.absent and not (complaint.code == "NOT_FOUND" and names_field)
    )
    return StatementOutcome(
        key=key,
        accepted=False,
        reason=target.missing if is_missing else error.reason,
        detail=error.detail,
        retryable=isinstance(error, Transient),
    )


def _share_a_parent(before: Sequence[Row], after: Sequence[Row]) -> bool:
    return before[-1].parent == after[0].parent


def late(key: str) -> StatementOutcome:
    """The outcome of a row that was not sent."""
    detail = "There was no time left to send it: it was not sent."
    return StatementOutcome(key=key, accepted=False, reason="out_of_time", detail=detail, retryable=True)


def outcome_of_failure(error: Transient) -> StatementOutcome:
    """The outcome of each row of a call that failed as a whole; its key is for the caller to fill in."""
    return StatementOutcome(key="", accepted=False, reason=error.reason, detail=error.detail, retryable=True)


def _spared(outcome: StatementOutcome) -> StatementOutcome:
    """Not refused for what may befall any row."""
    return outcome.model_copy(update={"retryable": True}) if outcome.reason in CONTAGIOUS else outcome


def _is_worth_repeating(outcome: StatementOutcome, attempt: int) -> bool:
    """A locked row a few times; a duplicate once, for two upserts of a new key may have raced and now it exists."""
    if outcome.accepted:
        return False
    return outcome.reason == LOCKED_ROW or (outcome.reason == DUPLICATE_VALUE and attempt == 1)


def _is_contagious(outcomes: Iterable[StatementOutcome]) -> bool:
    said = {(outcome.accepted, outcome.reason, outcome.detail) for outcome in outcomes}
    if len(said) != 1:
        return False
    accepted, reason, _detail = said.pop()
    return not accepted and reason in CONTAGIOUS
