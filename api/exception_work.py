"""What people do with exceptions beside deciding one: take it, put it off, note something, decide many alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from api.once import Once
from api.operations import Chosen, decide, go_on, user_cause
from api.second_person import waits_for_two
from api.services import Services
from api.shapes import Flag, Whole
from domain.errors import Duplicate, GatewayError, Malformed
from domain.exception_work import SNOOZE_AT_MOST
from domain.exceptions import VALUE_NEEDED, Choice, ExceptionItem, ExceptionState, Note, Resolution
from store import exception_work, proposals
from store.exception_work import Wanted
from store.session import reading, transaction


class Outcome(StrEnum):
    """What became, or would become, of one of many."""

    WOULD_RESOLVE = "would_resolve"
    WOULD_PROPOSE = "would_propose"
    RESOLVED = "resolved"
    PROPOSED = "proposed"
    REFUSED = "refused"


class OneResult(BaseModel):
    """One of many: what became of it, and why not."""

    id: str
    record_type: str
    record_key: str
    sentence: str
    outcome: Outcome
    detail: str | None = None


class ManyResolved(BaseModel):
    """What deciding many came to. `matched` is how many the filter finds: give it as `expected` to really decide."""

    dry_run: bool
    matched: int
    resolved: int
    proposed: int = Field(default=0, description="These wait for another person: too much money for one.")
    results: list[OneResult]


class ManyDecision(BaseModel):
    """One decision for many exceptions."""

    choice: Choice
    value: str | None = Field(default=None, max_length=500)
    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")
    dry_run: Flag = Field(default=True, description="Only say what would become of each.")
    expected: Whole | None = Field(default=None, ge=0, description="What the dry run matched; needed to really decide.")


AT_ONCE = 500


class Card(NamedTuple):
    """On which exception somebody writes, who does, and whether the same request may come again."""

    exception_id: str
    by: str
    once: Once


def assign(services: Services, card: Card, assignee: str | None, note: str | None) -> ExceptionItem:
    """Give open work to a person, None: back to its desk."""
    return _write(
        services,
        card,
        lambda session: exception_work.assign(session, card.exception_id, assignee, _note(note, card.by)),
    )


def snooze(services: Services, card: Card, until: AwareDatetime | None, note: str) -> ExceptionItem:
    """Put open work out of sight until then, None: bring it back. Raises Malformed for a time that is not ahead."""

    def put_off(session: Session) -> ExceptionItem:
        now = datetime.now(UTC)
        if until is not None and not now < until <= now + SNOOZE_AT_MOST:
            raise Malformed(f"`until` is to lie ahead, and no more than {SNOOZE_AT_MOST.days} days.", reason="until")
        return exception_work.snooze(session, card.exception_id, until, _note(note, card.by))

    return _write(services, card, put_off)


def withdraw(services: Services, card: Card, reason: str) -> ExceptionItem:
    """Take back what this person proposed; the reason is kept with the act. Raises what the store raises."""
    with transaction(services.engine, user_cause(card.by, exception=card.exception_id, reason=reason)) as session:
        return card.once.do(session, ExceptionItem, lambda: proposals.withdraw(session, card.exception_id, card.by))


def write_note(services: Services, card: Card, note: str) -> ExceptionItem:
    """Write a note on the card of open work."""
    written = Note(at=datetime.now(UTC), by=card.by, text=note)
    return _write(services, card, lambda session: exception_work.add_note(session, card.exception_id, written))


async def resolve_many(services: Services, wanted: Wanted, decision: ManyDecision, by: str) -> ManyResolved:
    """Decide all open work that a filter finds, each in a transaction of its own; a dry run only says what would be.

    Raises Malformed for more than can be decided at once, and Duplicate where the filter no longer finds as many.
    """
    items = await asyncio.to_thread(_matching, services, wanted)
    if not decision.dry_run and decision.expected != len(items):
        detail = f"The filter finds {len(items)} exceptions, not {decision.expected}: look at the dry run again."
        raise Duplicate(detail, reason="expected")
    results = [await _one(services, item, decision, by) for item in items]
    resolved = sum(one.outcome is Outcome.RESOLVED for one in results)
    proposed = sum(one.outcome is Outcome.PROPOSED for one in results)
    return ManyResolved(
        dry_run=decision.dry_run, matched=len(items), resolved=resolved, proposed=proposed, results=results
    )


async def _one(services: Services, item: ExceptionItem, decision: ManyDecision, by: str) -> OneResult:
    refusal, done = _refusal(item, decision), Outcome.REFUSED
    if refusal is None and decision.dry_run:
        done = await asyncio.to_thread(_would, services, item, decision, by)
    elif refusal is None:
        try:
            chosen = Chosen(decision.choice, decision.value, decision.reason, item.sentence)
            decided = await asyncio.to_thread(decide, services, item.id, chosen, by)
            await go_on(services, decided)
            done = Outcome.PROPOSED if decided.state is ExceptionState.OPEN else Outcome.RESOLVED
        except GatewayError as error:
            refusal = error.detail
    return OneResult(
        id=item.id,
        record_type=item.record_type,
        record_key=item.record_key,
        sentence=item.sentence,
        outcome=Outcome.REFUSED if refusal else done,
        detail=refusal,
    )


def _would(services: Services, item: ExceptionItem, decision: ManyDecision, by: str) -> Outcome:
    """What deciding one of many would come to."""
    resolution = Resolution(
        exception_id=item.id,
        choice=decision.choice,
        value=decision.value,
        reason=decision.reason,
        decided_by=by,
        decided_at=datetime.now(UTC),
    )
    with reading(services.engine) as session:
        waits = waits_for_two(session, services, item, resolution)
    return Outcome.WOULD_PROPOSE if waits else Outcome.WOULD_RESOLVE


def _refusal(item: ExceptionItem, decision: ManyDecision) -> str | None:
    if decision.choice not in item.choices:
        return f"{decision.choice} is no choice for this exception. Choose one of: {', '.join(item.choices)}."
    if decision.choice in VALUE_NEEDED and not (decision.value or "").strip():
        return f"The choice {decision.choice} needs a value."
    return None


def _matching(services: Services, wanted: Wanted) -> list[ExceptionItem]:
    with reading(services.engine) as session:
        found = exception_work.page(session, wanted, limit=AT_ONCE)
    if found.next_cursor is not None:
        raise Malformed(f"More than {AT_ONCE} exceptions: narrow the filter.", reason="filter")
    return list(found.items)


def _note(text: str | None, by: str) -> Note | None:
    return Note(at=datetime.now(UTC), by=by, text=text) if text else None


def _write(services: Services, card: Card, change: Callable[[Session], ExceptionItem]) -> ExceptionItem:
    with transaction(services.engine, user_cause(card.by, exception=card.exception_id)) as session:
        return card.once.do(session, ExceptionItem, lambda: change(session))
