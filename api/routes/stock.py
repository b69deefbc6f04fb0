"""Stock: what can be promised, why it is that number, how old it is, and what a rep saw when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, WithJsonSchema

from api.auth import Viewer
from api.exports import FILE, in_csv
from api.services import Reading, Services, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, listing, problems
from domain.errors import Malformed, Missing
from domain.freshness import Confidence
from domain.money import Quantity
from store.stock import feeds, story, views
from store.stock.feeds import ExportView, FeedView
from store.stock.promises import TOTAL
from store.stock.story import ExplainedStock, StockChange
from store.stock.views import Look, StockView
from store.tables.stock import AvailabilityRow

router = APIRouter(prefix="/stock", tags=["stock"])

Below = Annotated[Quantity, WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,6})?$"})]
Warehouse = Annotated[str | None, Query(description="One warehouse; given blank, the total over all of them.")]


class ItemStock(BaseModel):
    """One item at an instant: its total and each warehouse, with reasons; `history`: the latest changes, if asked."""

    sku: str
    at: AwareDatetime
    rows: list[ExplainedStock]
    history: list[StockChange] = []


@router.get("", responses=problems() | FILE, summary="List what can be promised")
@in_csv("stock")
def list_stock(
    session: Reading,
    serving: Serving,
    key: Viewer,
    warehouse: Warehouse = None,
    sku: str | None = None,
    confidence: Confidence | None = None,
    below: Annotated[Below | None, Query(description="Only rows that publish less than that.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Listing[StockView]:
    """What can be promised by item and warehouse (null: over all), how well it is known, and what Salesforce shows."""
    look = _look(serving, as_of)
    if as_of is None:
        page = views.page(
            session, look, warehouse=warehouse, sku=sku, word=confidence, below=below, limit=limit, cursor=cursor
        )
        return listing(page)
    given = {"warehouse": warehouse, "sku": sku, "confidence": confidence, "below": below}
    for name, value in given.items():
        if value is not None:
            detail = f"query.{name}: the past is listed whole; leave it out, leave out as_of, or read /stock/SKU?as_of="
            raise Malformed(detail, reason=name)
    return listing(views.past_page(session, look, limit=limit, cursor=cursor))


# Before the address of an item itself, whose SKU may hold slashes and so takes everything that follows.
@router.get("/feeds", responses=problems(), summary="List the feeds of stock")
def list_feeds(session: Reading, serving: Serving, key: Viewer) -> Listing[FeedView]:
    """The newest export of each warehouse: how old it is now, how many are late, when the next one is due."""
    look = _look(serving, None)
    return Listing(items=feeds.feeds(session, look.schedule, look.at))


@router.get("/exports", responses=problems() | FILE, summary="List how long exports took")
@in_csv("stock-exports")
def list_exports(session: Reading, key: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Listing[ExportView]:
    """Exports that Salesforce shows in full, newest first: the seconds from file visible to change shown."""
    return listing(feeds.exports(session, limit=limit, cursor=cursor))


@router.get("/{sku:path}/history", responses=problems(404) | FILE, summary="List the changes of an item's number")
@in_csv("stock-history")
def list_history(
    sku: str, session: Reading, key: Viewer, warehouse: str = TOTAL, limit: Limit = 50, cursor: Cursor = None
) -> Listing[StockChange]:
    """Every change of what can be promised in a warehouse (left out: over all), newest first, with its cause."""
    _rows(session, sku, warehouse)
    return listing(story.history(session, sku, warehouse, limit=limit, cursor=cursor))


@router.get("/{sku:path}", responses=problems(404), summary="Explain an item's number")
def read_stock(
    sku: str,
    session: Reading,
    serving: Serving,
    key: Viewer,
    warehouse: Warehouse = None,
    as_of: AsOf = None,
    history: Annotated[int, Query(ge=0, le=100, description="So many of the latest changes, too.")] = 0,
) -> ItemStock:
    """One item, its total first: the number, its components and sources, and what Salesforce shows (or showed)."""
    look = _look(serving, as_of)
    rows = _rows(session, sku, warehouse, as_of)
    changes = story.history(session, sku, warehouse or TOTAL, until=as_of, limit=history).items if history else ()
    explained = story.explained(session, rows, look, serving.company.zone)
    return ItemStock(sku=sku, at=look.at, rows=explained, history=list(changes))


def _look(serving: Services, as_of: datetime | None) -> Look:
    """From now, or from a time, by the company's rules."""
    company, at = serving.company, as_of or datetime.now(UTC)
    schedule = company.stock.schedule(company.zone, at)
    return Look(at, schedule, company.kits_by_sku, past=as_of is not None)


def _rows(session: Reading, sku: str, warehouse: str | None, as_of: datetime | None = None) -> list[AvailabilityRow]:
    rows = story.rows_of(session, sku, as_of)
    found = [row for row in rows if warehouse is None or row.warehouse == warehouse]
    if not found:
        where = f" in {warehouse}" if warehouse and rows else ""
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        detail = (
            f"Nothing is known of stock of {sku}{where}{then}. Check SKU and warehouse (`threeway stock list`); "
            "it is known once the ERP's stock export states it or an order asks for it."
        )
        raise Missing(detail, reason="stock")
    return found
