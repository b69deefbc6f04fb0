"""Orders as Salesforce states them, and a poll of them on demand."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.auth import Operator, Viewer
from api.operations import pull_orders
from api.routes.workflows import started
from api.services import Reading, Serving
from api.shapes import Cursor, Limit, Listing, Started, listing, problems
from domain.errors import Missing
from domain.orders import Order
from store import orders

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get("", responses=problems(), summary="List orders")
def list_orders(
    session: Reading, key: Viewer, customer_number: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Listing[Order]:
    """Orders in the order of their numbers."""
    return listing(orders.page(session, customer_number=customer_number, limit=limit, cursor=cursor))


@router.get("/{number}", responses=problems(404), summary="Read one order")
def read_order(number: str, session: Reading, key: Viewer) -> Order:
    """One order with its lines."""
    found = orders.get_many(session, [number])
    if number not in found:
        raise Missing(f"Order {number} is not known from Salesforce.", reason="order")
    return found[number]


@router.post("/pull", status_code=HTTPStatus.ACCEPTED, responses=problems(503), summary="Pull orders now")
async def pull(serving: Serving, response: Response, key: Operator) -> Started:
    """Look at Salesforce's orders now instead of waiting for the schedule."""
    return started(response, await pull_orders(serving, key.name))
