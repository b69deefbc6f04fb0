"""Shipments: where each stands on its way to an invoice."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from api.auth import Viewer
from api.services import Reading
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from domain.shipments import ShipmentState
from store import shipment_views
from store.shipment_views import ShipmentView

router = APIRouter(prefix="/shipments", tags=["shipments"])


@router.get("", responses=problems(), summary="List shipments")
def list_shipments(
    session: Reading,
    key: Viewer,
    state: ShipmentState | None = None,
    order_number: str | None = None,
    file_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[ShipmentView]:
    """Shipments, the latest received first."""
    page = shipment_views.page(
        session, state=state, order_number=order_number, file_id=file_id, limit=limit, cursor=cursor
    )
    return listing(page)


@router.get("/{number:path}", responses=problems(404), summary="Read one shipment")
def read_shipment(number: str, session: Reading, key: Viewer) -> ShipmentView:
    """One shipment with its lines, its invoice, and the seconds from file to draft."""
    found = shipment_views.get(session, number)
    if found is None:
        raise Missing(f"There is no shipment {number}.", reason="shipment")
    return found
