"""The sample exports read exactly as their truth says."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.customers import Customer
from domain.items import Item
from domain.shipments import LineReason, Shipment

REASONS = {"BO": LineReason.BACKORDERED, "SS": LineReason.SHORT_CLOSED}
ZONE = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def truth(samples: Path) -> dict[str, Any]:
    return json.loads((samples / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def world(samples: Path) -> dict[str, Any]:
    return json.loads((samples / "world.json").read_text("utf-8"))


def expected_shipment(stated: dict[str, Any]) -> Shipment:
    local = datetime.strptime(f"{stated['shipped_on']} {stated['shipped_time']}", "%Y-%m-%d %H%M%S").replace(
        tzinfo=ZONE
    )
    return Shipment.model_validate(
        {
            "number": stated["shipment_no"],
            "order_number": stated["order_no"],
            "customer_number": stated["customer_erp_no"],
            "warehouse": stated["warehouse"],
            "shipped_at": local,
            "carrier": stated["carrier"],
            "tracking": stated["tracking"],
            "freight": stated["freight"],
            "purchase_order": stated["po_no"] or None,
            "lines": [
                {
                    "line_no": line["line"],
                    "sku": line["sku"],
                    "quantity_ordered": line["quantity_ordered"],
                    "quantity_shipped": line["quantity_shipped"],
                    "uom": line["uom"],
                    "unit_price": line["unit_price"],
                    "lot": line.get("lot"),
                    "reason": REASONS[line["reason"]] if line.get("reason") else None,
                }
                for line in stated["lines"]
            ],
        }
    )


@pytest.mark.parametrize("name", ["SHPCNF.S000417", "SHPCNF.S000418"])
def test_every_field_of_the_shipments_is_as_stated(name, samples, truth, layouts, read):
    """Case F10: implied decimals, overpunched signs, CYYMMDD, company time."""
    path = samples / name
    layout = layouts.identify(path.name, path.read_bytes())
    assert layout.name == "shpcnf"
    outcome = read(path, layout)

    stated = truth[name]
    assert not outcome.summary.refused
    assert outcome.summary.finding_counts == {}
    assert [Shipment.model_validate(group.payload) for group in outcome.groups] == [
        expected_shipment(one) for one in stated["shipments"]
    ]
    assert {key: Decimal(value) for key, value in outcome.summary.totals.items()} == {
        key: Decimal(str(value)) for key, value in stated["totals"].items()
    }
    assert outcome.summary.sequence == stated["sequence"]
    if "created_at" in stated:
        text, zone = stated["created_at"].split()
        assert outcome.summary.created_at == datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_groups_name_their_lines_and_bytes(samples, shpcnf, read):
    path = samples / "SHPCNF.S000417"
    content = path.read_bytes()
    outcome = read(path, shpcnf)
    lines = content.split(b"\r\n")
    for seq, group in enumerate(outcome.groups, 1):
        assert group.seq == seq
        records = content[group.byte_from : group.byte_to].split(b"\r\n")[:-1]
        assert records == lines[group.line_from - 1 : group.line_to]
        assert records[0].startswith(b"S1" + group.key.encode())
    assert outcome.summary.skipped_bytes == 2 * 142


def test_every_customer_is_as_in_the_world(samples, world, layouts, read):
    """Code page 1252, blank tax flag = taxable, change date YYDDD."""
    path = samples / "CUSMST.TXT"
    outcome = read(path, layouts.identify("renamed.dat", path.read_bytes()))
    assert not outcome.summary.refused
    rows = [line.split("^") for line in path.read_bytes().decode("cp1252").splitlines()[1:]]
    changed = {row[0]: date(2000 + int(row[-1][:2]), 1, 1).toordinal() + int(row[-1][2:]) - 1 for row in rows}
    expected = [
        Customer.model_validate(
            {
                "number": one["erp_no"],
                "name": one["name"],
                "terms_code": one["terms_code"],
                "credit_limit": one["credit_limit"],
                "tax_exempt": one["tax_exempt"],
                "bill_to": {
                    "line1": one["bill_to"]["line1"],
                    "city": one["bill_to"]["city"],
                    "state": one["bill_to"]["state"],
                    "postal_code": one["bill_to"]["zip"],
                },
                "changed_on": date.fromordinal(changed[one["erp_no"]]),
            }
        )
        for one in world["customers"]
    ]
    found = [Customer.model_validate(group.payload) for group in outcome.groups]
    assert found == expected
    assert len(found) == 25
    assert any(customer.tax_exempt for customer in found)
    assert {"Müller Werkzeuge USA", "Peña Hydraulics"} <= {customer.name for customer in found}


def test_every_item_is_as_in_the_world(samples, world, layouts, read):
    """Tabs, quotes doubled inside quotes, code page 1252."""
    path = samples / "ITMMST.TAB"
    outcome = read(path, layouts.identify(path.name, path.read_bytes()))
    assert not outcome.summary.refused
    found = [Item.model_validate(group.payload) for group in outcome.groups]
    expected = [
        Item.model_validate({**one, "units_per_sell_uom": Fraction(one["units_per_sell_uom"])})
        for one in world["items"]
    ]
    assert found == expected
    assert len(found) == 60
    assert {'Hydraulic hose 3/8" M6', "PVC elbow 90° M8"} <= {item.description for item in found}


def test_content_decides_what_a_file_is_and_a_name_proves_nothing(samples, layouts):
    known = {
        "SHPCNF.S000417": "shpcnf",
        "CUSMST.TXT": "cusmst",
        "ITMMST.TAB": "itmmst",
        "INV410R.20261120.0555": "inv410r",
        "ORDACK.S000088": "ordack",
        "RTNRCV.S000009": "rtnrcv",
    }
    for name, layout in known.items():
        head = (samples / name).read_bytes()[:4096]
        for claimed in (name, "CUSMST.TXT", "SHPCNF.S000001", "x"):
            assert layouts.identify(claimed, head).name == layout
    assert layouts.identify("SHPCNF.S000999", b"").name == "shpcnf"
