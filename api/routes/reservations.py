"""Reservations: goods kept for quotes, as requests and answers."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import quote as quoted

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Operator, Viewer
from api.exports import FILE, in_csv
from api.quotes import Kept, Quote, ReservationView
from api.reservations import convert, release, reserve, view, wake
from api.services import Reading, Serving
from api.shapes import AsOf, Cursor, Limit, Listing, listing, problems
from domain.demand import Reservation
from store.stock import reservations

router = APIRouter(prefix="/reservations", tags=["reservations"])


class Conversion(BaseModel):
    """The order that a quote became."""

    model_config = ConfigDict(
        str_strip_whitespace=True, extra="forbid", json_schema_extra={"examples": [{"order_number": "SO700313"}]}
    )

    order_number: str = Field(min_length=1, max_length=200)


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409, 413), summary="Keep goods for a quote")
async def create_reservation(quote: Quote, serving: Serving, response: Response, key: Operator) -> Kept:
    """Keep goods until `expires_at`, decided now and under a lock: no piece is promised twice.

    The same request again is answered the same. 409: `stock_short` with what each line lacks, and nothing was kept; or
    `duplicate` where the reference names another request.
    """
    kept = await asyncio.to_thread(reserve, serving, quote, key.name)
    await wake(serving, kept.reference)
    response.headers["Location"] = f"/reservations/{quoted(kept.reference)}"
    return kept


@router.get("", responses=problems() | FILE, summary="List what is kept")
@in_csv("reservations")
def list_reservations(
    session: Reading, key: Viewer, as_of: AsOf = None, limit: Limit = 50, cursor: Cursor = None
) -> Listing[Reservation]:
    """What is kept now, oldest first: one row an item and line, of a kit each component.

    With `as_of` what was kept then; a page of the past may hold fewer rows than asked for and still have a next one.
    """
    if as_of is not None:
        return listing(reservations.past_page(session, as_of, limit=limit, cursor=cursor))
    return listing(reservations.page(session, reservations.now(session), limit=limit, cursor=cursor))


# Before the address of a reservation itself, whose reference may hold slashes and so takes everything that follows.
@router.post("/{reference:path}/release", responses=problems(404), summary="Let go what is kept")
async def release_reservation(reference: str, serving: Serving, key: Operator) -> ReservationView:
    """Let the goods of a quote go. Doing it again changes nothing."""
    found = await asyncio.to_thread(release, serving, reference, key.name)
    await wake(serving, reference)
    return found


@router.post("/{reference:path}/convert", responses=problems(404, 409, 413), summary="Turn a quote into its order")
async def convert_reservation(
    reference: str, conversion: Conversion, serving: Serving, key: Operator
) -> ReservationView:
    """End the reservation because its order takes the goods. Doing it again changes nothing."""
    found = await asyncio.to_thread(convert, serving, reference, conversion.order_number, key.name)
    await wake(serving, reference)
    return found


@router.get("/{reference:path}", responses=problems(404), summary="Read one reservation")
def read_reservation(reference: str, session: Reading, key: Viewer, as_of: AsOf = None) -> ReservationView:
    """What was asked and kept for a quote, and whether it is still held (or was then)."""
    return view(session, reference, as_of or reservations.now(session), past=as_of is not None)
