"""What the stand-in's living warehouse writes is read by the shipped layouts, all of it and without a finding."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.acknowledgements import OrderAcknowledgement
from domain.returns import ReturnReceipt
from domain.shipments import Shipment
from tests.twins.erp.town import Town

NOISY = {
    "percent_hold": 15,
    "percent_reject": 10,
    "percent_split": 20,
    "percent_part": 20,
    "percent_short": 15,
    "percent_over": 10,
    "percent_substitute": 10,
    "percent_return": 40,
    "percent_correct": 25,
    "percent_reverse": 10,
    "return_hours": 6,
    "quarantine_warehouse": "QTN",
    "empty_files": True,
    "drop_folder": "",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes, dict[str, Any]]]:
    """Two and a half days of thirty orders."""
    town = Town(tmp_path_factory.mktemp("town"), orders=30, **NOISY).open()
    town.hand_in(*(("A", order) for order in town.books.world().orders))
    town.pass_time(hours=60)
    exports = [town.books.export(row["filename"]) for row in town.books.exports()]
    made = [(export.name, export.content, export.truth) for export in exports if export]
    town.close()
    return made


def test_every_file_is_read_without_a_finding(files, layouts, read):
    kinds = set()
    for name, content, truth in files:
        layout = layouts.identify("renamed.txt", content)
        outcome = read(content, layout)
        assert not outcome.summary.refused
        assert outcome.codes == []
        assert outcome.summary.sequence == truth.get("sequence")
        kinds.add((name, layout.name))
    assert {name.lower() for name, _ in kinds} == {layout for _, layout in kinds}
    assert len(kinds) == 6


def test_shipments_acknowledgements_and_returns_say_what_the_truth_says(files, layouts, read):
    """Cases F9, O1 to O5, O12."""
    counted = {"SHPCNF": 0, "ORDACK": 0, "RTNRCV": 0}
    for name, content, truth in files:
        if name not in counted:
            continue
        found = [group.payload for group in read(content, layouts.get(name.lower())).groups]
        counted[name] += len(found)
        {"SHPCNF": same_shipments, "ORDACK": same_acknowledgements, "RTNRCV": same_returns}[name](found, truth)
    assert min(counted.values()) > 0


def same_shipments(found, truth):
    for payload, told in zip(found, truth["shipments"], strict=True):
        shipment = Shipment.model_validate(payload)
        assert (shipment.number, shipment.freight) == (told["shipment_no"], Decimal(told["freight"]))
        assert [(line.line_no, line.quantity_shipped) for line in shipment.lines] == [
            (line["line"], Decimal(line["quantity_shipped"])) for line in told["lines"]
        ]
        shown = shipment.shipped_at.astimezone(datetime.fromisoformat("2026-11-16T00:00:00-05:00").tzinfo)
        assert f"{shown:%Y-%m-%d %H%M%S}" == f"{told['shipped_on']} {told['shipped_time']}"


def same_acknowledgements(found, truth):
    for payload, told in zip(found, truth["orders"], strict=True):
        order = OrderAcknowledgement.model_validate(payload)
        assert (order.order_number, order.reason or "") == (told["order_no"], told["reason"])
        assert [(line.line_no, line.allocated, line.backordered) for line in order.lines] == [
            (line["line"], Decimal(line["allocated"]), Decimal(line["backordered"])) for line in told["lines"]
        ]


def same_returns(found, truth):
    for payload, told in zip(found, truth["returns"], strict=True):
        receipt = ReturnReceipt.model_validate(payload)
        assert (receipt.rma, receipt.shipment_number, receipt.line_no, receipt.quantity, receipt.sku) == (
            told["rma"], told["shipment_no"], told["line"], Decimal(told["quantity"]), told["sku"],
        )  # fmt: skip
