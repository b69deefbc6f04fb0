"""The work for people that a merge leaves: opened with its question, closed by itself when its cause is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from domain.exceptions import Cause, ExceptionItem, Finding
from domain.links import LinkKind
from domain.master_questions import RECORD_TYPE, questions, record_key, refusal, split_key
from domain.master_work import WriteState
from domain.merging import MergeInput, MergeOutcome
from domain.sources import System
from runtime import metrics
from store import exceptions
from store.tables.mastering import MasterWriteRow

MASTER_DESK = "master data"  # who owns the exceptions of masters


class Asking:
    """What is open on one record."""

    def __init__(self, session: Session, kind: LinkKind, key: str, at: datetime) -> None:
        self._session, self._kind, self._key, self._at = session, kind, key, at

    def ask(self, given: MergeInput, outcome: MergeOutcome, writes: Sequence[MasterWriteRow]) -> int:
        """Bring the open work to what a decision asks and what was refused; answers how much is open."""
        found = questions(given, outcome)
        for one in writes:
            system = System(one.system)
            if one.state == WriteState.REFUSED and system in outcome.writes and system.value not in found:
                found[system.value] = refusal(given, system, one.external_id, one.detail or "no reason was given.")
        return self.keep(found)

    def keep(self, found: Mapping[str, Finding]) -> int:
        """Bring the open work on the record to these questions, by what each is about."""
        for item in self._open():
            about = split_key(item.record_key)[2]
            if about not in found or found[about].cause is not item.cause:
                keep = tuple(cause for cause in Cause if cause is not item.cause)
                exceptions.close_by_itself(self._session, (RECORD_TYPE, item.record_key), self._at, keep=keep)
        for about, finding in found.items():
            self._raise(record_key(self._kind, self._key, about), finding)
        return len(found)

    def _open(self) -> list[ExceptionItem]:
        prefix = f"{self._kind.value}/{self._key}/"
        below = exceptions.open_below(self._session, RECORD_TYPE, prefix)
        return [one for one in below if split_key(one.record_key)[:2] == (self._kind, self._key)]

    def _raise(self, key: str, finding: Finding) -> None:
        record = (RECORD_TYPE, key)
        known = {(one.cause, one.sentence) for one in exceptions.open_of_record(self._session, record)}
        if (finding.cause, finding.sentence) in known:
            return
        metrics.count("exceptions_raised", kind=finding.kind, cause=finding.cause)
        exceptions.open_item(
            self._session,
            finding=finding,
            record=record,
            owner=MASTER_DESK,
            workflow_id=f"{self._kind.value}/{self._key}",
        )
