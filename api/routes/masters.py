"""Customers and items as the ERP's masters state them."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Viewer
from api.services import Reading
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.customers import Customer
from domain.errors import Missing
from domain.items import Item
from store import customers, items

router = APIRouter(tags=["masters"])


@router.get("/customers", responses=problems(), summary="List customers")
def list_customers(session: Reading, key: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Listing[Customer]:
    """Customers in the order of their numbers."""
    return listing(customers.page(session, limit=limit, cursor=cursor))


@router.get("/customers/{number}", responses=problems(404), summary="Read one customer")
def read_customer(number: str, session: Reading, key: Viewer) -> Customer:
    """One customer by its ERP number."""
    found = customers.get_many(session, [number])
    if number not in found:
        raise Missing(f"There is no customer {number}.", reason="customer")
    return found[number]


@router.get("/items", responses=problems(), summary="List items")
def list_items(session: Reading, key: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Listing[Item]:
    """Items in the order of their SKUs."""
    return listing(items.page(session, limit=limit, cursor=cursor))


@router.get("/items/{sku:path}", responses=problems(404), summary="Read one item")
def read_item(sku: str, session: Reading, key: Viewer) -> Item:
    """One item by its SKU (which may hold a slash)."""
    found = items.get_many(session, [sku])
    if sku not in found:
        raise Missing(f"There is no item {sku}.", reason="item")
    return found[sku]
