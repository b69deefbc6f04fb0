"""The sample exports against what they are said to hold: two hours of stock, one file of acknowledgements."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.acknowledgements import AcknowledgedLine, AcknowledgementStatus, OrderAcknowledgement
from domain.availability import decide
from domain.demand import LineAcknowledgement, OpenDemand, line_acknowledgements
from domain.promises import Availability, AvailabilityInput, stock_figure
from domain.stock import Bucket, StockRow
from domain.stock_balances import Balances, RowState
from domain.stock_events import Absence, Snapshot, snapshot_rows
from domain.stock_guards import StockPolicy
from domain.stock_ledger import apply, derive
from tests.domain.stock_world import PLAIN, at

POLICY = StockPolicy(version="test")
FIRST, SECOND, ACKS = "INV410R.20261120.0555", "INV410R.20261120.0655", "ORDACK.S000088"
BUCKETS = {"A": Bucket.SELLABLE, "Q": Bucket.QUARANTINED}
STATUSES = {"A": "accepted", "H": "credit_hold", "R": "rejected", "K": "picking", "C": "cancelled"}


@pytest.fixture(scope="module")
def truth(samples: Path) -> Any:
    """What each file says."""
    return json.loads((samples / "truth.json").read_text())


@pytest.fixture(scope="module")
def world(samples: Path) -> Any:
    """Items and orders."""
    return json.loads((samples / "world.json").read_text())


def instant(text: str) -> datetime:
    """An instant as the truth writes it: a local time and its zone."""
    local, zone = text.split(" ")
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))


def stated(truth: Any, name: str) -> Snapshot:
    """One export as an event."""
    rows = [
        (
            StockRow(
                **{field: Decimal(one[field]) for field in ("on_hand", "allocated", "on_order")},
                sku=one["sku"],
                warehouse=one["warehouse"],
                bucket=BUCKETS[one["status"]],
            ),
            f"{name} row {number}",
        )
        for number, one in enumerate(truth[name]["rows"], start=1)
    ]
    return Snapshot(
        id=name,
        effective_at=instant(truth[name]["as_of"]),
        warehouses=("ATL", "RNO", "SCR"),
        complete=True,
        absence=Absence.DISCONTINUE,
        rows=snapshot_rows(rows),
        source=name,
    )


def test_the_second_hour_changes_37_rows_and_two_vanish(truth: Any) -> None:
    """Cases I1, I2: exactly these rows; the guards let both exports pass."""
    before = apply(Balances(), stated(truth, FIRST), POLICY)
    assert len(before.rows) == 156
    after = apply(before.balances, stated(truth, SECOND), POLICY)
    assert before.findings == after.findings == ()
    states = [one.after.base.state for one in after.rows if one.changed and one.after.base]
    assert states.count(RowState.STATED) == truth[SECOND]["changed"] == 37
    gone = {one.key for one in after.rows if one.after.base and one.after.base.state is RowState.DISCONTINUED}
    assert gone == {"|".join(pair) for pair in truth[SECOND]["vanished"]}


def test_the_first_hour_replayed_changes_nothing(truth: Any) -> None:
    """Case I8."""
    first, second = stated(truth, FIRST), stated(truth, SECOND)
    in_order = derive([first, second], POLICY)
    again = apply(in_order, first, POLICY)
    assert again.balances == in_order
    assert not any(one.changed for one in again.rows)
    # The vanished rows come to their end by the late first hour too.
    assert derive([second, first], POLICY.model_copy(update={"zero_percent": None})) == in_order


def demands(world: Any) -> tuple[OpenDemand, ...]:
    """The orders as Salesforce has them, accepted before any export was cut."""
    items = {one["sku"]: one for one in world["items"]}
    found = []
    for order in world["orders"]:
        for line in order["lines"]:
            item = items[line["sku"]]
            factors = {item["base_uom"]: Fraction(1), item["sell_uom"]: Fraction(item["units_per_sell_uom"])}
            found.append(
                OpenDemand(
                    order_number=order["order_no"],
                    line_no=line["line"],
                    sku=line["sku"],
                    warehouse=order["warehouse"],
                    quantity=Decimal(line["quantity"]),
                    uom=line["uom"],
                    factor=factors.get(line["uom"]),
                    accepted_at=at(-6000),
                    version_at=at(-6000),
                )
            )
    return tuple(found)


def acknowledged(truth: Any) -> tuple[LineAcknowledgement, ...]:
    """The acknowledgement file, line by line."""
    said = []
    for order in truth[ACKS]["orders"]:
        lines = [
            AcknowledgedLine(line_no=one["line"], sku="", allocated=one["allocated"], backordered=one["backordered"])
            for one in order.get("lines", [])
        ]
        word = OrderAcknowledgement(
            order_number=order["order_no"],
            status=AcknowledgementStatus(STATUSES[order["status"]]),
            lines=tuple(lines),
        )
        said += line_acknowledgements(word, instant(truth[ACKS]["created_at"]), truth[ACKS]["sequence"], ACKS)
    return tuple(said)


def promised(truth: Any, world: Any, sku: str, warehouse: str) -> Availability:
    """What can be promised five minutes after the first export."""
    row = derive([stated(truth, FIRST)], POLICY).rows[f"{sku}|{warehouse}"]
    return decide(
        AvailabilityInput(
            sku=sku,
            warehouse=warehouse,
            figures=(stock_figure(row, POLICY),),
            demands=demands(world),
            acknowledgements=acknowledged(truth),
            policy=PLAIN,
            at=instant("2026-11-20T06:00:00 America/New_York"),
        )
    )


def test_acknowledged_orders_are_in_the_allocations_and_the_others_are_deducted(truth: Any, world: Any) -> None:
    """Case I4: accepted lines cost nothing more, a credit hold and an unseen order do, a refused one does not."""
    words = {one["order_no"]: one["status"] for one in truth[ACKS]["orders"]}
    stands = {}
    for line in demands(world):
        if f"{line.sku}|{line.warehouse}" in derive([stated(truth, FIRST)], POLICY).rows:
            for one in promised(truth, world, line.sku, line.warehouse or "").standings:
                stands[one.demand.order_number, one.demand.line_no] = one
    assert stands
    for (order, _), stand in stands.items():
        expected = {"A": "covered", "H": "on_hold", None: "unseen"}[words.get(order)]
        for share in ("covered", "on_hold", "unseen", "backordered"):
            assert (getattr(stand, share) > 0) == (share == expected)
