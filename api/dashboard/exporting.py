"""The CSV behind each list of the dashboard: the rows of the API's list by the filters that its page has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.dashboard.exceptions import ranked
from api.dashboard.files import FileFilter
from api.dashboard.pages import given, key_of, page_router
from api.dashboard.records import InvoiceFilter, OrderFilter, Paged, ShipmentFilter
from api.dashboard.signing_in import Looking
from api.dashboard.stock import StockFilter
from api.exports import csv_of
from api.routes import exceptions, files, invoices, orders, shipments, stock
from api.routes.exceptions import Filter
from api.services import Serving
from api.shapes import Listing
from domain.errors import Missing

router = page_router()


class RejectFilter(Paged):
    """Whose rejects."""

    file_id: UUID


class Listed(NamedTuple):
    """A list of the API, and the filter that its page has."""

    read: Callable[..., Listing[Any]]
    filter: type[BaseModel]


LISTS: Final[Mapping[str, Listed]] = {
    "exceptions": Listed(exceptions.list_exceptions, Filter),
    "orders": Listed(orders.list_orders, OrderFilter),
    "shipments": Listed(shipments.list_shipments, ShipmentFilter),
    "invoices": Listed(invoices.list_invoices, InvoiceFilter),
    "files": Listed(files.list_files, FileFilter),
    "rejects": Listed(files.read_rejects, RejectFilter),
    "stock": Listed(stock.list_stock, StockFilter),
}


@router.get("/ui/csv/{name}")
def send_csv(name: str, request: Request, serving: Serving, person: Looking) -> Response:
    """One list as a file, by the same filters as its page."""
    if name not in LISTS:
        raise Missing(f"There is no list {name}.", reason="list")
    listed = LISTS[name]
    wanted = given(listed.filter)(request)
    if isinstance(wanted, Filter):
        return csv_of(listed.read, serving, key=key_of(person), given=ranked(request, wanted))
    return csv_of(listed.read, serving, key=key_of(person), **dict(wanted))
