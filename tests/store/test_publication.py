"""What Salesforce shall show: statements from the store's own rows."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import update
from sqlmodel import Session, col

from domain.exceptions import Cause
from domain.publication import OrderStatement
from domain.shipments import LineReason, Shipment
from store import exceptions, orders
from store.publication import Statements, statements
from store.tables.invoices import InvoiceRow
from tests.build import line, order, order_line, shipment
from tests.store.books import BOOKED_AT, book, held, place_order, state

WORDS = {"invoiced": "Invoiced", "partially_invoiced": "Partially Invoiced", "needs_attention": "Needs Attention"}


def said(session: Session, *numbers: str) -> Statements:
    session.flush()
    return statements(session, numbers, WORDS)


def of_order(session: Session, *numbers: str) -> OrderStatement:
    (one,) = said(session, *numbers).orders
    return one


def test_an_invoiced_order_says_so_with_its_invoice_and_an_event(session: Session) -> None:
    """G-I3."""
    given = shipment(freight=Decimal("12.50"))
    place_order(session, given)
    state(session, given)
    book(session, given, "71")
    found = said(session, "SH1")
    assert found.orders == (
        OrderStatement(
            order_number="SO1", status="Invoiced", message="Invoiced: SH1.", invoiced_amount=Decimal("37.50")
        ),
    )
    (bill,) = found.invoices
    assert (bill.invoice_key, bill.doc_number, bill.status) == ("SH1:1", "SH1", "Drafted")
    assert (bill.total, bill.balance, bill.quickbooks_id) == (Decimal("37.50"), Decimal("37.50"), "71")
    (event,) = found.events
    assert (event.event_key, event.occurred_at, event.source) == ("invoice-drafted:SH1:1", BOOKED_AT, "quickbooks")


def test_a_partial_shipment_leaves_lines_open(session: Session) -> None:
    """O1."""
    given = shipment(line(1, quantity_shipped=Decimal(4)))
    orders.upsert(session, [order(order_line(1, quantity=Decimal(10)), order_line(2, sku="NUT"))])
    state(session, given)
    book(session, given, "71")
    one = of_order(session, "SH1")
    assert (one.status, one.message) == ("Partially Invoiced", "Invoiced so far: SH1; 2 lines are open.")


def test_all_parts_of_an_order_count_though_one_is_asked_for(session: Session) -> None:
    """O3: the order's amount is that of all its invoices, the invoices are those of the shipments."""
    parts = [shipment(line(quantity_shipped=Decimal(5)), number=number) for number in ("A", "B")]
    orders.upsert(session, [order()])
    state(session, *parts)
    for number, part in enumerate(parts):
        book(session, part, f"7{number}")
    found = said(session, "A")
    assert (found.orders[0].status, found.orders[0].invoiced_amount) == ("Invoiced", Decimal("25.00"))
    assert [one.invoice_key for one in found.invoices] == ["A:1"]


def closed_short(reason: LineReason) -> Shipment:
    return shipment(line(quantity_shipped=Decimal(4), quantity_ordered=Decimal(10), reason=reason))


def test_a_line_closed_short_is_done_and_a_backordered_one_is_open(session: Session) -> None:
    """O2, O5."""
    orders.upsert(session, [order()])
    state(session, closed_short(LineReason.SHORT_CLOSED))
    book(session, closed_short(LineReason.SHORT_CLOSED), "71")
    assert of_order(session, "SH1").status == "Invoiced"
    state(session, closed_short(LineReason.BACKORDERED).model_copy(update={"number": "SH2", "order_number": "SO2"}))
    orders.upsert(session, [order(number="SO2")])
    book(
        session, closed_short(LineReason.BACKORDERED).model_copy(update={"number": "SH2", "order_number": "SO2"}), "72"
    )
    assert of_order(session, "SH2").status == "Partially Invoiced"


def test_what_is_held_comes_first_and_our_own_connections_are_no_news(session: Session) -> None:
    """G-I3: the remedy stands in the rep's own screen; an outage of ours does not."""
    given = shipment()
    place_order(session, given)
    state(session, given)
    exception_id = held(session, "SH1", Cause.UNKNOWN_ITEM, "Item X is not in the item master.")
    one = of_order(session, "SH1")
    assert (one.status, one.message, one.invoiced_amount) == (
        "Needs Attention",
        "Item X is not in the item master.",
        Decimal(0),
    )
    exceptions.close_by_itself(session, ("shipment", "SH1"), BOOKED_AT)
    held(session, "SH1", Cause.CONNECTION_REFUSED)
    assert said(session, "SH1").orders == ()
    assert exceptions.get(session, exception_id) is not None


def test_a_voided_invoice_is_stated_and_no_longer_counted(session: Session) -> None:
    """E9."""
    given = shipment()
    place_order(session, given)
    state(session, given)
    book(session, given, "71")
    session.execute(update(InvoiceRow).where(col(InvoiceRow.shipment_number) == "SH1").values(status="voided"))
    session.expire_all()
    found = said(session, "SH1")
    assert found.orders == ()
    assert [one.status for one in found.invoices] == ["Voided"]


def test_a_shipment_without_anything_to_say_says_nothing(session: Session) -> None:
    state(session, shipment())
    assert said(session, "SH1") == Statements()
    assert said(session, "nobody") == Statements()


def test_equal_rows_give_equal_statements(session: Session) -> None:
    given = shipment()
    place_order(session, given)
    state(session, given)
    book(session, given, "71")
    assert said(session, "SH1") == said(session, "SH1")
