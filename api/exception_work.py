"""What people do with exceptions beside deciding one: take it, put it off, note something, decide many alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from api.operations import Chosen, decide, go_on, user_cause
from api.services import Services
from domain.errors import Duplicate, GatewayError, Malformed
from domain.exception_work import SNOOZE_AT_MOST
from domain.exceptions import VALUE_NEEDED, Choice, ExceptionItem, Note
from store import exception_work
from store.exception_work import Wanted
from store.session import reading, transaction


class Outcome(StrEnum):
    """What became, or would become, of one of many."""

    WOULD_RESOLVE = "would_resolve"
    RESOLVED = "resolved"
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
    results: list[OneResult]


class ManyDecision(BaseModel):
    """One decision for many exceptions."""

    choice: Choice
    value: str | None = Field(default=None, max_length=500)
    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")
    dry_run: bool = Field(default=True, description="Only say what would become of each.")
    expected: int | None = Field(default=None, description="What the dry run matched; needed to really decide.")


AT_ONCE = 500


def assign(services: Services, exception_id: str, assignee: str | None, note: str | None, by: str) -> ExceptionItem:
    """Give open work to a person, None: back to its desk."""
    return _write(
        services,
        exception_id,
        by,
        lambda session: exception_work.assign(session, exception_id, assignee, _note(note, by)),
    )


def snooze(services: Services, exception_id: str, until: AwareDatetime | None, note: str, by: str) -> ExceptionItem:
    """Put open work out of sight until then, None: bring it back. Raises Malformed for a time that is not ahead."""
    now = datetime.now(UTC)
    if until is not None and not now < until <= now + SNOOZE_AT_MOST:
        raise Malformed(f"`until` is to lie ahead, and no more than {SNOOZE_AT_MOST.days} days.", reason="until")
    return _write(
        services, exception_id, by, lambda session: exception_work.snooze(session, exception_id, until, _note(note, by))
    )


def write_note(services: Services, exception_id: str, note: str, by: str) -> ExceptionItem:
    """Write a note on the card of open work."""
    written = Note(at=datetime.now(UTC), by=by, text=note)
    return _write(services, exception_id, by, lambda session: exception_work.add_note(session, exception_id, written))


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
    return ManyResolved(dry_run=decision.dry_run, matched=len(items), resolved=resolved, results=results)


async def _one(services: Services, item: ExceptionItem, decision: ManyDecision, by: str) -> OneResult:
    refusal = _refusal(item, decision)
    if refusal is None and not decision.dry_run:
        try:
            chosen = Chosen(decision.choice, decision.value, decision.reason, item.sentence)
            await go_on(services, await asyncio.to_thread(decide, services, item.id, chosen, by))
        except GatewayError as error:
            refusal = error.detail
    done = Outcome.WOULD_RESOLVE if decision.dry_run else Outcome.RESOLVED
    return OneResult(
        id=item.id,
        record_type=item.record_type,
        record_key=item.record_key,
        sentence=item.sentence,
        outcome=Outcome.REFUSED if refusal else done,
        detail=refusal,
    )


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


def _write(services: Services, exception_id: str, by: str, change: Callable[[Session], ExceptionItem]) -> ExceptionItem:
    with transaction(services.engine, user_cause(by, exception=exception_id)) as session:
        return change(session)
