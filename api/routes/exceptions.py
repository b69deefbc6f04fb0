"""Exception items: what waits for a person, and their decisions."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Operator, Viewer
from api.operations import decide, go_on
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from domain.exceptions import Cause, Choice, ExceptionItem, ExceptionKind, ExceptionState
from store import exceptions

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


@router.get("", responses=problems(), summary="List exceptions")
def list_exceptions(
    session: Reading,
    key: Viewer,
    kind: ExceptionKind | None = None,
    state: Annotated[
        ExceptionState | Literal["all"], Query(description="`all`: closed ones too.")
    ] = ExceptionState.OPEN,
    cause: Cause | None = None,
    by_money: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[ExceptionItem]:
    """Open exceptions unless another `state` is asked for; newest first, or by the money at stake."""
    wanted = state if isinstance(state, ExceptionState) else None
    page = exceptions.page(session, kind=kind, state=wanted, cause=cause, by_money=by_money, limit=limit, cursor=cursor)
    return listing(page)


@router.get("/{exception_id}", responses=problems(404), summary="Read one exception")
def read_exception(exception_id: str, session: Reading, key: Viewer) -> ExceptionItem:
    """One exception with its findings, choices and, once closed, its resolution."""
    found = exceptions.get(session, exception_id)
    if found is None:
        raise Missing(f"There is no exception {exception_id}.", reason="exception")
    return found


@router.post("/{exception_id}/resolve", responses=problems(404, 409, 413), summary="Decide an exception")
async def resolve_exception(exception_id: str, decision: Decision, serving: Serving, key: Operator) -> ExceptionItem:
    """Write the decision down and let the work that waits go on. Deciding a closed exception again is refused."""
    item = await asyncio.to_thread(
        decide, serving, exception_id, decision.choice, decision.value, decision.reason, key.name
    )
    await go_on(serving, item)
    return item
