"""Orders as Salesforce states them, and a poll of them on demand."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from api import operations
from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.order_acts import act_on_order
from api.routes.workflows import started
from api.second_person import no_way_around
from api.services import Reading, Services, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, Started, listing, problems
from domain.errors import Missing
from domain.order_work import OrderAct, OrderProgress
from domain.orders import Order
from store import order_stories, orders
from store.order_stories import OrderStory
from store.session import reading

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get("", responses=problems() | FILE, summary="List orders")
@in_csv("orders")
def list_orders(
    session: Reading,
    key: Viewer,
    customer_number: str | None = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[Order]:
    """Orders in the order of their numbers, now or as of a time."""
    if as_of is not None:
        alike = {} if customer_number is None else {"customer_number": customer_number}
        return listing(orders.past_page(session, as_of, alike, limit=limit, cursor=cursor))
    return listing(orders.page(session, customer_number=customer_number, limit=limit, cursor=cursor))


class Act(BaseModel):
    """What a person decides about an order: let it go on, cancel what has not left, or tell the ERP again."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"act": "cancel", "reason": "The customer called: ordered twice"}]},
    )

    act: Literal["release", "cancel", "resend"]
    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")


@router.get("/{number:path}/story", responses=problems(404), summary="Read the story of an order")
def read_story(number: str, session: Reading, key: Viewer, as_of: AsOf = None) -> OrderStory:
    """Where an order stands by the lifecycle, its line ledger, and all that was observed and told of it."""
    found = order_stories.story(session, number, as_of)
    if found is None:
        then = "yet" if as_of is None else f"as of {as_of.isoformat()}"
        raise Missing(f"The gateway has not looked at an order {number} {then}.", reason="order")
    return found


@router.post("/{number:path}/acts", responses=problems(404, 409, 413), summary="Decide about an order")
async def decide_order(
    number: str,
    given: Act,
    serving: Serving,
    key: Operator,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> OrderProgress:
    """Let the order's flow take a decision; it is kept with who made it and why. 409 where its state does not allow it.

    With an `Idempotency-Key` the same decision again changes nothing.
    """
    await asyncio.to_thread(_require, serving, number)
    decision = OrderAct(
        order_number=number,
        act=given.act,
        reason=given.reason,
        decided_by=key.name,
        key=idempotency_key or f"{given.act} {uuid4().hex}",
    )
    return await act_on_order(serving, decision)


@router.get("/{number:path}", responses=problems(404), summary="Read one order")
def read_order(number: str, session: Reading, key: Viewer, as_of: AsOf = None) -> Order:
    """One order with its lines, now or as of a time."""
    found = orders.get_many(session, [number], as_of)
    if number not in found:
        raise Missing(f"Order {number} is not known from Salesforce.", reason="order")
    return found[number]


def _require(serving: Services, number: str) -> None:
    with reading(serving.engine) as session:
        if number not in orders.get_many(session, [number]):
            raise Missing(f"Order {number} is not known from Salesforce.", reason="order")
        no_way_around(session, serving, number)


@router.post("/pull", status_code=HTTPStatus.ACCEPTED, responses=problems(), summary="Pull orders now")
async def pull_orders(serving: Serving, response: Response, key: Operator) -> Started:
    """Look at Salesforce's orders now instead of waiting for the schedule."""
    return started(response, await operations.pull_orders(serving, key.name))
