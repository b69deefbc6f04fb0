"""The two sample exports of stock, one hour apart: Salesforce equals the truth, and only what changed is written."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.activities.stock_truth import figures, gone, number, stated, totals
from tests.activities.stockroom import Stockroom, writes

FIRST, SECOND = "INV410R.20261120.0555", "INV410R.20261120.0655"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def truth(samples: Path) -> Any:
    return json.loads((samples / "truth.json").read_text())


@pytest.fixture
def sampled(stockroom: Stockroom, samples: Path) -> Stockroom:
    """Salesforce has the items of the samples, and it is seven in the morning of their day."""
    stockroom.org.control("POST", "/seed", json.loads((samples / "world.json").read_text()))
    stockroom.at = datetime(2026, 11, 20, 7, 0, tzinfo=NEW_YORK)
    return stockroom


def test_two_exports_and_the_first_again(sampled: Stockroom, samples: Path, truth: Any) -> None:
    """Cases I1, I2, I5, I8, I10; features G-F1, G-F3."""
    first, second = ((name, (samples / name).read_bytes()) for name in (FIRST, SECOND))
    assert sampled.export(*first).changed == 156
    with writes(sampled.org) as calls:
        sampled.settle()
    assert len(calls) == 2  # 156 rows of stock and the totals of their items, up to 200 rows a call
    assert figures(sampled.shown().values()) == stated(truth[FIRST])

    said = sampled.export(*second)
    assert (said.changed, said.absent) == (truth[SECOND]["changed"], len(truth[SECOND]["vanished"]))
    with writes(sampled.org) as calls:
        shown = sampled.settle()
    now = sampled.shown()
    expected = {**stated(truth[SECOND]), **gone(truth[SECOND])}
    assert figures(now.values()) == expected
    moved = {key for key, figure in expected.items() if stated(truth[FIRST]).get(key) != figure}
    assert len(moved) == truth[SECOND]["changed"] + len(truth[SECOND]["vanished"])
    assert {key for key, row in now.items() if row["As_Of__c"].startswith("2026-11-20T11:55:00")} == moved
    assert len(calls) == 2
    products = {one["ERP_SKU__c"]: one for one in sampled.shown("Product2", "ERP_SKU__c").values()}
    for sku, total in totals(truth[SECOND]).items():
        assert number(products[sku]["Available_Qty__c"]) == total, sku
    assert shown.refused == 0

    with writes(sampled.org) as calls:
        assert sampled.export(f"again {FIRST}", first[1]).changed == 0
        sampled.settle()
    assert calls == []


def test_the_older_export_comes_after_the_newer_one(sampled: Stockroom, samples: Path, truth: Any) -> None:
    """Cases F7, I8: stored, and inert."""
    sampled.export(SECOND, (samples / SECOND).read_bytes())
    sampled.settle()
    with writes(sampled.org) as calls:
        assert sampled.export(FIRST, (samples / FIRST).read_bytes()).inert
        sampled.settle()
    assert calls == []
    assert figures(sampled.shown().values()) == stated(truth[SECOND])


def test_rows_below_zero_are_work_until_they_are_not(sampled: Stockroom, samples: Path, truth: Any) -> None:
    """Case I5: one piece of work a row, which ends by itself."""
    sampled.export(FIRST, (samples / FIRST).read_bytes())
    assert {one.record_key for one in sampled.work("stock_negative")} == below_zero(truth[FIRST])
    sampled.export(SECOND, (samples / SECOND).read_bytes())
    assert {one.record_key for one in sampled.work("stock_negative")} == below_zero(truth[SECOND])
    assert below_zero(truth[FIRST]) != below_zero(truth[SECOND])


def below_zero(said: Any) -> set[str]:
    return {f"{one['sku']}|{one['warehouse']}" for one in said["rows"] if Decimal(one["on_hand"]) < 0}


def test_a_number_can_say_why(sampled: Stockroom, samples: Path) -> None:
    """Feature G-F4: the words beside the number."""
    sampled.export(FIRST, (samples / FIRST).read_bytes())
    sampled.settle()
    row = sampled.shown()["BVB-0114|ATL"]
    assert row["Basis__c"] == "998 = 1000 on hand at 05:55 - 2 allocated"
    assert row["As_Of__c"].startswith("2026-11-20T10:55:00")
    assert row["Confidence__c"] == "fresh"
