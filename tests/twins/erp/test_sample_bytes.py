"""The twin's writers give the sample exports byte for byte, from nothing but the samples' truth and world."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from twins.erp.acknowledgements import AcknowledgedLine, Acknowledgement, Return, write_ordack, write_rtnrcv
from twins.erp.masters import write_cusmst, write_itmmst
from twins.erp.records import read_stated
from twins.erp.shpcnf import read_shipment, shpcnf_truth, write_shpcnf
from twins.erp.stock import Snapshot, inv410r_truth, read_row, write_inv410r
from twins.erp.troubles import Damage, damaged
from twins.erp.world import World
from twins.erp.world_json import world_from_json, world_to_json


@pytest.fixture(scope="module")
def truth(samples: Path) -> dict[str, Any]:
    return json.loads((samples / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def sample_world(samples: Path) -> World:
    return world_from_json(json.loads((samples / "world.json").read_text("utf-8")))


def test_world_json_comes_back_as_it_was(samples: Path, sample_world: World) -> None:
    written = json.dumps(world_to_json(sample_world), ensure_ascii=False, indent=1)
    assert written == (samples / "world.json").read_text("utf-8").rstrip("\n")


@pytest.mark.parametrize(
    ("name", "created"),
    [("SHPCNF.S000417", "2026-11-20T06:42:00"), ("SHPCNF.S000418", "2026-11-20T07:15:00")],
)
def test_shipments_are_written_like_the_sample(samples: Path, truth: dict[str, Any], name: str, created: str) -> None:
    told = truth[name]
    shipments = [read_shipment(shipment) for shipment in told["shipments"]]
    created_at = read_stated(f"{created} America/New_York")
    assert write_shpcnf(told["sequence"], created_at, shipments) == (samples / name).read_bytes()
    again = shpcnf_truth(told["sequence"], created_at, shipments)
    assert again["totals"] == told["totals"]


def test_the_truth_of_a_shipment_file_has_the_shape_of_the_sample(truth: dict[str, Any]) -> None:
    told = truth["SHPCNF.S000417"]
    shipments = [read_shipment(shipment) for shipment in told["shipments"]]
    again = shpcnf_truth(417, read_stated(told["created_at"]), shipments)
    loose = json.loads(json.dumps(told).replace('"freight": "12.50"', '"freight": "12.5"'))  # the sample says both
    assert again == loose


@pytest.mark.parametrize(
    ("damage", "name", "sequence"),
    [
        (Damage.TRUNCATED, "truncated_SHPCNF.S000419", 419),
        (Damage.WRONG_COUNT, "wrong_count_SHPCNF.S000420", 420),
        (Damage.BAD_NUMBER, "bad_number_SHPCNF.S000421", 421),
        (Damage.UNKNOWN_RECORD, "unknown_record_SHPCNF.S000422", 422),
    ],
)
def test_damage_is_done_like_the_sample(
    samples: Path, truth: dict[str, Any], damage: Damage, name: str, sequence: int
) -> None:
    told = truth["SHPCNF.S000417"]
    shipments = [read_shipment(shipment) for shipment in told["shipments"]]
    whole = write_shpcnf(sequence, read_stated(told["created_at"]), shipments)
    assert damaged(whole, damage) == (samples / "damaged" / name).read_bytes()


@pytest.mark.parametrize("name", ["INV410R.20261120.0555", "INV410R.20261120.0655"])
def test_stock_is_printed_like_the_sample(samples: Path, truth: dict[str, Any], name: str) -> None:
    told = truth[name]
    rows = tuple(read_row(row) for row in told["rows"])
    assert write_inv410r(read_stated(told["as_of"]), rows) == (samples / name).read_bytes()
    vanished = tuple((sku, warehouse) for sku, warehouse in told.get("vanished", []))
    snapshot = Snapshot(rows, told.get("changed", 0), vanished, first="changed" not in told)
    assert inv410r_truth(read_stated(told["as_of"]), snapshot) == told


def test_masters_are_written_like_the_samples(samples: Path, sample_world: World) -> None:
    assert write_cusmst(sample_world.customers) == (samples / "CUSMST.TXT").read_bytes()
    assert write_itmmst(sample_world.items) == (samples / "ITMMST.TAB").read_bytes()


def test_acknowledgements_are_written_like_the_sample(
    samples: Path, truth: dict[str, Any], sample_world: World
) -> None:
    told = truth["ORDACK.S000088"]
    skus = {(order.order_no, line.line): line.sku for order in sample_world.orders for line in order.lines}
    orders = [
        Acknowledgement(
            order["order_no"],
            order["status"],
            tuple(
                AcknowledgedLine(
                    line["line"],
                    skus[order["order_no"], line["line"]],
                    Decimal(line["allocated"]),
                    Decimal(line["backordered"]),
                    line["promise_on"],
                )
                for line in order["lines"]
            ),
        )
        for order in told["orders"]
    ]
    written = write_ordack(told["sequence"], read_stated(told["created_at"]), orders)
    assert written == (samples / "ORDACK.S000088").read_bytes()


def test_returns_are_written_like_the_sample(samples: Path, truth: dict[str, Any]) -> None:
    told = truth["RTNRCV.S000009"]
    returns = [
        Return(
            **{
                **goods,
                "quantity": Decimal(goods["quantity"]),
                "received_on": date.fromisoformat(goods["received_on"]),
            }
        )
        for goods in told["returns"]
    ]
    written = write_rtnrcv(told["sequence"], read_stated(told["created_at"]), returns)
    assert written == (samples / "RTNRCV.S000009").read_bytes()
