"""Stock as events: what each statement does to the balances, and what it may not do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.exceptions import Cause
from domain.stock import Bucket, StockRow
from domain.stock_balances import RowState
from domain.stock_events import Absence, Confirmation, Snapshot, Version, snapshot_rows
from domain.stock_guards import StockPolicy
from domain.stock_ledger import apply, derive, may_replace
from tests.domain.stock_world import OPEN, at, balances, delta, on_hand, row, snapshot

GUARDED = StockPolicy(version="test")
SWINGS = StockPolicy(version="test", swing_percent=Decimal(50), swing_money=Decimal(100))


def test_a_snapshot_sets_the_base_and_later_movements_move_it() -> None:
    """Case I1."""
    found = balances(snapshot(0, row("BOLT", "ATL", 40, 18)), delta(5, 10), delta(6, -3))
    assert on_hand(found) == 47
    assert found.rows["BOLT|ATL"].moved_at() == at(6)


def test_a_movement_that_is_not_later_than_the_base_is_inside_it() -> None:
    """Case I1."""
    assert on_hand(balances(snapshot(10, row("BOLT", "ATL", 40)), delta(5, 10), delta(10, 7))) == 40


def test_a_movement_waits_for_its_base() -> None:
    """Case I1."""
    waiting = balances(delta(5, 10), delta(15, 4))
    assert waiting.rows["BOLT|ATL"].counts() == ()
    assert on_hand(derive([delta(5, 10), delta(15, 4), snapshot(10, row("BOLT", "ATL", 40))], OPEN)) == 44


def test_a_movement_counts_once() -> None:
    assert on_hand(balances(snapshot(0, row("BOLT", "ATL", 40)), delta(5, 10), delta(5, 10))) == 50


def test_an_older_snapshot_changes_nothing() -> None:
    """Cases I1, I8: the earlier file replayed afterwards."""
    older, newer = snapshot(0, row("BOLT", "ATL", 40)), snapshot(60, row("BOLT", "ATL", 12))
    before = balances(older, newer)
    again = apply(before, older, OPEN)
    assert again.balances == before
    assert not any(one.changed for one in again.rows)


def test_the_sequence_decides_between_statements_of_one_instant() -> None:
    first = snapshot(0, row("BOLT", "ATL", 40), id="a", sequence=1)
    second = snapshot(0, row("BOLT", "ATL", 12), id="b", sequence=2)
    assert on_hand(balances(second, first)) == 12


def test_two_different_statements_of_one_version_are_a_conflict() -> None:
    first, rival = (snapshot(0, row("BOLT", "ATL", count), id=str(count)) for count in (40, 12))
    applied = apply(balances(first), rival, OPEN)
    assert on_hand(applied.balances) == 40
    assert [one.cause for one in applied.findings] == [Cause.STOCK_SAME_INSTANT]


def test_only_rows_with_other_figures_are_changed() -> None:
    before = balances(snapshot(0, row("BOLT", "ATL", 40), row("NUT", "ATL", 7)))
    applied = apply(before, snapshot(60, row("BOLT", "ATL", 39), row("NUT", "ATL", 7)), OPEN)
    assert {one.key: one.changed for one in applied.rows} == {"BOLT|ATL": True, "NUT|ATL": False}
    assert applied.balances.rows["NUT|ATL"].moved_at() == at(60)


def test_an_unchanged_line_need_not_be_decoded() -> None:
    """It states what the row's base states: it is not absent, it is as new as its file, and movements are inside it."""
    lines = (row("BOLT", "ATL", 40), row("NUT", "ATL", 7))
    before = balances(snapshot(0, *lines), delta(5, 3, "NUT"))
    short = apply(before, snapshot(60, row("BOLT", "ATL", 39), unchanged=("NUT|ATL",)), GUARDED)
    full = apply(before, snapshot(60, row("BOLT", "ATL", 39), lines[1]), GUARDED)
    assert short.findings == full.findings == ()
    assert on_hand(short.balances, "NUT|ATL") == on_hand(full.balances, "NUT|ATL") == 7
    bases = [found.balances.rows["NUT|ATL"].base for found in (short, full)]
    assert bases[0] is not None
    assert bases[1] is not None
    assert bases[0].version == bases[1].version


