"""What Salesforce shall show: statements from the store's own rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import update
from sqlmodel import Session, col

from domain.exceptions import Cause
from domain.publication import AccountStatement, OrderLineStatement, OrderStatement
from domain.shipments import LineReason, Shipment
from store import accounts, exceptions, items, orders
from store.publication import Statements, statements
from store.tables.invoices import InvoiceRow
from tests.build import SHIPPED_AT, item, line, order, order_line, shipment
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
    line_said = OrderLineStatement(
        line_no=1, external_id=None, shipped=Decimal(10), backordered=Decimal(0), invoiced=Decimal(10)
    )
    assert found.orders == (
        OrderStatement(
            order_number="SO1",
            status="Invoiced",
            message="Invoiced: SH1.",
            invoiced_amount=Decimal("37.50"),
            open_amount=Decimal(0),
            lines=(line_said,),
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


def lines_of(session: Session, *numbers: str) -> list[tuple[Decimal | None, Decimal | None, Decimal | None]]:
    """What is said of each line: shipped, backordered, invoiced."""
    return [(one.shipped, one.backordered, one.invoiced) for one in of_order(session, *numbers).lines]


def test_each_line_says_how_far_it_is_and_the_order_what_is_left_of_it(session: Session) -> None:
    """O1, O2: the order's prices lead; the second line was not touched."""
    given = shipment(line(1, quantity_shipped=Decimal(4), reason=LineReason.BACKORDERED))
    bought = [order_line(1, quantity=Decimal(10), external_id="802A"), order_line(2, sku="NUT", quantity=Decimal(3))]
    orders.upsert(session, [order(*bought)])
    state(session, given)
    book(session, given, "71")
    assert lines_of(session, "SH1") == [(Decimal(4), Decimal(6), Decimal(4)), (Decimal(0), Decimal(0), Decimal(0))]
    one = of_order(session, "SH1")
    assert [said.external_id for said in one.lines] == ["802A", None]
    assert one.open_amount == Decimal("22.50")


def test_a_later_shipment_ends_a_backorder(session: Session) -> None:
    """O2: what the newest shipment says of a line counts, whichever was stated first."""
    orders.upsert(session, [order()])
    later = shipment(line(quantity_shipped=Decimal(5)), number="SH2", shipped_at=SHIPPED_AT + timedelta(days=1))
    state(session, later)
    state(session, shipment(line(quantity_shipped=Decimal(4), reason=LineReason.BACKORDERED)))
    book(session, later, "72")
    assert lines_of(session, "SH2") == [(Decimal(9), Decimal(0), Decimal(5))]


def test_shipped_pieces_are_told_in_the_unit_of_the_order(session: Session) -> None:
    """E3: 250 pieces of an order in boxes of a hundred."""
    items.upsert(session, [item()])
    orders.upsert(session, [order(order_line(quantity=Decimal(4), uom="BX", unit_price=Decimal(250)))])
    given = shipment(line(quantity_shipped=Decimal(250), quantity_ordered=Decimal(400), reason=LineReason.BACKORDERED))
    state(session, given)
    held(session, "SH1", Cause.UNIT_DIFFERS)
    assert lines_of(session, "SH1") == [(Decimal("2.5"), Decimal("1.5"), Decimal(0))]


def test_a_unit_that_does_not_convert_leaves_the_line_as_it_is(session: Session) -> None:
    orders.upsert(session, [order(order_line(uom="BX"))])
    state(session, shipment(line(reason=LineReason.BACKORDERED)))
    held(session, "SH1", Cause.UNIT_DIFFERS)
    assert lines_of(session, "SH1") == [(None, None, Decimal(0))]


def test_a_customer_owes_what_is_open_on_standing_invoices(session: Session) -> None:
    """O17: voided ones count no more, and of a customer who was never billed nothing is known."""
    parts = [shipment(number=number, order_number=f"SO-{number}") for number in ("A", "B", "C")]
    place_order(session, *parts)
    state(session, *parts)
    for number, part in enumerate(parts):
        book(session, part, f"7{number}")
    session.execute(update(InvoiceRow).where(col(InvoiceRow.shipment_number) == "B").values(status="voided"))
    session.execute(update(InvoiceRow).where(col(InvoiceRow.shipment_number) == "C").values(balance=Decimal("0.10")))
    session.flush()
    found = statements(session, [], WORDS, customers=["00000042", "00000043"])
    assert found == Statements(accounts=(AccountStatement(customer_number="00000042", open_balance=Decimal("25.10")),))
    assert accounts.billed_on(session, ["SO-A", "SO-B", "SO-X"]) == ["00000042"]


def test_equal_rows_give_equal_statements(session: Session) -> None:
    given = shipment()
    place_order(session, given)
    state(session, given)
    book(session, given, "71")
    assert said(session, "SH1") == said(session, "SH1")
