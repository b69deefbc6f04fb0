"""Returns received: exact on the sample, and a bad receipt is kept back alone (case O12)."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from domain.files import Severity
from domain.returns import ReturnReceipt


@pytest.fixture(scope="module")
def rtnrcv(layouts):
    return layouts.get("rtnrcv")


def build(*rows, head="HDR|RTNRCV|000010|2026-11-22 16:20:00", count=None, newline="\r\n"):
    stated = len(rows) + 2 if count is None else count
    return "".join(f"{row}{newline}" for row in [head, *rows, f"END|{stated}"]).encode("cp1252")


ONE = "RTN|RM9001|SO700310|SH5504177|0001|FLB-0191|1|BX|RESTOCK|11/21/2026"
TWO = "RTN|RM9001|SO700310|SH5504177|0002|FLB-0192|2.5|FT|DAMAGED|11/21/2026"


def test_every_receipt_is_as_stated(samples, layouts, read):
    stated = json.loads((samples / "truth.json").read_text("utf-8"))["RTNRCV.S000009"]
    path = samples / "RTNRCV.S000009"
    layout = layouts.identify("renamed", path.read_bytes())
    assert layout.name == "rtnrcv"

    outcome = read(path, layout)

    assert not outcome.summary.refused
    assert outcome.summary.finding_counts == {}
    assert [ReturnReceipt.model_validate(group.payload) for group in outcome.groups] == [
        ReturnReceipt.model_validate(
            {
                "rma": one["rma"],
                "order_number": one["order_no"],
                "shipment_number": one["shipment_no"],
                "line_no": one["line"],
                "sku": one["sku"],
                "quantity": one["quantity"],
                "uom": one["uom"],
                "condition": one["condition"].lower(),
                "received_on": one["received_on"],
            }
        )
        for one in stated["returns"]
    ]
    assert outcome.summary.sequence == stated["sequence"]
    assert outcome.summary.record_count == stated["records"]
    assert outcome.summary.totals == {"records": str(stated["records"])}
    text, zone = stated["created_at"].split()
    assert outcome.summary.created_at == datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    assert outcome.keys[0] == "RM9001|SH5504177|1"


@pytest.mark.parametrize(
    ("row", "code", "columns"),
    [
        (ONE.replace("RESTOCK", "BROKEN"), "E_CODE", (50, 55)),
        (ONE.replace("|1|BX", "|-1|BX"), "E_NUM", None),
        (ONE.replace("|1|BX", "|1,5|BX"), "E_NUM", None),
        (ONE.replace("11/21/2026", "21/11/2026"), "E_DATE", None),
        (ONE.replace("RM9001", ""), "E_REQUIRED", None),
        (ONE.replace("|0001|", "|0000|"), "E_RANGE", None),
    ],
)
def test_a_bad_receipt_is_kept_back_alone(row, code, columns, rtnrcv, read):
    outcome = read(build(row, TWO), rtnrcv)

    assert outcome.codes == [code]
    [reject] = outcome.summary.rejects
    assert reject.severity is Severity.GROUP
    assert columns is None or (reject.column_from, reject.column_to) == columns
    assert [one["line_no"] for one in outcome.kept] == [2]
    assert outcome.summary.rejected_group_count == 1


def test_a_receipt_that_stands_twice_is_taken_once(rtnrcv, read):
    """F8: word for word; with other content the file is refused, as nothing tells which one is right."""
    outcome = read(build(ONE, ONE), rtnrcv)
    assert len(outcome.kept) == 1
    assert outcome.codes == ["W_DUP"]

    other = read(build(ONE, ONE.replace("|1|BX", "|2|BX")), rtnrcv)
    assert other.summary.refused
    assert other.codes == ["E_DUP"]


def test_a_wrong_count_or_a_cut_file_is_refused(rtnrcv, read):
    """F2, F3."""
    assert read(build(ONE, count=4), rtnrcv).codes == ["E_TOTAL"]
    whole = build(ONE, TWO)
    for cut in range(1, len(whole)):
        assert read(whole[:cut], rtnrcv).summary.refused, cut


def test_a_file_without_returns_is_fine(rtnrcv, read):
    """F13."""
    outcome = read(build(), rtnrcv)
    assert not outcome.summary.refused
    assert outcome.kept == []