@pytest.mark.parametrize(
    ("absence", "state"),
    [(Absence.KEEP, RowState.STATED), (Absence.ZERO, RowState.ABSENT), (Absence.DISCONTINUE, RowState.DISCONTINUED)],
)
def test_absence_means_what_the_layout_says(absence: Absence, state: RowState) -> None:
    """Case I2."""
    full = snapshot(0, row("BOLT", "ATL", 40), row("NUT", "ATL", 7))
    found = balances(full, snapshot(60, row("BOLT", "ATL", 40), absence=absence))
    base = found.rows["NUT|ATL"].base
    assert base is not None
    assert base.state is state
    assert on_hand(found, "NUT|ATL") == (7 if absence is Absence.KEEP else 0)


def test_absence_means_nothing_where_the_snapshot_is_not_complete_or_of_another_warehouse() -> None:
    """Case I2."""
    full = snapshot(0, row("BOLT", "ATL", 40), row("NUT", "RNO", 7))
    assert on_hand(balances(full, snapshot(60, row("BOLT", "ATL", 40), complete=False)), "NUT|RNO") == 7
    assert on_hand(balances(full, snapshot(60, row("BOLT", "ATL", 40), warehouses=("ATL",))), "NUT|RNO") == 7


def test_a_late_old_row_does_not_rise_again() -> None:
    """Case I8: the row was absent in a newer complete statement that came first."""
    found = balances(snapshot(60, row("BOLT", "ATL", 40)), snapshot(0, row("NUT", "ATL", 7)))
    assert on_hand(found, "NUT|ATL") == 0


def test_a_snapshot_that_lost_many_rows_does_not_empty_them() -> None:
    """Case I2: what it lists is applied, what it lacks stays, and a person is asked."""
    full = snapshot(0, *(row(f"S{number}", "ATL", 5) for number in range(10)))
    part = snapshot(60, *(row(f"S{number}", "ATL", 6) for number in range(5)))
    applied = apply(balances(full), part, GUARDED)
    assert [one.cause for one in applied.findings] == [Cause.STOCK_SHRUNK]
    assert on_hand(applied.balances, "S0|ATL") == 6
    assert on_hand(applied.balances, "S9|ATL") == 5
    accepted = apply(applied.balances, part.model_copy(update={"accepted": True}), GUARDED)
    assert accepted.findings == ()
    assert on_hand(accepted.balances, "S9|ATL") == 0


def test_a_snapshot_that_empties_most_rows_is_not_applied() -> None:
    """Case I2."""
    full = snapshot(0, *(row(f"S{number}", "ATL", 5) for number in range(10)))
    empty = snapshot(60, *(row(f"S{number}", "ATL", 0) for number in range(10)))
    applied = apply(balances(full), empty, GUARDED)
    assert [one.cause for one in applied.findings] == [Cause.STOCK_TOO_MANY_ZEROS]
    assert applied.balances == balances(full)
    accepted = apply(applied.balances, empty.model_copy(update={"accepted": True}), GUARDED)
    assert on_hand(accepted.balances, "S0|ATL") == 0


def test_a_snapshot_whose_totals_are_not_proven_is_not_applied() -> None:
    applied = apply(balances(), snapshot(0, row("BOLT", "ATL", 5), proven=False), GUARDED)
    assert [one.cause for one in applied.findings] == [Cause.STOCK_NOT_PROVEN]
    assert applied.balances.rows == {}


def test_a_negative_on_hand_is_kept_and_reported() -> None:
    """Case I5."""
    applied = apply(balances(), snapshot(0, row("BOLT", "ATL", -3)), OPEN)
    assert on_hand(applied.balances) == -3
    assert [one.cause for one in applied.rows[0].findings] == [Cause.STOCK_NEGATIVE]


