"""Customers and items as the ERP's masters state them, now or as of a time."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from api import operations
from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.routes.workflows import started
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, Started, listing, problems
from domain.customers import Customer
from domain.errors import Missing
from domain.items import Item
from domain.links import LinkKind
from store import customers, items, master_views
from store.master_views import MasterView

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


@router.get(
    "/masters/{kind}/{key:path}",
    tags=["customers"],
    responses=problems(404),
    summary="Read a record among the systems",
)
def read_master(kind: LinkKind, key: str, session: Reading, viewer: Viewer) -> MasterView:
    """What every system says of a customer, item or terms, field by field; what is agreed, asked and was written."""
    found = master_views.view(session, kind, key)
    if found is None:
        raise Missing(f"No {kind} {key} was ever merged.", reason="master")
    return found


@router.get("/customers", tags=["customers"], responses=problems() | FILE, summary="List customers")
@in_csv("customers")
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


@router.get("/items", tags=["items"], responses=problems() | FILE, summary="List items")
@in_csv("items")
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
