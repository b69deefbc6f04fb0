"""Shipments: where each stands on its way to an invoice."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.once import OnlyOnce
from api.operations import look_again, reconsider
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, Started, listing, problems
from domain.errors import Missing
from domain.exceptions import ExceptionState
from domain.shipments import ShipmentState
from store import shipment_views
from store.shipment_views import ShipmentView

router = APIRouter(prefix="/shipments", tags=["shipments"])


class Reconsidering(BaseModel):
    """Why a shipment that was put out of billing shall be billed after all."""

    model_config = ConfigDict(
        str_strip_whitespace=True, json_schema_extra={"examples": [{"reason": "The warranty claim was refused"}]}
    )

    reason: str = Field(min_length=3, max_length=500, description="Why, for whoever asks later.")


@router.get("", responses=problems() | FILE, summary="List shipments")
@in_csv("shipments")
def list_shipments(
    session: Reading,
    key: Viewer,
    state: ShipmentState | None = None,
    order_number: str | None = None,
    file_id: UUID | None = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[ShipmentView]:
    """Shipments, the latest received first; of a time in the past by number."""
    if as_of is not None:
        narrowed = {"state": state, "order_number": order_number, "source_file_id": file_id}
        alike = {name: str(value) for name, value in narrowed.items() if value is not None}
        return listing(shipment_views.past_page(session, as_of, alike, limit=limit, cursor=cursor))
    page = shipment_views.page(
        session, state=state, order_number=order_number, file_id=file_id, limit=limit, cursor=cursor
    )
    return listing(page)


# Before the address of a shipment itself, whose number may hold slashes and so takes everything that follows.
@router.post(
    "/{number:path}/reconsider",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(404, 409, 413),
    summary="Bill a shipment after all",
)
async def reconsider_shipment(
    number: str, why: Reconsidering, serving: Serving, response: Response, key: Operator, once: OnlyOnce
) -> Started:
    """Take back the decision not to bill a shipment; it is matched and billed again.

    Over more money than the limit of two people it waits for another person: `/exceptions?record_key=` shows it.
    """
    item = await asyncio.to_thread(reconsider, serving, number, why.reason, key.name, once)
    if item.state is not ExceptionState.OPEN:
        await look_again(serving, number)
    status_url = f"/shipments/{quote(number)}"
    response.headers["Location"] = status_url
    return Started(workflow_id=f"shipment/{number}", status_url=status_url)


@router.get("/{number:path}", responses=problems(404), summary="Read one shipment")
def read_shipment(number: str, session: Reading, key: Viewer, as_of: AsOf = None) -> ShipmentView:
    """One shipment with its lines, its invoice, and the seconds from file to draft."""
    found = shipment_views.get(session, number, as_of)
    if found is None:
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        raise Missing(f"There is no shipment {number}{then}.", reason="shipment")
    return found
