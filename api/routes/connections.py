"""Connections: whether QuickBooks and Salesforce let the gateway in."""

from __future__ import annotations

from fastapi import APIRouter

from activities.connections import Connection, last_looks
from api.auth import Viewer
from api.services import Serving
from api.shapes import Listing, problems

router = APIRouter(prefix="/connections", tags=["connections"])


@router.get("", responses=problems(), summary="Look at the connections")
def list_connections(serving: Serving, key: Viewer) -> Listing[Connection]:
    """What a worker's last look at each system came to; it looks at its start and every ten minutes."""
    return Listing(items=last_looks(serving.engine))
