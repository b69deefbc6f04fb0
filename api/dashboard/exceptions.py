"""The inbox of exceptions: the list, one with its sides and what may be done, and what people do there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import Response

from api.dashboard.choice_words import OFFERS, Offer
from api.dashboard.pages import back_to, given, key_of, long_enough, page_router, said
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking, Operating
from api.once import Once
from api.routes import exceptions as operations
from api.routes.exceptions import Assignment, Decision, Filter, NewNote, Snooze, Withdrawal
from api.services import Reading, Serving
from domain.errors import Malformed
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, ExceptionState
from store.exception_work import Order
from store.sides import AGREED, Comparison

router = page_router()

Wanted = Annotated[Filter, Depends(given(Filter))]
Reason = Annotated[str, Form(max_length=500)]
Value = Annotated[str, Form(max_length=500)]


@router.get("/ui/exceptions")
def show_exceptions(request: Request, session: Reading, person: Looking, wanted: Wanted) -> Response:
    """The list, by what was asked for in the address; the dearest and oldest first unless another order is asked."""
    narrowed = ranked(request, wanted)
    found = operations.list_exceptions(session, key_of(person), narrowed)
    return page(
        request,
        "exceptions.html",
        person,
        found=found,
        wanted=narrowed,
        current=dict(request.query_params),
        offers=_offered(found.items),
        kinds=list(ExceptionKind),
        causes=sorted(Cause),
        states=[*ExceptionState, "all"],
        orders=list(Order),
        said=said(request),
    )


@router.get("/ui/exceptions/{exception_id}")
def show_exception(exception_id: str, request: Request, session: Reading, person: Looking) -> Response:
    """One exception: why it waits, what each system says, what it costs, and what may be done."""
    item = operations.read_exception(exception_id, session, key_of(person))
    sides = operations.read_sides(exception_id, session, key_of(person))
    takes = _takes(item, sides)
    return page(
        request,
        "exception.html",
        person,
        item=item,
        sides=sides,
        takes=takes,
        offers=OFFERS,
        said=said(request),
    )


@router.post("/ui/exceptions/{exception_id}/resolve")
async def take_decision(
    exception_id: str,
    serving: Serving,
    person: Operating,
    choice: Annotated[str, Form(max_length=100)],
    reason: Reason,
    value: Value = "",
    sentence: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Write a decision down; refused where the exception says something else by now than was read.

    `take_system=erp` is a choice together with its value, so that one tick says it all.
    """
    name, _, given_value = choice.partition("=")
    if name not in set(Choice):
        raise Malformed("Choose what is to be done.", reason="choice")
    decision = Decision(
        choice=Choice(name), value=given_value or value or None, reason=long_enough(reason), sentence=sentence or None
    )
    item = await operations.resolve_exception(exception_id, decision, serving, key_of(person))
    waits = item.state is ExceptionState.OPEN and item.proposal is not None
    return back_to(f"/ui/exceptions/{exception_id}", "proposed" if waits else "decided")


@router.post("/ui/exceptions/{exception_id}/withdraw")
def take_withdrawal(exception_id: str, serving: Serving, person: Operating, reason: Reason) -> Response:
    """Take back what this person proposed."""
    given = Withdrawal(reason=long_enough(reason))
    operations.withdraw_decision(exception_id, given, serving, key_of(person), Once())
    return back_to(f"/ui/exceptions/{exception_id}", "withdrawn")


@router.post("/ui/exceptions/{exception_id}/assign")
def take_assignment(
    exception_id: str,
    serving: Serving,
    person: Operating,
    assignee: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Give it to somebody; left empty, back to its desk."""
    wanted = Assignment(assignee=assignee.strip() or None)
    operations.assign_exception(exception_id, wanted, serving, key_of(person), Once())
    return back_to(f"/ui/exceptions/{exception_id}", "assigned")


@router.post("/ui/exceptions/{exception_id}/snooze")
def take_snooze(
    exception_id: str, serving: Serving, person: Operating, days: Annotated[int, Form(ge=0, le=90)], reason: Reason
) -> Response:
    """Put it out of sight for so many days; none brings it back."""
    until = datetime.now(serving.company.zone) + timedelta(days=days) if days else None
    wanted = Snooze(until=until, reason=long_enough(reason))
    operations.snooze_exception(exception_id, wanted, serving, key_of(person), Once())
    return back_to(f"/ui/exceptions/{exception_id}", "snoozed")


@router.post("/ui/exceptions/{exception_id}/note")
def take_note(
    exception_id: str, serving: Serving, person: Operating, text: Annotated[str, Form(max_length=1000)]
) -> Response:
    """Write a note on its card."""
    if not text.strip():
        raise Malformed("A note says something.", reason="text")
    operations.note_exception(exception_id, NewNote(text=text), serving, key_of(person), Once())
    return back_to(f"/ui/exceptions/{exception_id}", "noted")


def ranked(request: Request, wanted: Filter) -> Filter:
    """The filter, by money and age together unless another order is asked for."""
    return wanted if "order" in request.query_params else wanted.model_copy(update={"order": Order.RANK})


def _offered(items: Iterable[ExceptionItem]) -> dict[Choice, Offer]:
    """What may be chosen for some of these, in the order in which choices are told."""
    choices = {choice for item in items for choice in item.choices}
    return {choice: offer for choice, offer in OFFERS.items() if choice in choices}


def _takes(item: ExceptionItem, sides: Comparison) -> list[tuple[str, str]]:
    """The systems whose value may be taken, each with what it has of the field in question."""
    if Choice.TAKE_SYSTEM not in item.choices:
        return []
    about = item.record_key.rpartition("/")[2]
    values = next((one.values for one in sides.fields if one.field == about), ())
    named = zip(sides.sides, values, strict=False)
    return [(side.name, value) for side, value in named if side.name != AGREED and value is not None]
