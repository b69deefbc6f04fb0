"""R6: what Salesforce shows of an order is what its line ledger says, whatever its history was (cases O1-O12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.invoices import InvoiceStatus
from domain.observations import Observation
from domain.order_case import BilledInvoice, ErpWord, OrderCase, shipped_lines
from domain.order_facts import facts_of
from domain.order_ledger import OrderLedger, Progress, check_order, derive_order
from domain.order_reading import observed
from domain.orders import Order, OrderLine
from domain.returns import ReturnCondition, ReturnReceipt
from domain.shipments import LineReason, Shipment, ShipmentLine
from domain.sources import System
from tests.domain.lifecycle_world import wholesale

ZONE = ZoneInfo("America/New_York")
T0 = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ORDERED = {1: Decimal(10), 2: Decimal(4)}
IN_THE_WAREHOUSE = {"acknowledged", "backordered", "partly_allocated", "allocated", "picking"}


def hour(number: int) -> datetime:
    return T0 + timedelta(hours=number)


def an_order() -> Order:
    lines = (
        OrderLine(line_no=no, sku="PIPE", quantity=quantity, uom="EA", unit_price=Decimal("2.50"))
        for no, quantity in ORDERED.items()
    )
    return Order(
        number="SO1",
        customer_number="00000042",
        status="Activated",
        active=True,
        external_id="801000000000001AAA",
        version_at=T0,
        lines=tuple(lines),
    )


@st.composite
def shipments(draw: st.DrawFn) -> tuple[Shipment, ...]:
    """Up to three shipments, two hours apart, that never ship more than was ordered; any line may be closed short."""
    left = dict(ORDERED)
    found = []
    for number in range(1, draw(st.integers(0, 3)) + 1):
        lines = []
        for line_no, ordered in ORDERED.items():
            quantity = Decimal(draw(st.integers(0, int(left[line_no]))))
            left[line_no] -= quantity
            short = left[line_no] > 0 and draw(st.integers(0, 5)) == 0
            lines.append(
                ShipmentLine(
                    line_no=line_no,
                    sku="PIPE",
                    quantity_ordered=ordered,
                    quantity_shipped=quantity,
                    uom="EA",
                    unit_price=Decimal("2.50"),
                    reason=LineReason.SHORT_CLOSED if short else None,
                )
            )
        if any(one.quantity_shipped for one in lines):
            found.append(
                Shipment(
                    number=f"SH{number}",
                    order_number="SO1",
                    customer_number="00000042",
                    warehouse="SCR",
                    shipped_at=hour(10 + 2 * number),
                    freight=Decimal(0),
                    lines=tuple(lines),
                )
            )
    return tuple(found)


def invoice_of(shipment: Shipment, paid: int) -> BilledInvoice:
    total = Decimal("10.00")
    return BilledInvoice(
        key=f"{shipment.number}:1",
        shipment_number=shipment.number,
        doc_number=shipment.number,
        status=InvoiceStatus.PAID if paid == 2 else InvoiceStatus.DRAFTED,
        total=total,
        balance={0: total, 1: Decimal("4.00"), 2: Decimal(0)}[paid],
        booked_at=shipment.shipped_at + timedelta(minutes=1),
        changed_at=shipment.shipped_at + timedelta(minutes=1) if paid == 0 else hour(60),
        lines=tuple(shipped_lines(shipment)),
    )


def word(number: int, status: AcknowledgementStatus) -> ErpWord:
    lines = (
        AcknowledgedLine(line_no=no, sku="PIPE", allocated=quantity, backordered=Decimal(0))
        for no, quantity in ORDERED.items()
    )
    said = OrderAcknowledgement(
        order_number="SO1", status=status, lines=tuple(lines) if status is AcknowledgementStatus.ACCEPTED else ()
    )
    return ErpWord(said=said, cut_at=hour(number), sequence=number, source=f"ORDACK {number}")


def all_back(shipment: Shipment) -> list[ReturnReceipt]:
    return [
        ReturnReceipt(
            rma=f"RMA-{shipment.number}",
            order_number="SO1",
            shipment_number=shipment.number,
            line_no=one.line_no,
            sku=one.sku,
            quantity=one.quantity_shipped,
            uom=one.uom,
            condition=ReturnCondition.RESTOCK,
            received_on=date(2026, 11, 20),
        )
        for one in shipment.lines
        if one.quantity_shipped
    ]


@st.composite
def cases(draw: st.DrawFn) -> OrderCase:
    """A history that can happen: acknowledged, shipped, perhaps cancelled in the middle, billed, paid, returned."""
    sent = draw(shipments())
    words = [word(2, AcknowledgementStatus.ACCEPTED)]
    lasting = [_lasting("salesforce", "order_status", "Activated", 0)]
    if draw(st.booleans()):
        asked = draw(st.sampled_from([3, 11, 13, 15, 17]))
        lasting.append(_lasting("gateway", "order", "cancel_requested", asked))
        words.append(word(30, AcknowledgementStatus.CANCELLED))
    billed = [one for one in sent if draw(st.integers(0, 3))]
    back = [one for one in billed if draw(st.integers(0, 4)) == 0]
    return OrderCase(
        order=an_order(),
        said=tuple(words),
        shipments=sent,
        invoices=tuple(invoice_of(one, draw(st.integers(0, 2))) for one in billed),
        returns=tuple(receipt for one in back for receipt in all_back(one)),
        lasting=tuple(lasting),
    )


def _lasting(system: str, kind: str, value: str, at: int) -> Observation:
    return Observation(system=System(system), kind=kind, value=value, reference=f"at {at}", occurred_at=hour(at))


def expected(case: OrderCase, ledger: OrderLedger) -> set[str]:
    """The states that are true of such an order."""
    if ledger.shipped is Progress.NONE:
        return {"cancelled"} if case.cancelled_by_erp else IN_THE_WAREHOUSE
    if ledger.shipped is Progress.PART:
        return {"partly_shipped"} if ledger.invoiced is Progress.NONE else {"partly_invoiced"}
    if ledger.returned is Progress.WHOLE:
        return {"returned"}
    return _money(case, ledger.returned) if ledger.invoiced is Progress.WHOLE else {"shipped"}


def _money(case: OrderCase, returned: Progress) -> set[str]:
    """The states of an order of which everything is billed."""
    owed = sum((one.balance for one in case.invoices), Decimal(0))
    total = sum((one.total for one in case.invoices), Decimal(0))
    if returned is Progress.PART:
        return {"partly_returned", "paid_partly_returned", "paid"}
    if owed:
        return {"invoiced"} if owed == total else {"partly_paid"}
    return {"paid"}


@given(case=cases(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_the_state_is_what_the_ledger_says(case: OrderCase, data: st.DataObject) -> None:
    facts = facts_of(case, {})
    ledger = derive_order(facts)
    assert check_order(ledger) == ()
    told = data.draw(st.permutations([*case.lasting, *observed(case, facts, ZONE)]))
    walk = wholesale().walk(told)
    assert walk.state in expected(case, ledger), [(step.event, step.to_state) for step in walk.steps]
    assert (walk.waiting, walk.unknown) == ((), ())
