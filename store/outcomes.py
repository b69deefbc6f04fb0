"""Intents of any kind on their way to an outcome: sent, unsent again, troubled, settled. One rule for all their tables.

The outcome of a call has three values: booked, refused, uncertain. From before a call until its answer it is uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update
from sqlmodel import Session, col

from domain.invoices import IntentState

OPEN = (IntentState.INTENDED, IntentState.UNCERTAIN)
# From which states an intent may come to an end; there is no way back from booked.
_ENDS_FROM = {
    IntentState.BOOKED: (*OPEN, IntentState.REFUSED, IntentState.WITHDRAWN),
    IntentState.REFUSED: OPEN,
    IntentState.WITHDRAWN: (IntentState.INTENDED,),
}


class Sendable(Protocol):
    """What an intent of any kind has."""

    @property
    def id(self) -> UUID: ...
    @property
    def state(self) -> IntentState: ...
    @property
    def attempts(self) -> int: ...
    def model_copy(self, *, update: dict[str, Any]) -> Any:
        """The intent with some values changed."""


I = TypeVar("I", bound=Sendable)  # noqa: E741 - an intent


@dataclass(frozen=True)
class Outcomes:
    """The intents of one table."""

    row: Any

    def mark_sent(self, session: Session, given: Sequence[I]) -> list[I]:
        """From before the call until its answer the outcome is uncertain: a process that dies in between leaves it so.

        Answers those that may be sent, with this attempt counted. What was settled, or was sent by another worker since
        it was read, is not among them: who asks must know all that was asked before.
        """
        session.execute(self._locked([one.id for one in given]))
        marked = session.scalars(
            update(self.row)
            .where(self._as_read(given), col(self.row.state).in_(OPEN))
            .values(
                state=IntentState.UNCERTAIN,
                attempts=col(self.row.attempts) + 1,
                sent_at=func.clock_timestamp(),
                refusal_code=None,
                refusal_detail=None,
            )
            .returning(col(self.row.id)),
            execution_options={"synchronize_session": False},
        )
        mine = set(marked)
        return [one.model_copy(update={"attempts": one.attempts + 1}) for one in given if one.id in mine]

    def mark_unsent(self, session: Session, given: Sequence[I], code: str, detail: str) -> None:
        """A first call certainly did nothing: the next may go without probing.

        Never for an intent that was sent before; one that another worker has sent since stays uncertain.
        """
        session.execute(
            update(self.row)
            .where(self._as_read(given), col(self.row.state) == IntentState.UNCERTAIN)
            .values(state=IntentState.INTENDED, refusal_code=code, refusal_detail=detail[:500])
            .execution_options(synchronize_session=False)
        )

    def note_trouble(self, session: Session, intent_ids: Sequence[UUID], code: str, detail: str) -> None:
        """Keep why the outcome is still open, in words for a person."""
        session.execute(
            update(self.row)
            .where(col(self.row.id).in_(intent_ids), col(self.row.state) == IntentState.UNCERTAIN)
            .values(refusal_code=code, refusal_detail=detail[:500])
        )

    def settle(  # noqa: PLR0913 - the end of an intent has three forms, each with words of its own
        self,
        session: Session,
        intent_id: UUID,
        state: IntentState,
        *,
        attempts: int | None = None,
        quickbooks_id: str | None = None,
        code: str | None = None,
        detail: str | None = None,
    ) -> bool:
        """End an intent; answers False where that may not be any more.

        A document that is there is a fact, whatever was written before. A refusal ends an open intent, and with
        `attempts` only that of the newest attempt: an older one may still be under way. Only what was never sent can be
        withdrawn.
        """
        conditions = [col(self.row.id) == intent_id, col(self.row.state).in_(_ENDS_FROM[state])]
        if attempts is not None:
            conditions.append(col(self.row.attempts) == attempts)
        result = session.execute(
            update(self.row)
            .where(*conditions)
            .values(
                state=state,
                settled_at=func.clock_timestamp(),
                quickbooks_id=quickbooks_id,
                refusal_code=code,
                refusal_detail=(detail or "")[:500] or None,
            )
            .returning(col(self.row.id))
        )
        return result.first() is not None

    def _as_read(self, given: Sequence[I]) -> ColumnElement[bool]:
        """These intents, as far as nobody has sent them since they were read."""
        attempts = tuple_(col(self.row.id), col(self.row.attempts))
        return attempts.in_([(one.id, one.attempts) for one in given])

    def _locked(self, intent_ids: Sequence[UUID]) -> Select[UUID]:
        """Lock rows in one order, so that two workers with the same intents never wait in a circle."""
        query = select(col(self.row.id)).where(col(self.row.id).in_(intent_ids))
        return query.order_by(col(self.row.id)).with_for_update()
