"""Available to promise: each component by its case, and the sentence that explains the number."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.availability_words import basis, explain
from domain.demand import base_quantity, line_acknowledgements
from domain.exceptions import Cause
from domain.freshness import Confidence
from domain.promises import AvailabilityPolicy, Part, stock_figure
from domain.stock import Bucket
from domain.stock_guards import StockPolicy
from tests.domain.stock_world import (
    OPEN,
    ack,
    at,
    available,
    balances,
    delta,
    demand,
    figure,
    hourly,
    reservation,
    row,
    shipped,
    snapshot,
)

HOLD, REJECTED, PICKING = (
    AcknowledgementStatus.CREDIT_HOLD,
    AcknowledgementStatus.REJECTED,
    AcknowledgementStatus.PICKING,
)


def test_why_14() -> None:
    """The sentence of section 8: every number in it adds up to what is published."""
    said = available(
        figure(40, 18),
        demands=(demand("SO1", 4, 3), demand("SO2", 2, 5)),
        policy=hourly(units=Decimal(2)),
    )
    assert said.published == 14
    assert explain(said, sources=False) == (
        "14 = 40 on hand at 05:10 - 18 allocated - 6 in two orders not yet in the ERP - 2 buffer."
    )
    assert explain(said).endswith(
        "Sources: on hand in ATL: INV.0 line 12; allocated in ATL: INV.0 line 12; "
        "unseen: SO1 line 1 (4), SO2 line 1 (2); buffer: policy test."
    )
    assert "40 on hand at 00:10" in explain(said, ZoneInfo("America/New_York"))
    assert basis(said, limit=20) == "14 = 40 on hand at …"


def test_an_order_is_deducted_until_a_file_cut_before_the_snapshot_lists_it() -> None:
    """Case I4: an acknowledgement cut after the snapshot proves nothing about the snapshot's allocations."""
    order = demand("SO1", 6, -30)
    early, late = ack("SO1", -5, 6), ack("SO1", 5, 6)
    assert available(figure(40), demands=(order,)).value == 34
    assert available(figure(40), demands=(order,), acknowledgements=(late,)).value == 34
    assert available(figure(40, 6), demands=(order,), acknowledgements=(early,)).value == 34
    assert available(figure(40, 6, minutes=7), demands=(order,), acknowledgements=(late,)).value == 34
    assert available(figure(40, 6), demands=(order,), acknowledgements=(ack("SO1", 0, 6),)).value == 34


def test_an_acknowledgement_counts_for_its_line_only() -> None:
    """Case I4, per line: line 2 is not listed, so its demand is still deducted."""
    lines = (demand("SO1", 6, -30), demand("SO1", 5, -30, line_no=2))
    assert available(figure(40, 6), demands=lines, acknowledgements=(ack("SO1", -5, 6),)).value == 29


def test_a_refused_line_does_not_count_unless_it_was_sent_again() -> None:
    """Case I4."""
    refusal = ack("SO1", 5, line_no=None, status=REJECTED)
    order = demand("SO1", 6, -30)
    assert available(figure(40), demands=(order,), acknowledgements=(refusal,)).value == 40
    again = order.model_copy(update={"sent_again_at": at(6)})
    assert available(figure(40), demands=(again,), acknowledgements=(refusal,)).value == 34


def test_a_cancelled_line_does_not_count() -> None:
    cancelled = demand("SO1", 6, -30, cancelled=True, version_at=at(4))
    assert available(figure(40), demands=(cancelled, demand("SO1", 6, -30))).value == 40


def test_an_order_on_credit_hold_is_seen_but_not_allocated() -> None:
    said = available(
        figure(40), demands=(demand("SO1", 6, -30),), acknowledgements=(ack("SO1", -5, line_no=None, status=HOLD),)
    )
    assert said.value == 34
    assert "6 in one order on credit hold in the ERP" in explain(said)


def test_what_is_backordered_is_spoken_for() -> None:
    order, listed = demand("SO1", 10, -30), ack("SO1", -5, 6, backordered=Decimal(4))
    said = available(figure(6, 6), demands=(order,), acknowledgements=(listed,))
    assert (said.value, said.published) == (-4, 0)
    assert explain(said).startswith(
        "0 is published; -4 = 6 on hand at 05:10 - 6 allocated - 4 backordered in one order"
    )
    lenient = AvailabilityPolicy(version="test", backorders_deduct=False)
    assert available(figure(6, 6), demands=(order,), acknowledgements=(listed,), policy=lenient).value == 0


def test_picking_keeps_what_the_line_listed_before() -> None:
    order = demand("SO1", 10, -30)
    listed = ack("SO1", -5, 6, backordered=Decimal(4))
    picking = ack("SO1", -2, line_no=None, status=PICKING)
    assert available(figure(6, 6), demands=(order,), acknowledgements=(listed, picking)).value == -4
    assert available(figure(40, 10), demands=(order,), acknowledgements=(picking,)).value == 30


