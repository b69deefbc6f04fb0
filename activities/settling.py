"""Bringing intents of any kind to an outcome in QuickBooks: send what was never sent, probe what may have been.

Outcomes have three values. From before a call until its answer an intent is uncertain; an uncertain one is looked up
and, when it is there, recorded. Only what is nowhere to be found is sent again, and then under the request id of the
first time, so that a call still under way at QuickBooks cannot take effect twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import Duplicate, GatewayError, OutcomeUnknown, Transient
from domain.invoices import IntentState
from store.causes import Cause as ChangeCause
from store.causes import CauseSource
from store.outcomes import Outcomes, Sendable
from store.session import transaction

I = TypeVar("I", bound=Sendable)  # noqa: E741 - an intent
B = TypeVar("B")  # what QuickBooks has booked

CONNECTION_CODES = frozenset({"not_authorized", "misconfigured"})
ASKED_ELSEWHERE = "Another worker has asked QuickBooks for this since: what came of it is read first."


@dataclass(frozen=True)
class Settling(ABC, Generic[I, B]):
    """One attempt at settling a set of intents; what it learns is committed intent by intent."""

    engine: Engine
    quickbooks: QuickBooksGateway
    workflow_id: str

    @property
    @abstractmethod
    def outcomes(self) -> Outcomes:
        """The table that the intents are in."""

    @abstractmethod
    def load(self, session: Session, intent_ids: Sequence[str]) -> list[I]:
        """These intents, as they are now."""

    @abstractmethod
    def groups(self, to_send: Sequence[I]) -> list[list[I]]:
        """What goes together in one call."""

    @abstractmethod
    def call(self, group: Sequence[I]) -> Sequence[B | GatewayError]:
        """Ask QuickBooks; one answer an intent. What goes wrong with the call as a whole is raised."""

    @abstractmethod
    def look_up(self, intent: I) -> B | None:
        """What QuickBooks has of an intent that may have been sent before."""

    @abstractmethod
    def record(self, session: Session, intent: I, booked: B, *, adopted: bool) -> None:
        """Write down that it is there, in this transaction."""

    @abstractmethod
    def note_refused(self, intent: I, code: str) -> None:
        """Say in log and metrics that an intent came to nothing."""

    def found(self, intent: I) -> bool:
        """Look an uncertain intent up; when it is there, or never will be, settle it (case E13)."""
        there = self.look_up(intent)
        if there is not None:
            self.write_down(intent, there, adopted=True)
        return there is not None

    def superseded(self, intent: I) -> bool:  # noqa: ARG002 - most kinds have nothing that comes before
        """Whether something booked before forbids to send an intent for the first time; it is refused then."""
        return False

    def run(self, intent_ids: Sequence[str]) -> None:
        """Settle as many of these intents as possible; raises a transient error while any is still open."""
        with transaction(self.engine, self.cause()) as session:
            open_ones = [one for one in self.load(session, intent_ids) if is_open(one)]
        to_send = [one for one in open_ones if one.state is IntentState.INTENDED and not self.superseded(one)]
        to_send += [one for one in open_ones if one.state is IntentState.UNCERTAIN and not self.found(one)]
        troubles = [trouble for group in self.groups(to_send) for trouble in self._send(group)]
        for trouble in sorted(troubles, key=lambda one: isinstance(one, Transient)):
            raise trouble  # what a person has to mend comes first

    def cause(self) -> ChangeCause:
        """The cause of every change that this attempt makes."""
        return ChangeCause(source=CauseSource.QUICKBOOKS, actor="worker", workflow_id=self.workflow_id)

    def write_down(self, intent: I, booked: B, *, adopted: bool) -> None:
        """Record one document in a transaction of its own."""
        with transaction(self.engine, self.cause()) as session:
            self.record(session, intent, booked, adopted=adopted)

    def refuse(self, intent: I, code: str, detail: str) -> Transient | None:
        """End an intent without a document, unless another worker has asked for it since."""
        with transaction(self.engine, self.cause()) as session:
            ended = self.outcomes.settle(
                session, intent.id, IntentState.REFUSED, attempts=intent.attempts, code=code, detail=detail
            )
        if not ended:
            return Transient(ASKED_ELSEWHERE)
        self.note_refused(intent, code)
        return None

    def _send(self, group: Sequence[I]) -> list[GatewayError]:
        """Send one call's intents; answers what is not final, one trouble each."""
        with transaction(self.engine, self.cause()) as session:
            sent = self.outcomes.mark_sent(session, group)
        elsewhere: list[GatewayError] = [Transient(ASKED_ELSEWHERE)] if len(sent) < len(group) else []
        if not sent:
            return elsewhere
        try:
            answers = self.call(sent)
        except OutcomeUnknown as error:
            return [self._note(sent, error)]
        except GatewayError as error:
            self._unsend(sent, error)
            if isinstance(error, Transient):
                return [error]
            raise
        return elsewhere + [one for pair in zip(sent, answers, strict=True) if (one := self._settle(*pair))]

    def _settle(self, intent: I, answer: B | GatewayError) -> GatewayError | None:
        """Record one answer; what is not final is answered back, to be tried again."""
        if not isinstance(answer, GatewayError):
            self.write_down(intent, answer, adopted=False)
            return None
        if isinstance(answer, OutcomeUnknown):
            return self._note([intent], answer)
        if isinstance(answer, Transient) or answer.code in CONNECTION_CODES:
            self._unsend([intent], answer)
            return answer
        if isinstance(answer, Duplicate):
            return self._settle_taken_number(intent, answer)
        return self.refuse(intent, answer.reason or answer.code, answer.detail)

    def _settle_taken_number(self, intent: I, answer: GatewayError) -> Transient | None:
        """The number is in use: by our own document of an earlier try, or by a foreign one (case E11)."""
        ours = self.look_up(intent)
        if ours is not None:
            self.write_down(intent, ours, adopted=True)
            return None
        return self.refuse(intent, "duplicate", answer.detail)

    def _unsend(self, group: Sequence[I], error: GatewayError) -> None:
        """The call did nothing; intents that an earlier call left uncertain stay so."""
        first = [one for one in group if one.state is IntentState.INTENDED]
        again = [one.id for one in group if one.state is IntentState.UNCERTAIN]
        with transaction(self.engine, self.cause()) as session:
            self.outcomes.mark_unsent(session, first, error.code, error.detail)
            self.outcomes.note_trouble(session, again, error.code, error.detail)

    def _note(self, group: Sequence[I], error: Transient) -> Transient:
        with transaction(self.engine, self.cause()) as session:
            self.outcomes.note_trouble(session, [one.id for one in group], error.code, error.detail)
        return error


def is_open(intent: Sendable) -> bool:
    """Whether an intent has no outcome yet."""
    return intent.state in {IntentState.INTENDED, IntentState.UNCERTAIN}
