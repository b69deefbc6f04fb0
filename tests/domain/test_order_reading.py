"""What the records of three systems say of an order, as observations: no news twice, and the same in any order."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.invoices import InvoiceStatus
from domain.observations import Observation
from domain.order_case import BilledInvoice, ErpWord, MovedLine, OrderCase, SentMessage
from domain.order_facts import facts_of
from domain.order_messages import OrderAction, OrderMessage
from domain.order_reading import observed
from domain.orders import Order, OrderLine
from domain.returns import ReturnCondition, ReturnReceipt
from domain.shipments import LineReason, Shipment, ShipmentLine

ZONE = ZoneInfo("America/New_York")
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDERED = {1: "10", 2: "4"}


def line(line_no: int, quantity: str, sku: str = "PIPE") -> OrderLine:
    return OrderLine(line_no=line_no, sku=sku, quantity=Decimal(quantity), uom="EA", unit_price=Decimal("2.50"))


def order(*lines: OrderLine) -> Order:
    return Order(
        number="SO1",
        customer_number="00000042",
        ordered_on=date(2026, 11, 19),
        status="Activated",
        active=True,
        external_id="801000000000001AAA",
        version_at=AT,
        lines=lines or (line(1, "10"), line(2, "4")),
    )


def shipped(number: str, hours: int, lines: dict[int, str], reason: LineReason | None = None, **more: Any) -> Shipment:
    return Shipment(
        number=number,
        order_number="SO1",
        customer_number="00000042",
        warehouse=more.pop("warehouse", "SCR"),
        shipped_at=AT + hours * HOUR,
        freight=Decimal(0),
        lines=tuple(
            ShipmentLine(
                line_no=line_no,
                sku="PIPE",
                quantity_ordered=Decimal(ORDERED[line_no]),
                quantity_shipped=Decimal(quantity),
                uom="EA",
                unit_price=Decimal("2.50"),
                reason=reason,
            )
            for line_no, quantity in lines.items()
        ),
        **more,
    )


def word(hours: int, status: AcknowledgementStatus, *lines: AcknowledgedLine, reason: str | None = None) -> ErpWord:
    said = OrderAcknowledgement(order_number="SO1", status=status, reason=reason, lines=lines)
    return ErpWord(said=said, cut_at=AT + hours * HOUR, sequence=hours, source=f"ORDACK.S{hours:06d} line 2")


def acknowledged(line_no: int, allocated: str, backordered: str = "0") -> AcknowledgedLine:
    return AcknowledgedLine(
        line_no=line_no,
        sku="PIPE",
        allocated=Decimal(allocated),
        backordered=Decimal(backordered),
        promise_on=date(2026, 12, 4) if backordered != "0" else None,
    )


def invoice(number: str, hours: int, quantities: dict[int, str], balance: str = "25.00", **more: Any) -> BilledInvoice:
    return BilledInvoice(
        key=f"{number}:1",
        shipment_number=number,
        doc_number=number,
        status=more.pop("status", InvoiceStatus.DRAFTED),
        total=Decimal("25.00"),
        balance=Decimal(balance),
        booked_at=AT + hours * HOUR,
        changed_at=AT + (hours + 1) * HOUR,
        lines=tuple(
            MovedLine(line_no=line_no, sku="PIPE", quantity=Decimal(quantity), uom="EA")
            for line_no, quantity in quantities.items()
        ),
    )


def observations(case: OrderCase, drop_ship: tuple[str, ...] = ()) -> tuple[Observation, ...]:
    return observed(case, facts_of(case, {}), ZONE, drop_ship)


def said(case: OrderCase, drop_ship: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """Kind, value and reference of everything observed, by time."""
    found = sorted(observations(case, drop_ship), key=lambda one: (one.occurred_at, one.kind))
    return [(one.kind, one.value, one.reference) for one in found]


def test_a_shipment_is_whole_when_nothing_is_left_after_it() -> None:
    """Cases O1 and O3: a part, then the rest from another warehouse."""
    case = OrderCase(order=order(), shipments=(shipped("S2", 2, {1: "4", 2: "4"}), shipped("S1", 1, {1: "6"})))

    assert said(case) == [("shipment", "part", "S1"), ("shipment", "whole", "S2")]


def test_a_short_line_closes_and_a_backordered_one_does_not() -> None:
    """Cases O2 and O5."""
    short = shipped("S1", 1, {1: "6", 2: "4"}, LineReason.SHORT_CLOSED)
    waits = shipped("S1", 1, {1: "6", 2: "4"}, LineReason.BACKORDERED)

    assert said(OrderCase(order=order(), shipments=(short,))) == [("shipment", "whole", "S1")]
    assert said(OrderCase(order=order(), shipments=(waits,))) == [("shipment", "part", "S1")]


def test_a_reversed_shipment_brought_nothing() -> None:
    """Case O10: restated with zero quantities."""
    case = OrderCase(order=order(), shipments=(shipped("S1", 1, {1: "0", 2: "0"}),))

    assert said(case) == [("shipment", "cancelled", "S1")]


def test_a_vendor_s_warehouse_ships_directly() -> None:
    """Case O15."""
    case = OrderCase(order=order(), shipments=(shipped("S1", 1, {1: "10", 2: "4"}, warehouse="VND"),))

    assert said(case, ("VND",)) == [("shipment", "drop_ship_whole", "S1")]


def test_the_same_word_in_the_next_file_is_no_news() -> None:
    accepted = AcknowledgementStatus.ACCEPTED
    case = OrderCase(
        order=order(),
        said=(
            word(1, AcknowledgementStatus.CREDIT_HOLD, reason="CREDIT LIMIT"),
            word(2, accepted, acknowledged(1, "6", "4"), acknowledged(2, "4")),
            word(3, accepted, acknowledged(1, "6", "4"), acknowledged(2, "4")),
            word(4, accepted, acknowledged(1, "10"), acknowledged(2, "4")),
        ),
    )

    assert [(kind, value) for kind, value, _ in said(case)] == [
        ("acknowledgement", "credit_hold"),
        ("acknowledgement", "accepted"),
        ("allocation", "part"),
        ("allocation", "whole"),
    ]
    notes = {one.value: one.note for one in observations(case)}
    assert notes["credit_hold"] == "CREDIT LIMIT ORDACK.S000001 line 2."
    assert notes["part"] == "Backordered, promised for 2026-12-04."


@pytest.mark.parametrize("turned", [False, True])
def test_arrival_changes_nothing(turned: bool) -> None:
    words = [word(hours, AcknowledgementStatus.ACCEPTED, acknowledged(1, "10")) for hours in (1, 2)]
    parts = [shipped("S1", 3, {1: "10"}), shipped("S2", 4, {2: "4"})]
    bills = [invoice("S1", 5, {1: "10"}), invoice("S2", 6, {2: "4"})]
    step = -1 if turned else 1
    case = OrderCase(
        order=order(), said=tuple(words[::step]), shipments=tuple(parts[::step]), invoices=tuple(bills[::step])
    )

    assert said(case) == [
        ("acknowledgement", "accepted", f"{(AT + HOUR).isoformat()} 1"),
        ("allocation", "whole", f"{(AT + HOUR).isoformat()} 1"),
        ("shipment", "part", "S1"),
        ("shipment", "whole", "S2"),
        ("invoice", "part", "S1:1"),
        ("invoice", "whole", "S2:1"),
    ]


def test_payments_are_read_from_the_balances() -> None:
    """Case E18: paid in part while anything is owed, or while something is not billed yet."""
    left = (shipped("S1", 0, ORDERED),)
    states = {
        "25.00": [],
        "5.00": [("payment", "part", "S1:1")],
        "0.00": [("payment", "whole", "S1:1")],
    }
    for balance, expected in states.items():
        found = said(OrderCase(order=order(), shipments=left, invoices=(invoice("S1", 1, ORDERED, balance),)))
        assert [one for one in found if one[0] == "payment"] == expected
    unbilled = said(OrderCase(order=order(), shipments=left, invoices=(invoice("S1", 1, {1: "10"}, "0.00"),)))
    assert ("payment", "part", "S1:1") in unbilled


def test_a_voided_invoice_bills_nothing() -> None:
    case = OrderCase(order=order(), invoices=(invoice("S1", 1, {1: "10", 2: "4"}, status=InvoiceStatus.VOIDED),))

    assert said(case) == [("invoice_void", "voided", "S1:1")]


def test_returns_come_by_their_number() -> None:
    """Case O12: two lines under one RMA are one return; a line taken back to zero is none."""
    common = {"order_number": "SO1", "shipment_number": "S1", "sku": "PIPE", "uom": "EA"}
    received = [
        ReturnReceipt(
            rma=rma,
            line_no=line_no,
            quantity=Decimal(quantity),
            condition=ReturnCondition.RESTOCK,
            received_on=date(2026, 11, 24),
            **common,
        )
        for rma, line_no, quantity in (("R1", 1, "2"), ("R1", 2, "1"), ("R2", 1, "0"))
    ]
    found = observations(OrderCase(order=order(), returns=tuple(received)))

    assert [(one.kind, one.value, one.reference, one.note) for one in found] == [
        ("return", "part", "R1", "R1: 2 EA of PIPE, 1 EA of PIPE.")
    ]
    assert found[0].occurred_at == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


def test_what_the_erp_was_told_counts_once_it_is_on_disk() -> None:
    message = OrderMessage(
        action=OrderAction.CANCEL,
        order_number="SO1",
        customer_number="00000042",
        ordered_on=date(2026, 11, 19),
        warehouse="SCR",
        terms="N30",
    )
    waiting = SentMessage(message=message, added_at=AT)
    sent = SentMessage(message=message, added_at=AT, sent_at=AT + HOUR, sequence=7)

    assert said(OrderCase(order=order(), messages=(waiting,))) == []
    assert said(OrderCase(order=order(), messages=(sent,))) == [("order", "cancel_sent", "order file 7")]


def test_identities_are_unique() -> None:
    parts = tuple(shipped(f"S{n}", n, {1: "1"}) for n in range(1, 5))
    found = observations(OrderCase(order=order(), shipments=parts))

    for left, right in itertools.combinations(found, 2):
        assert (left.kind, left.value, left.reference) != (right.kind, right.value, right.reference)


def test_a_payment_is_no_older_than_the_newest_invoice() -> None:
    """Case E18: the first of two invoices was paid before the second one was written; the order is partly paid."""
    both = (shipped("S1", 1, {1: "10"}), shipped("S2", 5, {2: "4"}))
    first = invoice("S1", 1, {1: "10"}, balance="0.00", status=InvoiceStatus.PAID)
    case = OrderCase(order=order(), shipments=both, invoices=(first, invoice("S2", 5, {2: "4"})))

    (payment,) = [one for one in observations(case) if one.kind == "payment"]
    assert (payment.value, payment.occurred_at) == ("part", AT + 5 * HOUR)


def test_a_further_invoice_leaves_the_order_invoiced() -> None:
    """Case F9: eleven left of ten after all, and the eleventh is billed besides."""
    left = shipped("S1", 1, {1: "11", 2: "4"})
    further = invoice("S1", 6, {1: "1"}).model_copy(update={"key": "S1:2"})
    case = OrderCase(order=order(), shipments=(left,), invoices=(invoice("S1", 1, {1: "10", 2: "4"}), further))

    assert said(case) == [("invoice", "whole", "S1:1"), ("shipment", "whole", "S1"), ("invoice", "supplement", "S1:2")]
