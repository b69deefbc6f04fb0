"""Orders as Salesforce states them, and a poll of them on demand."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from api import operations
from api.auth import Operator, Viewer
from api.routes.workflows import started
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, Started, listing, problems
from domain.errors import Malformed, Missing
from domain.orders import Order
from store import orders

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get("", responses=problems(), summary="List orders")
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
        if customer_number is not None:
            detail = "query.customer_number: the past is listed whole; leave it out, or leave out as_of."
            raise Malformed(detail, reason="customer_number")
        return listing(orders.past_page(session, as_of, limit=limit, cursor=cursor))
    return listing(orders.page(session, customer_number=customer_number, limit=limit, cursor=cursor))


@router.get("/{number:path}", responses=problems(404), summary="Read one order")
def read_order(number: str, session: Reading, key: Viewer, as_of: AsOf = None) -> Order:
    """One order with its lines, now or as of a time."""
    found = orders.get_many(session, [number], as_of)
    if number not in found:
        raise Missing(f"Order {number} is not known from Salesforce.", reason="order")
    return found[number]


@router.post("/pull", status_code=HTTPStatus.ACCEPTED, responses=problems(), summary="Pull orders now")
async def pull_orders(serving: Serving, response: Response, key: Operator) -> Started:
    """Look at Salesforce's orders now instead of waiting for the schedule."""
    return started(response, await operations.pull_orders(serving, key.name))
