"""Invoices: what was drafted in QuickBooks."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Viewer
from api.exports import FILE, in_csv
from api.services import Reading
from api.shapes import AsOf, Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from domain.invoices import InvoiceStatus
from store import invoice_views, lineage
from store.invoice_views import InvoiceView
from store.lineage import LineLineage

router = APIRouter(prefix="/invoices", tags=["invoices"])


@router.get("", responses=problems() | FILE, summary="List invoices")
@in_csv("invoices")
def list_invoices(
    session: Reading,
    key: Viewer,
    status: InvoiceStatus | None = None,
    customer_number: str | None = None,
    order_number: str | None = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[InvoiceView]:
    """Invoices, the latest booked first; of a time in the past by shipment."""
    narrowed = {"status": status, "customer_number": customer_number, "order_number": order_number}
    if as_of is not None:
        alike = {name: str(value) for name, value in narrowed.items() if value is not None}
        return listing(invoice_views.past_page(session, as_of, alike, limit=limit, cursor=cursor))
    page = invoice_views.page(
        session,
        status=status,
        customer_number=customer_number,
        order_number=order_number,
        limit=limit,
        cursor=cursor,
    )
    return listing(page)


# Before the address of an invoice itself, which takes everything that follows.
@router.get(
    "/{invoice_key:path}/lines/{line_no}/lineage",
    responses=problems(404),
    summary="Tell where an invoice line comes from",
)
def read_line_lineage(invoice_key: str, line_no: int, session: Reading, key: Viewer, as_of: AsOf = None) -> LineLineage:
    """The line of the file that stated it, the shipment's line, the order's, the decision, and where it shows.

    With `as_of` what stated it, what was decided and what was billed by then; where it shows is always that of now.
    """
    found = lineage.of_invoice_line(session, invoice_key, line_no, as_of)
    if found is None:
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        raise Missing(f"There is no line {line_no} on an invoice {invoice_key}{then}.", reason="invoice")
    return found


@router.get("/{invoice_key:path}", responses=problems(404), summary="Read one invoice")
def read_invoice(invoice_key: str, session: Reading, key: Viewer, as_of: AsOf = None) -> InvoiceView:
    """An invoice by its number, its shipment's number or its QuickBooks id."""
    found = invoice_views.get(session, invoice_key, as_of)
    if found is None:
        then = "" if as_of is None else f" as of {as_of.isoformat()}"
        raise Missing(f"There is no invoice {invoice_key}{then}.", reason="invoice")
    return found