def test_an_increase_after_the_acknowledgement_is_not_in_the_erp() -> None:
    more = demand("SO1", 9, -30, version_at=at(2))
    assert available(figure(40, 6), demands=(more,), acknowledgements=(ack("SO1", -5, 6),)).value == 31


@pytest.mark.parametrize(
    ("shipped_at", "on_hand", "allocated", "expected"),
    [(-3, 36, 0, 36), (5, 40, 4, 36)],
    ids=["before the snapshot", "after it"],
)
def test_shipped_goods_do_not_count_twice(shipped_at: int, on_hand: int, allocated: int, expected: int) -> None:
    """Acknowledged at -5 with 4 allocated, all of it shipped: the on hand or the allocation has it, never both."""
    order = demand("SO1", 4, -30, shipped=(shipped("SH1", 4, shipped_at),))
    said = available(figure(on_hand, allocated), demands=(order,), acknowledgements=(ack("SO1", -5, 4),))
    assert said.value == expected


def test_goods_of_an_unseen_order_that_left_after_the_snapshot_are_still_in_its_on_hand() -> None:
    order = demand("SO1", 4, -3, shipped=(shipped("SH1", 4, 5),))
    assert available(figure(40), demands=(order,)).value == 36


def test_a_backorder_stays_deducted_after_the_allocated_part_shipped() -> None:
    listed = ack("SO1", -5, 6, backordered=Decimal(4))
    order = demand("SO1", 10, -30, shipped=(shipped("SH1", 6, -3),))
    assert available(figure(0, 0), demands=(order,), acknowledgements=(listed,)).value == -4


def test_a_movement_for_a_shipment_gives_its_allocation_back() -> None:
    """The on hand went down by the movement; the snapshot's allocations still hold the same pieces."""
    found = balances(
        snapshot(0, row("BOLT", "ATL", 40, 6)), delta(5, -4, reason="shipment", reference="SH1", source="SHP line 3")
    )
    order = demand("SO1", 6, -30, shipped=(shipped("SH1", 4, 5),))
    said = available(
        stock_figure(found.rows["BOLT|ATL"], OPEN), demands=(order,), acknowledgements=(ack("SO1", -5, 6),)
    )
    assert said.value == 34
    assert explain(said, sources=False) == (
        "34 = 36 on hand at 05:15 - 6 allocated + 4 shipped since and still among the allocated."
    )


def test_no_more_is_given_back_than_was_allocated() -> None:
    """The line had 3 of 6 allocated, and 4 were moved: only 3 of them are among the allocated."""
    order = demand("SO1", 6, -30, shipped=(shipped("SH1", 4, 5),))
    moved = figure(36, 3, moved=("SH1",))
    (stand,) = available(moved, demands=(order,), acknowledgements=(ack("SO1", -5, 3),)).standings
    assert (stand.left_inside, stand.unseen, stand.covered) == (3, 2, 0)


def test_a_shipment_of_before_the_snapshot_is_off_once_although_a_movement_names_it() -> None:
    order = demand("SO1", 6, -30, shipped=(shipped("SH1", 2, -1),))
    (stand,) = available(figure(36, moved=("SH1",)), demands=(order,)).standings
    assert (stand.left_inside, stand.unseen) == (0, 4)


def test_a_reservation_holds_until_it_expires_or_becomes_an_order() -> None:
    """Case I11."""
    kept = reservation("Q1", 5, 0, 20)
    assert available(figure(40), reservations=(kept, kept), now=19).value == 35
    assert available(figure(40), reservations=(kept,), now=20).value == 40
    ordered = kept.model_copy(update={"order_number": "SO1"})
    assert available(figure(40), reservations=(ordered,), demands=(demand("SO1", 5, 3),), now=10).value == 35


def test_an_order_without_a_warehouse_counts_in_the_total_only() -> None:
    order = demand("SO1", 6, 3, warehouse=None)
    figures = (figure(40), figure(10, warehouse="RNO"))
    assert available(figures[0], demands=(order,)).value == 40
    total = available(*figures, demands=(order,), warehouse=None)
    assert total.value == 44
    assert explain(total, sources=False) == (
        "44 = 40 on hand in ATL at 05:10 + 10 on hand in RNO at 05:10 "
        "- 6 in one order without a warehouse, which count in the total only."
    )


def test_units_are_converted_by_rationals_and_rounded_against_the_promise() -> None:
    """Case E3."""
    assert base_quantity(Decimal("1.5"), Fraction(100)) == 150
    assert base_quantity(Decimal(1), Fraction(1, 3)) == Decimal("0.3334")
    boxes = demand("SO1", 2, 3, uom="BX", factor=Fraction(12))
    assert available(figure(40), demands=(boxes,)).value == 16


