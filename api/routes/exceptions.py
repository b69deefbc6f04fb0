"""Exception items: what waits for a person, and their decisions."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Operator, Viewer
from api.exception_work import (
    AT_ONCE,
    Card,
    ManyDecision,
    ManyResolved,
    assign,
    resolve_many,
    snooze,
    withdraw,
    write_note,
)
from api.exports import FILE, AsFormat, Format, in_csv
from api.once import OnlyOnce
from api.operations import Chosen, decide, go_on
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Instant, Limit, Listing, listing, problems
from domain.errors import Malformed, Missing
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, ExceptionState
from store import exception_work, exceptions
from store.exception_work import Order, Wanted
from store.sides import Comparison, compare

router = APIRouter(prefix="/exceptions", tags=["exceptions"])


class Decision(BaseModel):
    """A person's decision; `value` where the choice needs one (a SKU, a customer number, a QuickBooks id)."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {
                    "choice": "use_item",
                    "value": "BOLT-38",
                    "reason": "Misprint on the pick list, agreed with the customer",
                },
                {"choice": "do_not_bill", "reason": "Replacement under warranty"},
            ]
        },
    )

    choice: Choice
    value: str | None = Field(default=None, max_length=500)
    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")
    sentence: str | None = Field(
        default=None,
        max_length=4000,
        description="The sentence that was read: where the exception says something else by now, 409.",
    )


class ManyWork(ManyDecision):
    """A decision for all open exceptions of a filter, which names something: a cause, a record, an owner, ids."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [{"cause": "item_not_linked", "choice": "retry", "reason": "The links are there now"}]
        },
    )

    kind: ExceptionKind | None = None
    cause: Cause | None = None
    record_type: str | None = None
    record_key: str | None = None
    owner: str | None = None
    assignee: str | None = None
    ids: list[UUID] | None = Field(default=None, max_length=AT_ONCE)


class Assignment(BaseModel):
    """Who takes it; null gives it back to its desk."""

    model_config = ConfigDict(str_strip_whitespace=True, json_schema_extra={"examples": [{"assignee": "ana"}]})

    assignee: str | None = Field(min_length=1, max_length=80)
    note: str | None = Field(default=None, max_length=1000)


class Snooze(BaseModel):
    """Until when it is out of sight; null brings it back."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"until": "2026-12-01T08:00:00Z", "reason": "The customer answers on Monday"}]},
    )

    until: Instant | None
    reason: str = Field(min_length=3, max_length=1000, description="Why; it becomes a note.")


class NewNote(BaseModel):
    """Something to know for whoever takes it."""

    model_config = ConfigDict(str_strip_whitespace=True, json_schema_extra={"examples": [{"text": "Rang, no answer"}]})

    text: str = Field(min_length=1, max_length=1000)


class Withdrawal(BaseModel):
    """Why a proposed decision is taken back."""

    model_config = ConfigDict(
        str_strip_whitespace=True, json_schema_extra={"examples": [{"reason": "I looked at the wrong order"}]}
    )

    reason: str = Field(min_length=3, max_length=500)


class Filter(BaseModel):
    """Which exceptions; given together, all have to fit."""

    kind: ExceptionKind | None = None
    state: ExceptionState | Literal["all"] = Field(ExceptionState.OPEN, description="`all`: closed ones too.")
    cause: Cause | None = None
    record_type: str | None = None
    record_key: str | None = None
    owner: str | None = None
    assignee: str | None = None
    overdue: bool = Field(False, description="Only open ones whose due time is over.")
    snoozed: bool | None = Field(None, description="true: only what is out of sight; false: only what is not.")
    proposed: bool | None = Field(None, description="true: only what one person proposed, and another has to confirm.")
    order: Order = Field(Order.NEWEST, description="`rank`: by money and age together.")
    by_money: bool = Field(False, description="The same as `order=money`.")
    as_of: AsOf = None
    limit: Limit = 50
    cursor: Cursor = None
    format: AsFormat = Format.JSON

    def wanted(self) -> Wanted:
        """The filter in the store's words."""
        state = self.state if isinstance(self.state, ExceptionState) else None
        names = ("kind", "cause", "record_type", "record_key", "owner", "assignee", "overdue", "snoozed", "proposed")
        return Wanted(state=state, **{name: getattr(self, name) for name in names})


