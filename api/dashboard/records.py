"""Orders with their line ledger, shipments, and invoices: lists with filters, and one of each."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.dashboard.pages import back_to, given, key_of, page_router, said
from api.dashboard.rendering import page
from api.dashboard.signing_in import Looking, Operating
from api.routes import invoices, orders, shipments
from api.routes.orders import Act
from api.services import Reading, Serving
from domain.errors import Malformed, Missing
from domain.invoices import InvoiceStatus
from domain.shipments import ShipmentState
from store.order_stories import OrderStory

router = page_router()


class Paged(BaseModel):
    """A part of a list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=500)


class OrderFilter(Paged):
    """Which orders."""

    customer_number: str | None = None


class ShipmentFilter(Paged):
    """Which shipments."""

    state: ShipmentState | None = None
    order_number: str | None = None
    file_id: UUID | None = None


class InvoiceFilter(Paged):
    """Which invoices."""

    status: InvoiceStatus | None = None
    customer_number: str | None = None
    order_number: str | None = None


@router.get("/ui/orders")
def show_orders(
    request: Request, session: Reading, person: Looking, wanted: Annotated[OrderFilter, Depends(given(OrderFilter))]
) -> Response:
    """Orders in the order of their numbers."""
    found = orders.list_orders(session, key_of(person), **wanted.model_dump())
    return page(request, "orders.html", person, found=found, wanted=wanted, current=dict(request.query_params))


@router.get("/ui/orders/{number:path}")
def show_order(number: str, request: Request, session: Reading, person: Looking) -> Response:
    """One order: where it stands, its line ledger, and all that was observed of it."""
    key = key_of(person)
    order = orders.read_order(number, session, key)
    shipped = shipments.list_shipments(session, key, order_number=number, limit=50)
    billed = invoices.list_invoices(session, key, order_number=number, limit=50)
    story = _story(number, session, person)
    return page(
        request,
        "order.html",
        person,
        order=order,
        story=story,
        shipped=shipped.items,
        billed=billed.items,
        acts=("release", "cancel", "resend"),
        said=said(request),
    )


@router.post("/ui/orders-act")
async def take_act(
    serving: Serving,
    person: Operating,
    number: Annotated[str, Form(max_length=80)],
    act: Annotated[str, Form(max_length=20)],
    reason: Annotated[str, Form(max_length=500)],
) -> Response:
    """Let the order's flow take a decision."""
    if len(reason.strip()) < 3 or act not in {"release", "cancel", "resend"}:
        raise Malformed("Say what is to be done, and why.", reason="reason")
    given_act = Act.model_validate({"act": act, "reason": reason})
    await orders.decide_order(number, given_act, serving, key_of(person), None)
    return back_to(f"/ui/orders/{number}", "decided")


@router.get("/ui/shipments")
def show_shipments(
    request: Request,
    session: Reading,
    person: Looking,
    wanted: Annotated[ShipmentFilter, Depends(given(ShipmentFilter))],
) -> Response:
    """Shipments, the latest received first."""
    found = shipments.list_shipments(session, key_of(person), **wanted.model_dump())
    return page(
        request,
        "shipments.html",
        person,
        found=found,
        wanted=wanted,
        states=list(ShipmentState),
        current=dict(request.query_params),
    )


@router.get("/ui/shipments/{number:path}")
def show_shipment(number: str, request: Request, session: Reading, person: Looking) -> Response:
    """One shipment with its lines, its invoices and how long it took."""
    found = shipments.read_shipment(number, session, key_of(person))
    return page(request, "shipment.html", person, one=found)


@router.get("/ui/invoices")
def show_invoices(
    request: Request,
    session: Reading,
    person: Looking,
    wanted: Annotated[InvoiceFilter, Depends(given(InvoiceFilter))],
) -> Response:
    """Invoices, the latest booked first."""
    found = invoices.list_invoices(session, key_of(person), **wanted.model_dump())
    return page(
        request,
        "invoices.html",
        person,
        found=found,
        wanted=wanted,
        statuses=list(InvoiceStatus),
        current=dict(request.query_params),
    )


@router.get("/ui/invoices/{invoice_key:path}")
def show_invoice(invoice_key: str, request: Request, session: Reading, person: Looking) -> Response:
    """One invoice, line by line."""
    found = invoices.read_invoice(invoice_key, session, key_of(person))
    return page(request, "invoice.html", person, one=found)


def _story(number: str, session: Reading, person: Looking) -> OrderStory | None:
    """None where the gateway has not looked at the order yet."""
    try:
        return orders.read_story(number, session, key_of(person))
    except Missing:
        return None
