"""The trace of one thing across all systems."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Viewer
from api.services import Reading
from api.shapes import problems
from domain.errors import Missing
from store.trace import Trace, trace

router = APIRouter(prefix="/trace", tags=["traces"])


@router.get("/{trace_key:path}", responses=problems(404), summary="Trace a shipment, order, invoice, file or SKU")
def read_trace(trace_key: str, session: Reading, key: Viewer) -> Trace:
    """Everything that happened to a key, oldest first: events, times, ids and decisions."""
    found = trace(session, trace_key)
    if found is None:
        raise Missing(f"Nothing is known of {trace_key}: try a shipment, order, invoice, file or SKU.", reason="trace")
    return found