def test_an_unknown_unit_makes_the_promise_unknown() -> None:
    said = available(figure(40), demands=(demand("SO1", 2, 3, uom="PL", factor=None),))
    assert (said.published, said.confidence) == (None, Confidence.UNKNOWN)
    assert [one.cause for one in said.findings] == [Cause.STOCK_UNIT_UNKNOWN]
    assert explain(said).startswith("unknown, because an order's unit is not known; it would be 40 = ")


def test_negative_stock_is_kept_and_published_as_nothing() -> None:
    """Case I5."""
    said = available(figure(-3))
    assert (said.value, said.published) == (-3, 0)
    assert explain(said, sources=False) == "0 is published; -3 = -3 on hand at 05:10."


def test_the_buffer_widens_with_age_and_a_number_that_is_too_old_is_unknown() -> None:
    """Case I7."""
    policy = hourly(units=Decimal(1), units_per_hour=Decimal(2))
    assert [available(figure(40), policy=policy, now=60 * hours).value for hours in (0, 1, 3)] == [39, 39, 35]
    old = available(figure(40), policy=policy, now=60 * 6)
    assert (old.published, old.confidence) == (None, Confidence.UNKNOWN)
    assert explain(old).startswith("unknown, because the feed is too old; it would be ")


def test_nothing_stated_is_unknown() -> None:
    said = available(demands=(demand("SO1", 2, 3),))
    assert (said.value, said.published, said.as_of_at) == (-2, None, None)
    assert explain(available()) == "unknown: nothing has been stated yet."


def test_only_sellable_buckets_count() -> None:
    """Case I10: with what is allocated in them, and the others are named."""
    found = balances(snapshot(0, row("BOLT", "ATL", 120, 10, bucket="quarantined")))
    said = available(stock_figure(found.rows["BOLT|ATL"], OPEN))
    assert said.value == 0
    assert said.notes == ("120 in bucket quarantined of ATL is not sold from",)
    lenient = OPEN.model_copy(update={"sellable": {Bucket.QUARANTINED: True}})
    assert available(stock_figure(found.rows["BOLT|ATL"], lenient)).value == 110


def test_a_held_row_is_not_published_and_counts_with_the_smaller_number_in_the_total() -> None:
    """Case I9."""
    policy = StockPolicy(version="test", swing_percent=Decimal(50))
    found = balances(snapshot(0, row("BOLT", "ATL", 10)), snapshot(5, row("BOLT", "ATL", 900)), policy=policy)
    swung = stock_figure(found.rows["BOLT|ATL"], policy)
    said = available(swung)
    assert (said.value, bool(said.held)) == (900, True)
    assert "Publication of this row waits" in explain(said)
    total = available(swung, figure(7, warehouse="RNO"), warehouse=None)
    assert (total.value, total.held) == (17, None)


def test_the_total_is_as_old_and_as_doubtful_as_its_worst_part() -> None:
    total = available(figure(40), figure(10, minutes=-120, warehouse="RNO"), warehouse=None)
    assert total.confidence is Confidence.AGING
    assert total.as_of_at == at(-120)


def test_what_was_known_then_can_be_asked_again() -> None:
    """As of an instant: orders, refusals and shipments of later do not count."""
    order = demand("SO1", 6, 30)
    assert available(figure(40), demands=(order,), now=29).value == 40
    refusal = ack("SO1", 45, line_no=None, status=REJECTED)
    assert available(figure(40), demands=(order,), acknowledgements=(refusal,), now=44).value == 34


def test_an_acknowledgement_file_speaks_by_line_or_for_the_order() -> None:
    line = AcknowledgedLine(line_no=2, sku="BOLT", allocated=Decimal(4), backordered=Decimal(1))
    accepted = OrderAcknowledgement(order_number="SO1", status=AcknowledgementStatus.ACCEPTED, lines=(line,))
    (said,) = line_acknowledgements(accepted, at(0), 88, "ORDACK.S000088 line 2")
    assert (said.line_no, said.allocated, said.backordered, said.sequence) == (2, 4, 1, 88)
    refused = OrderAcknowledgement(order_number="SO1", status=REJECTED, lines=())
    (whole,) = line_acknowledgements(refused, at(0), 88, "ORDACK.S000088 line 2")
    assert (whole.line_no, whole.allocated) == (None, None)


def test_components_come_in_their_order() -> None:
    said = available(
        figure(40, 1),
        demands=(demand("SO1", 4, 3), demand("SO2", 2, -30)),
        acknowledgements=(ack("SO2", -5, line_no=None, status=HOLD),),
        reservations=(reservation("Q1", 1, 0, 600),),
        policy=hourly(units=Decimal(1)),
    )
    parts = [one.part for one in said.components]
    assert parts == sorted(parts, key=list(Part).index)
    assert len(parts) == 6
    assert available(figure(1), now=10).as_of_at == at(10) - timedelta(minutes=10)
