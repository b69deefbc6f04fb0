"""The first page: how everything is, with the number that caused it, what waits, and what happened last."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from api.dashboard.pages import key_of, page_router
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking
from api.routes.overview import read_overview
from api.services import Reading, Serving

router = page_router()

# Where the number behind a flow's word stands.
PLACES = {
    "invoicing": "/ui/latency",
    "files": "/ui/files",
    "stock": "/ui/stock",
    "exceptions": "/ui/exceptions?overdue=true",
    "reconciliation": "/ui/reconciliations",
}


@router.get("/")
def show_overview(request: Request, session: Reading, serving: Serving, person: Looking) -> Response:
    """The overview. Its numbers and its feed renew themselves where the browser lets them."""
    found = read_overview(session, serving, key_of(person))
    return page(request, "overview.html", person, found=found, places=PLACES)
