"""Invoices: what was drafted in QuickBooks."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Viewer
from api.services import Reading
from api.shapes import Cursor, Limit, Listing, listing, problems
from domain.errors import Missing
from domain.invoices import InvoiceStatus
from store import invoice_views
from store.invoice_views import InvoiceView

router = APIRouter(prefix="/invoices", tags=["invoices"])


@router.get("", responses=problems(), summary="List invoices")
def list_invoices(
    session: Reading,
    key: Viewer,
    status: InvoiceStatus | None = None,
    customer_number: str | None = None,
    order_number: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listing[InvoiceView]:
    """Invoices, the latest booked first."""
    page = invoice_views.page(
        session,
        status=status,
        customer_number=customer_number,
        order_number=order_number,
        limit=limit,
        cursor=cursor,
    )
    return listing(page)


@router.get("/{invoice_key:path}", responses=problems(404), summary="Read one invoice")
def read_invoice(invoice_key: str, session: Reading, key: Viewer) -> InvoiceView:
    """An invoice by its number, its shipment's number or its QuickBooks id."""
    found = invoice_views.get(session, invoice_key)
    if found is None:
        raise Missing(f"There is no invoice {invoice_key}.", reason="invoice")
    return found
