"""Stock: a map of items by warehouse, coloured by how well each number is known, and why one number is what it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import Field

from api.dashboard.pages import given, key_of, page_router
from api.dashboard.records import Paged
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking
from api.routes import stock
from api.services import Reading, Serving
from domain.freshness import Confidence
from store.stock.views import StockView

router = page_router()

CELLS = 400  # of the map: whole rows of items are shown, so the last item may be cut


class StockFilter(Paged):
    """Which rows of stock."""

    limit: int = Field(CELLS, ge=1, le=500)
    warehouse: str | None = None
    sku: str | None = None
    confidence: Confidence | None = None
    below: Decimal | None = None


@router.get("/ui/stock")
def show_stock(
    request: Request,
    session: Reading,
    serving: Serving,
    person: Looking,
    wanted: Annotated[StockFilter, Depends(given(StockFilter))],
) -> Response:
    """The map. Each number leads to its reasons."""
    key = key_of(person)
    found = stock.list_stock(session, serving, key, **wanted.model_dump())
    feeds = stock.list_feeds(session, serving, key).items
    rows: dict[str, dict[str, StockView]] = {}
    for one in found.items:
        rows.setdefault(one.sku, {})[one.warehouse or ""] = one
    names = sorted({name for row in rows.values() for name in row if name} | {one.warehouse for one in feeds})
    shown = [name for name in names if wanted.warehouse in {None, name}]
    return page(
        request,
        "stock.html",
        person,
        found=found,
        rows=rows,
        warehouses=shown,
        feeds=feeds,
        words=list(Confidence),
        wanted=wanted,
        current=dict(request.query_params),
    )


@router.get("/ui/stock/{sku:path}")
def show_item(sku: str, request: Request, session: Reading, serving: Serving, person: Looking) -> Response:
    """Why it is that number: its parts and where each comes from, for the total and for each warehouse."""
    found = stock.read_stock(sku, session, serving, key_of(person), history=20)
    return page(request, "item.html", person, found=found)