@router.get("", responses=problems() | FILE, summary="List exceptions")
@in_csv("exceptions")
def list_exceptions(session: Reading, key: Viewer, given: Annotated[Filter, Query()]) -> Listing[ExceptionItem]:
    """Open exceptions unless another `state` is asked for; newest first, by the money at stake, or by rank."""
    if given.as_of is not None:
        if given.overdue or given.snoozed is not None or given.proposed is not None:
            detail = "query.as_of: what was overdue, out of sight or proposed at a time is not listed; leave out those."
            raise Malformed(detail, reason="as_of")
        past = exception_work.past_page(session, given.as_of, given.wanted(), limit=given.limit, cursor=given.cursor)
        return listing(past)
    order = Order.MONEY if given.by_money else given.order
    return listing(exception_work.page(session, given.wanted(), order=order, limit=given.limit, cursor=given.cursor))


@router.post("/resolve-many", responses=problems(409, 413), summary="Decide many exceptions alike")
async def resolve_many_exceptions(many: ManyWork, serving: Serving, key: Operator) -> ManyResolved:
    """A dry run says what would become of each; the real one wants the number that the dry run matched."""
    names = ("kind", "cause", "record_type", "record_key", "owner", "assignee")
    narrowed = {name: value for name in names if (value := getattr(many, name)) is not None}
    if not narrowed and many.ids is None:
        raise Malformed("body: name a cause, a record, an owner, or ids; not simply everything.", reason="filter")
    ids = None if many.ids is None else [str(one) for one in many.ids]
    wanted = Wanted(state=ExceptionState.OPEN, ids=ids, **narrowed)
    return await resolve_many(serving, wanted, many, key.name)


@router.get("/{exception_id}", responses=problems(404), summary="Read one exception")
def read_exception(exception_id: str, session: Reading, key: Viewer, as_of: AsOf = None) -> ExceptionItem:
    """One exception with its findings, choices, notes and, once closed, its resolution or why it closed by itself."""
    found = (
        exceptions.get(session, exception_id) if as_of is None else exception_work.past(session, exception_id, as_of)
    )
    if found is None:
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        raise Missing(f"There is no exception {exception_id}{then}.", reason="exception")
    return found


@router.get("/{exception_id}/sides", responses=problems(404), summary="Read what the systems say of it")
def read_sides(exception_id: str, session: Reading, key: Viewer) -> Comparison:
    """What each system has of the record, field by field, side by side; nothing where no two have a say in it."""
    found = exceptions.get(session, exception_id)
    if found is None:
        raise Missing(f"There is no exception {exception_id}.", reason="exception")
    return compare(session, found)


@router.post("/{exception_id}/assign", responses=problems(404, 409, 413), summary="Give an exception to a person")
def assign_exception(
    exception_id: str, given: Assignment, serving: Serving, key: Operator, once: OnlyOnce
) -> ExceptionItem:
    """Say who takes it. Somebody who says the same again changes nothing."""
    return assign(serving, Card(exception_id, key.name, once), given.assignee, given.note)


@router.post("/{exception_id}/snooze", responses=problems(404, 409, 413), summary="Put an exception off")
def snooze_exception(
    exception_id: str, given: Snooze, serving: Serving, key: Operator, once: OnlyOnce
) -> ExceptionItem:
    """Put it out of sight until a time, with a reason; it comes back by itself then."""
    return snooze(serving, Card(exception_id, key.name, once), given.until, given.reason)


@router.post("/{exception_id}/notes", responses=problems(404, 409, 413), summary="Write a note on an exception")
def note_exception(exception_id: str, given: NewNote, serving: Serving, key: Operator, once: OnlyOnce) -> ExceptionItem:
    """Add something to know to its card."""
    return write_note(serving, Card(exception_id, key.name, once), given.text)


@router.post("/{exception_id}/resolve", responses=problems(404, 409, 413), summary="Decide an exception")
async def resolve_exception(exception_id: str, decision: Decision, serving: Serving, key: Operator) -> ExceptionItem:
    """Write the decision down and let the work that waits go on. Deciding a closed exception again is refused.

    With more money at stake than one person may decide about, it stays `open` with a `proposal`, until another person
    decides the same about the same sentence; another choice takes its place.
    """
    chosen = Chosen(decision.choice, decision.value, decision.reason, decision.sentence)
    item = await asyncio.to_thread(decide, serving, exception_id, chosen, key.name)
    await go_on(serving, item)
    return item


@router.post("/{exception_id}/withdraw", responses=problems(404, 409, 413), summary="Take back a proposed decision")
def withdraw_decision(
    exception_id: str, given: Withdrawal, serving: Serving, key: Operator, once: OnlyOnce
) -> ExceptionItem:
    """Take back what you proposed over more money than one person may decide about. Others overrule it by a choice."""
    return withdraw(serving, Card(exception_id, key.name, once), given.reason)
