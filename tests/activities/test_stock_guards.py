"""Exports that cannot be true, and numbers that moved too far: nothing wrong is shown, and a person decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.exceptions import Choice
from domain.stock_rules import StockRules
from tests.activities.stock_exports import T0, export, row
from tests.activities.stock_truth import figures
from tests.activities.stockroom import Stockroom, writes
from tests.build import item

ROWS = tuple(row(f"SKU-{number:03d}") for number in range(20))


@pytest.fixture
def full(stockroom: Stockroom) -> Stockroom:
    """Twenty items in one warehouse, shown in Salesforce."""
    skus = [{"sku": one.sku, "description": one.sku, "list_price": "1", "taxable": True} for one in ROWS]
    stockroom.org.control("POST", "/seed", {"items": skus})
    stockroom.at = T0 + timedelta(minutes=5)
    stockroom.export(*export(0, ROWS))
    stockroom.settle()
    return stockroom


def available(room: Stockroom) -> dict[str, Decimal | None]:
    return {key: figure[2] for key, figure in figures(room.shown().values()).items()}


def test_a_snapshot_that_lost_a_third_of_its_rows_waits(full: Stockroom) -> None:
    """Case I2, features G-A9, G-F9: a person refuses it, and nothing of it was ever applied."""
    work = full.arrive(*export(1, ROWS[:13]))
    stated = full.take(work)
    assert stated.held
    (item_,) = full.work("stock_doubtful")
    assert item_.choices == (Choice.ACCEPT_FILE, Choice.REFUSE_FILE)
    assert "13 records and the last accepted one had 20" in item_.sentence
    with writes(full.org) as calls:
        full.settle()
    assert calls == []
    full.resolve(item_, Choice.REFUSE_FILE)
    assert full.state(work).refused
    assert len(available(full)) == 20


def test_a_person_who_accepts_it_closes_the_missing_rows(full: Stockroom) -> None:
    """Case I2: a warehouse was cleared, and that is true."""
    work = full.arrive(*export(1, ROWS[:13]))
    full.take(work)
    full.resolve(full.work("stock_doubtful")[0], Choice.ACCEPT_FILE)
    stated = full.state(work)
    assert (stated.held, stated.absent) == (False, 7)
    full.settle()
    assert [one for one, number in available(full).items() if number == 0] == [f"{one.sku}|ATL" for one in ROWS[13:]]
    assert full.work("stock_doubtful") == []


def test_a_little_shrinkage_keeps_the_missing_rows_until_somebody_says_so(full: Stockroom) -> None:
    """Case I2: what is listed is applied at once, what is missing stays as it was, with the instant that it has."""
    work = full.arrive(*export(1, [replace(ROWS[0], on_hand=Decimal(7)), *ROWS[1:17]]))
    assert full.take(work).held
    full.at = T0 + timedelta(hours=1, minutes=5)
    full.settle()
    shown = available(full)
    assert (shown["SKU-000|ATL"], shown["SKU-019|ATL"]) == (7, 40)
    (item_,) = full.work("stock_shrunk")
    full.at = T0 + timedelta(hours=2, minutes=20)  # the missing rows are two exports late, the others one
    full.settle()
    words = {key: one["Confidence__c"] for key, one in full.shown().items()}
    assert (words["SKU-001|ATL"], words["SKU-019|ATL"]) == ("aging", "aging")
    full.export(*export(2, [replace(ROWS[0], on_hand=Decimal(7)), *ROWS[1:17]]))
    full.settle()
    words = {key: one["Confidence__c"] for key, one in full.shown().items()}
    assert (words["SKU-001|ATL"], words["SKU-019|ATL"]) == ("fresh", "aging"), "what is left behind goes on ageing"
    full.resolve(item_, Choice.ACCEPT_FILE)
    stated = full.take(work)
    assert (stated.held, stated.absent) == (False, 3)
    full.settle()
    assert available(full)["SKU-019|ATL"] == 0


def test_a_decision_on_an_overtaken_export_leaves_nothing_behind(full: Stockroom) -> None:
    """Cases I2, I8: what a newer export lists again stays, whatever is decided about the gap of an older one."""
    full.at = T0 + timedelta(hours=4)
    gap = full.arrive(*export(1, ROWS[:17]))
    assert full.take(gap).held
    (asked,) = full.work("stock_shrunk")
    assert full.take(full.arrive(*export(2, ROWS[:17] + ROWS[18:]))).held is False  # one row is still missing
    full.resolve(asked, Choice.HANDLED)
    full.take(gap)
    assert full.export(*export(3, ROWS[:17] + ROWS[18:])).absent == 0
    full.settle()
    assert {key for key, number in available(full).items() if number == 0} <= {"SKU-017|ATL"}


def test_a_newer_export_that_is_believed_settles_the_one_that_waits(full: Stockroom) -> None:
    """Case F7: the full copy of the next hour says it all."""
    work = full.arrive(*export(1, ROWS[:13]))
    full.take(work)
    full.at = T0 + timedelta(hours=2, minutes=5)
    assert full.export(*export(2, ROWS)).changed == 0
    stated = full.state(work)
    assert (stated.inert, stated.held) == (True, False)
    assert full.work("stock_doubtful") == []


def test_an_export_that_empties_most_rows_waits(full: Stockroom) -> None:
    """Features G-A9, G-F9: zeros are as dangerous as gaps."""
    some = [replace(one, on_hand=Decimal(0)) for one in ROWS[:7]]
    assert full.take(full.arrive(*export(1, [*some, *ROWS[7:]]))).held is False
    full.at = T0 + timedelta(hours=2)
    empty = [replace(one, on_hand=Decimal(0)) for one in ROWS]
    assert full.take(full.arrive(*export(2, empty))).held
    (item_,) = full.work("stock_doubtful")
    assert "20 of 20 records state zero" in item_.sentence


def test_a_large_swing_is_not_shown_until_it_is_confirmed(full: Stockroom) -> None:
    """Case I9: by its percentage and its worth; what a shipment explains is no swing."""
    rules = StockRules.model_validate({"version": "swing", "swing_percent": "50", "swing_money": "100"})
    full.company = full.company.model_copy(update={"stock": rules})
    full.stock_items(*(item(one.sku, sell_uom="EA", units_per_sell_uom=1, list_price=Decimal(10)) for one in ROWS))
    full.at = T0 + timedelta(hours=2, minutes=5)
    full.export(*export(1, [replace(ROWS[0], on_hand=Decimal(41)), *ROWS[1:]]))  # from now on there is what is agreed
    full.settle()
    full.export(*export(2, [replace(ROWS[0], on_hand=Decimal(4)), *ROWS[1:]]))
    full.settle()
    assert available(full)["SKU-000|ATL"] == 41
    (held,) = full.work("stock_swing")
    assert held.choices == (Choice.CONFIRM_STOCK,)
    assert held.money_at_stake == 370
    full.resolve(held, Choice.CONFIRM_STOCK)
    full.mark(held.record_key.split("|")[0])
    full.settle()
    assert available(full)["SKU-000|ATL"] == 4
    assert full.work("stock_swing") == []
