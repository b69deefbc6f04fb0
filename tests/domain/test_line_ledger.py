"""What became of each ordered unit: one test a business case."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from domain.kits import Kit, KitPart
from domain.line_facts import ClosingReason, LineClosed
from domain.line_ledger import check, derive
from domain.order_ledger import Progress, check_order, derive_order, shipment_progress
from tests.domain.ledger_world import (
    BACKORDERED,
    PROMISED,
    SHORT,
    acknowledged,
    facts,
    given_up,
    left,
    numbers,
    sound,
    stated,
)

KIT = Kit(sku="KIT", parts=(KitPart(sku="VALVE", per_kit=Decimal(2)), KitPart(sku="PIPE", per_kit=Decimal(1))))


def test_an_order_line_begins_open() -> None:
    assert numbers(sound(facts())) == {"open": "10"}


def test_a_partial_shipment_leaves_the_rest_open_and_unbilled_only_what_left() -> None:
    """Case O1."""
    assert numbers(sound(facts(shipped=left("4")))) == {"shipped": "4", "open": "6", "unbilled": "4"}
    assert numbers(sound(facts(shipped=left("4"), billed=stated("4")))) == {"shipped": "4", "open": "6", "billed": "4"}


def test_a_backorder_stays_with_its_promise() -> None:
    """Case O2."""
    ledger = sound(facts(acknowledged=acknowledged("6", "4", promise_on=PROMISED)))
    assert numbers(ledger) == {"open": "6", "backordered": "4"}
    assert (ledger.allocated, ledger.promise_on) == (Decimal(6), PROMISED)


def test_what_was_backordered_shrinks_as_it_ships() -> None:
    """Case O2: first what was allocated, then what came in."""
    word = acknowledged("6", "4", promise_on=PROMISED)
    first = sound(facts(acknowledged=word, shipped=left("6")))
    assert (numbers(first), first.allocated) == ({"shipped": "6", "backordered": "4", "unbilled": "6"}, Decimal(0))
    later = sound(facts(acknowledged=word, shipped=[left("6"), left("4", 20, "SH2")]))
    assert (numbers(later), later.promise_on) == ({"shipped": "10", "unbilled": "10"}, None)


@pytest.mark.parametrize(("acked_at", "expected"), [(5, "6"), (15, "1")])
def test_of_shipment_and_acknowledgement_the_newer_word_on_the_backorder_counts(acked_at: int, expected: str) -> None:
    """Case O2: a shipped line with BO after the acknowledgement; then goods came in and were allocated."""
    word = acknowledged("9", "1", acked_at)
    ledger = sound(facts(acknowledged=word, shipped=left("4", 10, reason=BACKORDERED)))
    assert numbers(ledger)["backordered"] == expected


def test_a_line_of_which_nothing_shipped_is_backordered() -> None:
    """Cases O2, O5."""
    assert numbers(sound(facts(shipped=left("0", reason=BACKORDERED)))) == {"backordered": "10"}


def test_a_split_over_warehouses_adds_up() -> None:
    """Case O3: both shipments state the whole ordered quantity."""
    ledger = sound(
        facts(shipped=[left("5", 10, "SH1"), left("5", 10, "SH2")], billed=[stated("5"), stated("5", "INV2")])
    )
    assert numbers(ledger) == {"shipped": "10", "billed": "10"}


def test_more_than_ordered_is_overshipped() -> None:
    """Case O4."""
    ledger = sound(facts(shipped=left("12"), billed=stated("12")))
    assert numbers(ledger) == {"shipped": "12", "overshipped": "2", "billed": "12"}


def test_an_overshipment_that_is_billed_as_ordered_is_waived() -> None:
    """Case O4: a person ruled that only the ordered quantity is billed."""
    ledger = sound(facts(shipped=left("12"), billed=stated("10"), waived=stated("2", "SH1")))
    assert numbers(ledger) == {"shipped": "12", "overshipped": "2", "billed": "10", "waived": "2"}


def test_a_short_shipped_line_is_closed() -> None:
    """Case O5."""
    assert numbers(sound(facts(shipped=left("7", reason=SHORT)))) == {"shipped": "7", "cancelled": "3", "unbilled": "7"}
    assert numbers(sound(facts(shipped=left("0", reason=SHORT)))) == {"cancelled": "10"}


def test_a_line_that_was_closed_short_and_ships_all_the_same_is_corrected() -> None:
    """Case O5."""
    shipped = [left("7", reason=SHORT), left("2", 20, "SH2")]
    assert numbers(sound(facts(shipped=shipped))) == {"shipped": "9", "cancelled": "1", "unbilled": "9"}
    again = [left("7", reason=SHORT), left("0", 20, "SH2", reason=BACKORDERED)]
    assert numbers(sound(facts(shipped=again))) == {"shipped": "7", "backordered": "3", "unbilled": "7"}


def test_an_increase_after_shipping_is_new_open_quantity() -> None:
    """Case O8: what was closed or backordered before the increase does not swallow it."""
    assert numbers(sound(facts("15", shipped=left("10")))) == {"shipped": "10", "open": "5", "unbilled": "10"}
    closed = sound(facts("15", shipped=left("7", reason=SHORT)))
    assert numbers(closed) == {"shipped": "7", "cancelled": "3", "open": "5", "unbilled": "7"}
    cancelled = sound(facts("15", shipped=left("7"), closed=given_up("10")))
    assert numbers(cancelled) == {"shipped": "7", "cancelled": "3", "open": "5", "unbilled": "7"}
    waiting = sound(facts("15", shipped=left("7", reason=BACKORDERED)))
    assert numbers(waiting) == {"shipped": "7", "backordered": "3", "open": "5", "unbilled": "7"}


def test_a_decrease_below_what_shipped_is_an_overshipment() -> None:
    """Case O8: shipped quantities are frozen."""
    assert numbers(sound(facts("6", shipped=left("8")))) == {"shipped": "8", "overshipped": "2", "unbilled": "8"}


def test_a_cancellation_takes_only_what_is_left() -> None:
    """Case O9."""
    ledger = sound(facts(shipped=left("4"), billed=stated("4"), closed=given_up()))
    assert numbers(ledger) == {"shipped": "4", "cancelled": "6", "billed": "4"}
    rejected = LineClosed(reference="ORDACK 91", reason=ClosingReason.REJECTED)
    assert numbers(sound(facts(closed=rejected))) == {"cancelled": "10"}


def test_a_corrected_shipment_counts_as_it_was_stated_last() -> None:
    """Cases F9, O10: whichever revision was known first."""
    both = [left("4", revision=1), left("3", revision=2)]
    assert derive(facts(shipped=both)) == derive(facts(shipped=both[::-1]))
    assert numbers(sound(facts(shipped=both))) == {"shipped": "3", "open": "7", "unbilled": "3"}
    taken_back = [left("4", revision=1), left("0", revision=2)]
    assert numbers(sound(facts(shipped=taken_back))) == {"open": "10"}


def test_a_correction_after_the_invoice_says_what_to_credit_or_to_bill() -> None:
    """Case F9: too much is billed until it is credited, and the check says so."""
    lower = derive(facts(shipped=left("8"), billed=stated("10")))
    assert numbers(lower) == {"shipped": "8", "open": "2", "billed": "10", "credit_due": "2"}
    assert check(lower) == ("Line 1: 10 billed and not credited, but only 8 shipped.",)
    assert check(derive(facts(shipped=left("8"), billed=stated("10"), ruled=True))) == ()
    credited = sound(facts(shipped=left("8"), billed=stated("10"), credited=stated("2", "CM1")))
    assert numbers(credited) == {"shipped": "8", "open": "2", "billed": "10", "credited": "2"}
    higher = sound(facts(shipped=left("10"), billed=stated("8")))
    assert numbers(higher) == {"shipped": "10", "billed": "8", "unbilled": "2"}


def test_returned_goods_that_were_billed_are_to_be_credited() -> None:
    """Case O12."""
    back = sound(facts(shipped=left("10"), billed=stated("10"), returned=stated("4", "RMA1")))
    assert numbers(back) == {"shipped": "10", "billed": "10", "returned": "4", "credit_due": "4"}
    assert back.returned_unbilled == 0
    done = facts(shipped=left("10"), billed=stated("10"), returned=stated("4", "RMA1"), credited=stated("4", "CM1"))
    assert numbers(sound(done)) == {"shipped": "10", "billed": "10", "returned": "4", "credited": "4"}


def test_returned_goods_that_were_never_billed_only_lower_what_is_billed() -> None:
    """Case O12."""
    back = sound(facts(shipped=left("10"), returned=stated("4", "RMA1")))
    assert numbers(back) == {"shipped": "10", "returned": "4", "unbilled": "6"}
    assert back.returned_unbilled == 4
    billed = sound(facts(shipped=left("10"), returned=stated("4", "RMA1"), billed=stated("6")))
    assert (numbers(billed).get("credit_due"), billed.returned_unbilled) == (None, Decimal(4))


def test_more_returned_than_shipped_is_doubted_and_cut() -> None:
    """Case O12."""
    ledger = derive(facts(shipped=left("3"), returned=stated("5", "RMA1")))
    assert ledger.returned == 3
    assert check(ledger) == ("Line 1: 5 returned is more than the 3 that there can be.",)


def test_a_kit_ships_as_whole_kits_and_is_billed_as_kits() -> None:
    """Case O13: 7 valves and 3 pipes make three kits of two valves and a pipe."""
    parts = [left("7", reference="SH1#1", sku="VALVE"), left("3", reference="SH1#2", sku="PIPE")]
    ledger = sound(facts("5", sku="KIT", kit=KIT, shipped=parts, billed=stated("3", sku="KIT")))
    assert numbers(ledger) == {"shipped": "3", "open": "2", "billed": "3"}
    assert ledger.substitutes == ()


def test_a_kit_that_ships_under_its_own_name_counts_as_it_is() -> None:
    """Case O13."""
    assert numbers(sound(facts("5", sku="KIT", kit=KIT, shipped=left("2", sku="KIT"))))["shipped"] == "2"
    half = [left("4", sku="VALVE")]
    assert numbers(sound(facts("5", sku="KIT", kit=KIT, shipped=half))) == {"open": "5"}  # no kit without its pipe


def test_lots_of_one_line_are_lines_of_their_own() -> None:
    """Case O14: the same shipment ships two lots of the same quantity; both count, each once."""
    lots = [left("5", reference="SH1#1"), left("5", reference="SH1#2")]
    assert numbers(sound(facts(shipped=[*lots, *lots]))) == {"shipped": "10", "unbilled": "10"}


def test_a_vendors_shipment_is_a_shipment() -> None:
    """Case O15: the ledger knows no stock; what the vendor sent is shipped, billed and returned like anything else."""
    ledger = sound(facts(shipped=left("10", reference="DROP-1"), billed=stated("10")))
    assert numbers(ledger) == {"shipped": "10", "billed": "10"}


def test_a_free_line_counts_like_any_other() -> None:
    """Case O16: unbilled until it stands on an invoice, though it is worth nothing."""
    free = facts(line_no=2, price="0", shipped=left("10", reference="SH1#2"))
    paid = facts(shipped=left("10", reference="SH1#1"), billed=stated("10"))
    order = derive_order([free, paid])
    assert (order.shipped, order.invoiced, order.unbilled_amount) == (Progress.WHOLE, Progress.PART, Decimal(0))
    order = derive_order([free.model_copy(update={"billed": (stated("10"),)}), paid])
    assert order.invoiced is Progress.WHOLE


def test_a_substitute_counts_for_the_line_that_it_replaces() -> None:
    """Case M7: a case of BOLT-B holds five of what was ordered one by one."""
    ledger = sound(facts(shipped=left("2", sku="BOLT-B", factor=Fraction(5), ordered=Decimal(2))))
    assert numbers(ledger) == {"shipped": "10", "unbilled": "10"}
    assert ledger.substitutes == ("BOLT-B",)


def test_units_convert_exactly_before_they_are_rounded() -> None:
    """Case E3: twelve single pieces of a line ordered in dozens are one, not 0.999996."""
    pieces = [left("1", reference=f"SH{one}", factor=Fraction(1, 12), ordered=None) for one in range(12)]
    assert numbers(sound(facts("1", shipped=pieces))) == {"shipped": "1", "unbilled": "1"}
    assert numbers(sound(facts("1", shipped=pieces[:1])))["shipped"] == "0.083333"


def test_documents_that_add_up_to_less_than_nothing_are_doubted() -> None:
    ledger = derive(facts(shipped=left("-3")))
    assert numbers(ledger) == {"open": "10"}
    assert check(ledger) == ("Line 1: the documents add up to -3 shipped.",)


def test_a_ledger_that_does_not_add_up_is_told() -> None:
    ledger = derive(facts(shipped=left("4"))).model_copy(update={"open": Decimal(7), "cancelled": Decimal(-1)})
    assert check(ledger) == ("Line 1: cancelled is -1, below nothing.",)
    ledger = ledger.model_copy(update={"allocated": Decimal(8), "waived": Decimal(1), "overshipped": Decimal(1)})
    assert check(ledger) == (
        "Line 1: cancelled is -1, below nothing.",
        "Line 1: 11 ordered and overshipped, but 10 shipped, backordered, cancelled, open.",
        "Line 1: 1 shipped too much, yet something is still to come or cancelled.",
        "Line 1: 8 allocated, but only 7 open.",
        "Line 1: 4 shipped, but 5 billed, waived, returned, unbilled.",
    )


# --- Whole orders.


def test_an_order_is_as_far_as_all_its_lines() -> None:
    whole = facts(shipped=left("10"), billed=stated("10"))
    part = facts(line_no=2, price="1.00", shipped=left("4"), acknowledged=acknowledged("0", "6", 15))
    order = derive_order([part, whole])
    assert [one.line_no for one in order.lines] == [1, 2]
    assert (order.shipped, order.invoiced, order.returned) == (Progress.PART, Progress.PART, Progress.NONE)
    assert (order.open_amount, order.unbilled_amount) == (Decimal("6.00"), Decimal("4.00"))
    assert check_order(order) == ()


def test_what_was_cancelled_is_not_missed() -> None:
    """Case O9: the rest is cancelled, so the order is wholly shipped and, once billed, wholly invoiced."""
    order = derive_order([facts(shipped=left("4"), billed=stated("4"), closed=given_up())])
    assert (order.is_settled, order.shipped, order.invoiced) == (True, Progress.WHOLE, Progress.WHOLE)
    nothing = derive_order([facts(closed=given_up())])
    assert (nothing.is_settled, nothing.shipped, nothing.invoiced) == (True, Progress.NONE, Progress.NONE)


def test_an_order_is_returned_when_everything_came_back() -> None:
    """Case O12."""
    gone = {"shipped": left("10"), "billed": stated("10")}
    order = derive_order([facts(**gone, returned=stated("10", "RMA1")), facts(line_no=2, **gone)])
    assert (order.returned, order.credit_due_amount) == (Progress.PART, Decimal("25.00"))
    order = derive_order([facts(**gone, returned=stated("10", "RMA1")), facts(line_no=2, closed=given_up())])
    assert order.returned is Progress.WHOLE


@pytest.mark.parametrize(
    ("allocated", "backordered", "progress"),
    [("10", "0", Progress.WHOLE), ("6", "4", Progress.PART), ("6", "0", Progress.PART), ("0", "10", Progress.NONE)],
)
def test_an_allocation_is_whole_part_or_none(allocated: str, backordered: str, progress: Progress) -> None:
    assert derive_order([facts(acknowledged=acknowledged(allocated, backordered))]).allocated is progress


def test_the_last_shipment_makes_an_order_whole_whichever_was_known_first() -> None:
    """Cases O1, O3."""
    first = [left("4", 10, "SH9#1"), left("6", 20, "SH1#1")]
    second = [left("10", 20, "SH1#2")]
    lines = [facts(shipped=first[::-1]), facts(line_no=2, shipped=second)]
    expected = {"SH9": Progress.PART, "SH1": Progress.WHOLE}
    assert shipment_progress(lines) == shipment_progress(lines[::-1]) == expected


def test_a_shipment_of_nothing_is_no_progress() -> None:
    """Case O5."""
    assert shipment_progress([facts(shipped=left("0", reason=BACKORDERED))]) == {"SH1": Progress.NONE}


def test_a_line_has_one_set_of_facts() -> None:
    with pytest.raises(ValueError, match="one set of facts"):
        derive_order([facts(), facts()])


def test_a_shipment_of_a_line_that_was_never_ordered_is_overshipped() -> None:
    """Case O4."""
    assert numbers(sound(facts("0", shipped=left("3")))) == {"shipped": "3", "overshipped": "3", "unbilled": "3"}