def test_a_bucket_that_nobody_mapped_is_reported() -> None:
    """Case I10."""
    applied = apply(balances(), snapshot(0, row("BOLT", "ATL", 3, bucket="X9")), OPEN)
    assert [one.cause for one in applied.rows[0].findings] == [Cause.STOCK_BUCKET_UNKNOWN]


def test_a_swing_holds_its_row_until_a_person_confirms_it() -> None:
    """Case I9: only above the limit in per cent and in money, and only this row."""
    values = {"BOLT": Decimal(5), "NUT": Decimal("0.01")}
    first = snapshot(0, row("BOLT", "ATL", 100), row("NUT", "ATL", 100))
    second = snapshot(60, row("BOLT", "ATL", 40), row("NUT", "ATL", 4))
    swung = derive([first, second], SWINGS, values)
    held = swung.rows["BOLT|ATL"].held
    assert held is not None
    assert (held.percent, held.money) == (Decimal("60.00"), Decimal("300.00"))
    assert swung.rows["NUT|ATL"].held is None
    assert on_hand(swung) == 40
    word = Confirmation(
        id="c", sku="BOLT", warehouse="ATL", effective_at=at(60), on_hand=Decimal(40), confirmed_by="ann"
    )
    calm = apply(swung, word, SWINGS, values)
    assert calm.balances.rows["BOLT|ATL"].held is None
    assert [one.changed for one in calm.rows] == [True]
    assert apply(calm.balances, word, SWINGS, values).balances == calm.balances


def test_the_same_swing_in_the_next_export_stays_held_and_its_return_frees_the_row() -> None:
    """Case I9: a wrong feed does not confirm itself by repetition."""
    states = [row("BOLT", "ATL", count) for count in (100, 10, 10, 95)]
    events = [snapshot(60 * hour, one) for hour, one in enumerate(states)]
    assert derive(events[:3], SWINGS).rows["BOLT|ATL"].held is not None
    assert derive(events, SWINGS).rows["BOLT|ATL"].held is None


def test_a_confirmation_of_what_was_never_seen_does_nothing() -> None:
    swung = derive([snapshot(0, row("BOLT", "ATL", 100)), snapshot(60, row("BOLT", "ATL", 10))], SWINGS)
    word = Confirmation(
        id="c", sku="BOLT", warehouse="ATL", effective_at=at(99), on_hand=Decimal(10), confirmed_by="ann"
    )
    assert apply(swung, word, SWINGS).balances == swung
    assert apply(swung, word.model_copy(update={"sku": "NUT"}), SWINGS).balances == swung


def test_decoded_rows_of_one_item_are_gathered_by_bucket() -> None:
    common = {"sku": "BOLT", "warehouse": "ATL", "allocated": Decimal(1), "on_order": Decimal(0)}
    counts = [(Bucket.SELLABLE, 40), (Bucket.DAMAGED, 2), (Bucket.SELLABLE, 5)]
    decoded = [
        (StockRow(on_hand=Decimal(count), bucket=bucket, **common), f"INV line {line}")
        for line, (bucket, count) in enumerate(counts)
    ]
    (gathered,) = snapshot_rows(decoded)
    assert {one.bucket: (one.on_hand, one.allocated) for one in gathered.counts} == {
        "sellable": (45, 2),
        "damaged": (2, 1),
    }
    assert gathered.source == "INV line 0, INV line 1, INV line 2"


def test_what_is_shown_is_never_replaced_by_something_older() -> None:
    """Case I8, outward."""
    shown = Version(at(60), 2)
    assert may_replace(None, shown)
    assert may_replace(shown, shown)
    assert may_replace(shown, Version(at(60), 3))
    assert not may_replace(shown, Version(at(59), 9))
    assert not may_replace(shown, Version(at(60), 1))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        Snapshot.model_validate({**snapshot(0).model_dump(), "effective_at": "2026-11-20T05:00:00"})
