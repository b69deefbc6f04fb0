"""Customers and items as the ERP's masters state them, now or as of a time."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from api import operations
from api.auth import Operator, Viewer
from api.routes.workflows import started
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, Started, listing, problems
from domain.customers import Customer
from domain.errors import Missing
from domain.items import Item
from store import customers, items

router = APIRouter()


@router.post(
    "/masters/pull",
    tags=["customers"],
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(),
    summary="Pull masters now",
)
async def pull_masters(serving: Serving, response: Response, key: Operator) -> Started:
    """Look at changed customers, items and terms in Salesforce and QuickBooks now, without waiting for the schedule."""
    return started(response, await operations.pull_masters(serving, key.name))


@router.get("/customers", tags=["customers"], responses=problems(), summary="List customers")
def list_customers(
    session: Reading, key: Viewer, as_of: AsOf = None, limit: Limit = 50, cursor: Cursor = None
) -> Listing[Customer]:
    """Customers in the order of their numbers."""
    return listing(customers.page(session, as_of=as_of, limit=limit, cursor=cursor))


@router.get("/customers/{number:path}", tags=["customers"], responses=problems(404), summary="Read one customer")
def read_customer(number: str, session: Reading, key: Viewer, as_of: AsOf = None) -> Customer:
    """One customer by its ERP number."""
    found = customers.get_many(session, [number], as_of)
    if number not in found:
        raise Missing(f"There is no customer {number}{_then(as_of)}.", reason="customer")
    return found[number]


@router.get("/items", tags=["items"], responses=problems(), summary="List items")
def list_items(
    session: Reading, key: Viewer, as_of: AsOf = None, limit: Limit = 50, cursor: Cursor = None
) -> Listing[Item]:
    """Items in the order of their SKUs."""
    return listing(items.page(session, as_of=as_of, limit=limit, cursor=cursor))


@router.get("/items/{sku:path}", tags=["items"], responses=problems(404), summary="Read one item")
def read_item(sku: str, session: Reading, key: Viewer, as_of: AsOf = None) -> Item:
    """One item by its SKU (which may hold a slash)."""
    found = items.get_many(session, [sku], as_of)
    if sku not in found:
        raise Missing(f"There is no item {sku}{_then(as_of)}.", reason="item")
    return found[sku]


def _then(as_of: AsOf) -> str:
    return "" if as_of is None else f" as of {as_of.isoformat()}"
