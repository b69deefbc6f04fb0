"""Oversell at order time and at file time, and kits (cases I6, O13)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exceptions import Choice
from domain.kits import Kit, KitPart, explain_kit, exploded, kit_availability, kit_total
from domain.oversell import short_at_file, short_at_order
from domain.promising import Promise, Wanted, component_demand, promise, supply_of
from domain.shortages import Alternatives, order_words
from tests.domain.stock_world import ack, available, demand, figure, hourly, reservation

SET = Kit(sku="SET", parts=(KitPart(sku="BOLT", per_kit=Decimal(2)), KitPart(sku="NUT", per_kit=Decimal(3))))
KITS = {"SET": SET}


def wanted(order: str, quantity: int, sku: str = "BOLT", **other: Any) -> Wanted:
    """A line in ATL."""
    return Wanted(order_number=order, line_no=1, sku=sku, quantity=Decimal(quantity), **{"warehouse": "ATL", **other})


def got(promises: list[Promise]) -> list[int]:
    """What each line got."""
    return [int(one.promised) for one in promises]


def test_lines_and_orders_of_one_batch_share_what_there_is() -> None:
    """Case I6: each of them would fit alone."""
    lines = [wanted("SO1", 6), wanted("SO2", 6), wanted("SO3", 6)]
    promises = promise(lines, {"BOLT|ATL": Decimal(10), "BOLT|": Decimal(10)})
    assert got(promises) == [6, 4, 0]
    assert [one.limited_by for one in promises] == [None, "BOLT", "BOLT"]


def test_a_line_without_a_warehouse_takes_from_the_total() -> None:
    supply = {"BOLT|ATL": Decimal(10), "BOLT|RNO": Decimal(5), "BOLT|": Decimal(15)}
    lines = [wanted("SO1", 12, warehouse=None), wanted("SO2", 10), wanted("SO3", 5, warehouse="RNO")]
    assert got(promise(lines, supply)) == [12, 3, 0]


def test_a_kit_and_its_component_in_one_batch_share_the_component() -> None:
    """Case O13: demand is summed per component before it is checked."""
    supply = {"BOLT|ATL": Decimal(7), "NUT|ATL": Decimal(9)}
    lines = [wanted("SO1", 3, "SET"), wanted("SO2", 2)]
    assert component_demand(lines, KITS)["BOLT|ATL"] == 8
    assert got(promise(lines, supply, KITS)) == [3, 1]
    assert got(promise(lines[::-1], supply, KITS)) == [2, 2]


def test_a_kit_that_lists_a_component_twice_needs_both() -> None:
    twice = Kit(sku="SET", parts=(*SET.parts, KitPart(sku="BOLT", per_kit=Decimal(1))))
    assert got(promise([wanted("SO1", 3, "SET")], {"BOLT|ATL": Decimal(7), "NUT|ATL": Decimal(9)}, {"SET": twice})) == [
        2
    ]


def test_what_is_unknown_or_negative_cannot_be_promised() -> None:
    old = available(figure(40), now=60 * 9)
    assert supply_of([old, available(figure(-3), warehouse=None)]) == {"BOLT|ATL": 0, "BOLT|": 0}


any_lines = st.lists(
    st.builds(
        wanted,
        st.sampled_from(["SO1", "SO2"]),
        st.integers(0, 8),
        st.sampled_from(["BOLT", "NUT", "SET"]),
        warehouse=st.sampled_from(["ATL", "RNO", None]),
    ),
    max_size=6,
)
any_supply = st.fixed_dictionaries(
    {f"{sku}|{place}": st.integers(0, 20).map(Decimal) for sku in ("BOLT", "NUT") for place in ("ATL", "RNO", "")}
)


@given(any_lines, any_supply)
def test_no_piece_is_promised_twice(lines: list[Wanted], supply: dict[str, Decimal]) -> None:
    """Case I6: what a batch was promised, summed per component, is never more than what there was."""
    promises = promise(lines, supply, KITS)
    given_away = [one.wanted.model_copy(update={"quantity": one.promised}) for one in promises]
    for key, quantity in component_demand(given_away, KITS).items():
        assert quantity <= supply[key]
    assert all(one.promised + one.short == one.wanted.quantity for one in promises)


@given(any_lines, any_supply)
def test_a_batch_that_fits_as_a_sum_is_promised_in_full(lines: list[Wanted], supply: dict[str, Decimal]) -> None:
    """Case O13: and one that does not fit is not."""
    fits = all(quantity <= supply[key] for key, quantity in component_demand(lines, KITS).items())
    assert fits == all(one.short == 0 for one in promise(lines, supply, KITS))


def test_a_short_batch_is_one_finding_a_row() -> None:
    """Case I6: by promise date, with money and remedies."""
    lines = [
        wanted("SO1", 6, promise_on=date(2026, 12, 1), unit_price=Decimal("2.50")),
        wanted("SO2", 6, promise_on=date(2026, 11, 25), unit_price=Decimal("250.00"), price_factor=Fraction(100)),
    ]
    promises = promise([lines[0], lines[1]], {"BOLT|ATL": Decimal(1)})
    (finding,) = short_at_order(promises, {"BOLT|ATL": Alternatives(substitutes={"BOLT/Z": Decimal(9)})})
    assert [one.order_number for one in finding.affected] == ["SO2", "SO1"]
    assert finding.money_at_stake == Decimal("27.50")
    assert finding.remedies == (Choice.SPLIT, Choice.SUBSTITUTE, Choice.BACKORDER)
    assert finding.sentence == (
        "BOLT in ATL is short of 11 (SO2 line 1: 6 of 6 BOLT, promised for 2026-11-25; "
        "SO1 line 1: 5 of 6 BOLT, promised for 2026-12-01). Orders for 27.50 hang on it."
    )
    assert short_at_order(promise(lines, {"BOLT|ATL": Decimal(99)}), {}) == []


def test_a_file_that_leaves_too_little_hits_the_latest_promise_first() -> None:
    """Case I6 at file time: 10 on hand, 4 allocated to SO1, 9 asked by the others: 3 are lacking."""
    said = available(
        figure(10, 4),
        demands=(
            demand("SO1", 4, -30, promise_on=date(2027, 1, 1), unit_price=Decimal(2)),
            demand("SO2", 5, 1, promise_on=date(2026, 11, 25), unit_price=Decimal(2)),
            demand("SO3", 4, 2, promise_on=date(2026, 12, 9), unit_price=Decimal(2)),
        ),
        acknowledgements=(ack("SO1", -5, 4),),
        policy=hourly(units=Decimal(2)),
    )
    finding = short_at_file(said)
    assert finding is not None
    assert [(one.order_number, one.short, one.money) for one in finding.affected] == [("SO3", 3, Decimal("6.00"))]
    assert finding.remedies == (Choice.SPLIT, Choice.BACKORDER)
    assert order_words(finding, "SO3") == (
        "Cannot be filled from stock: line 1: 3 of 4 BOLT, promised for 2026-12-09. Possible: split, backorder."
    )
    assert order_words(finding, "SO1") is None


def test_allocated_lines_are_hit_when_the_count_fell_below_the_allocations() -> None:
    said = available(figure(-1, 6), demands=(demand("SO1", 4, -30),), acknowledgements=(ack("SO1", -5, 4),))
    finding = short_at_file(said)
    assert finding is not None
    assert (finding.short, finding.affected[0].short, finding.unexplained) == (7, 4, 3)
    assert finding.remedies == (Choice.BACKORDER,)


def test_quotes_give_way_before_orders_and_a_buffer_lacks_nobody() -> None:
    quotes = (reservation("Q1", 8, 0, 600),)
    finding = short_at_file(available(figure(10), demands=(demand("SO1", 5, 1),), reservations=quotes))
    assert finding is not None
    assert (finding.short, finding.reserved, finding.affected) == (3, 3, ())
    assert (
        short_at_file(available(figure(10), demands=(demand("SO1", 10, 1),), policy=hourly(units=Decimal(5)))) is None
    )


def test_a_known_backorder_is_no_oversell() -> None:
    listed = ack("SO1", -5, 6, backordered=Decimal(4))
    assert short_at_file(available(figure(6, 6), demands=(demand("SO1", 10, -30),), acknowledgements=(listed,))) is None


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 3)), max_size=5),
    st.integers(-5, 30),
)
def test_a_shortage_is_shared_out_completely(asked: list[tuple[int, int, int]], on_hand: int) -> None:
    """What the lines are short of, the quotes lack and the ERP cannot explain adds up to what is lacking."""
    lines = tuple(
        demand(f"SO{number}", quantity, 1, promise_on=date(2026, 12, 1 + day), unit_price=Decimal(price))
        for number, (quantity, price, day) in enumerate(asked)
    )
    finding = short_at_file(available(figure(on_hand), demands=lines))
    lack = sum(quantity for quantity, _, _ in asked) - on_hand
    assert (finding is None) == (lack <= 0)
    if finding:
        short = sum((one.short for one in finding.affected), Decimal(0))
        assert short + finding.reserved + finding.unexplained == finding.short == lack
        assert list(finding.affected) == sorted(finding.affected, key=lambda one: (one.promise_on, one.order_number))


def test_a_kit_is_as_available_as_its_scarcest_component() -> None:
    """Case O13."""
    parts = {"BOLT": available(figure(7)), "NUT": available(figure(12), sku="NUT")}
    said = kit_availability(SET, parts)
    assert (said.value, said.published, said.limited_by) == (3, 3, "BOLT")
    assert explain_kit(said) == "3 kits, limited by BOLT (BOLT: 7 / 2 = 3; NUT: 12 / 3 = 4)."
    assert kit_availability(SET, {**parts, "NUT": available(figure(-1), sku="NUT")}).value == -1
    with pytest.raises(KeyError):
        kit_availability(SET, {"BOLT": parts["BOLT"]})


def test_kits_are_not_put_together_across_warehouses() -> None:
    """Case O13: BOLT is in one warehouse, NUT in the other."""
    atl = kit_availability(SET, {"BOLT": available(figure(10)), "NUT": available(figure(0), sku="NUT")})
    rno = kit_availability(SET, {"BOLT": available(figure(0)), "NUT": available(figure(30), sku="NUT")})
    across = kit_availability(SET, {"BOLT": available(figure(10)), "NUT": available(figure(30), sku="NUT")})
    assert kit_total([atl, rno], across) == 0
    assert kit_total([across], atl) == 0
    unknown = kit_availability(SET, {"BOLT": available(), "NUT": available(figure(1), sku="NUT")})
    assert kit_total([atl, unknown], across) is None
    assert explain_kit(unknown).startswith("unknown; it would be ")


def test_an_order_for_a_kit_takes_from_its_components() -> None:
    """Case O13: acknowledged in kits, deducted in components."""
    order = demand("SO1", 4, -30, sku="SET")
    bolts, nuts = exploded(order, KITS)
    assert exploded(demand("SO2", 1, 0), KITS) == [demand("SO2", 1, 0)]
    assert available(figure(40), demands=(bolts, nuts)).value == 32
    assert available(figure(40), sku="NUT", demands=(bolts, nuts)).value == 28
    partly = (ack("SO1", -5, 3),)
    assert available(figure(40, 6), demands=(bolts, nuts), acknowledgements=partly).value == 32
