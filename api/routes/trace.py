"""The trace of one thing across all systems."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Viewer
from api.services import Reading
from api.shapes import AsOf, problems
from domain.errors import Missing
from store.trace import Trace, trace

router = APIRouter(prefix="/trace", tags=["traces"])


@router.get("/{trace_key:path}", responses=problems(404), summary="Trace a shipment, order, invoice, file or SKU")
def read_trace(trace_key: str, session: Reading, key: Viewer, as_of: AsOf = None) -> Trace:
    """Everything that happened to a key, oldest first, and `lineage`: its lines from the file to Salesforce.

    `FILE:LINE` leads from a line of a file, an id of Salesforce from an order or a line there.
    """
    found = trace(session, trace_key, as_of)
    if found is None:
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        raise Missing(
            f"Nothing is known of {trace_key}{then}: try a shipment, order, invoice, file or SKU.", reason="trace"
        )
    return found
