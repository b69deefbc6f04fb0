"""Order acknowledgements: exact on the sample, and a bad one holds its order only."""

from __future__ import annotations

import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.acknowledgements import AcknowledgementStatus, OrderAcknowledgement
from domain.files import Severity

WORDS = {"A": "accepted", "H": "credit_hold", "R": "rejected", "K": "picking", "C": "cancelled"}


@pytest.fixture(scope="module")
def ordack(layouts):
    return layouts.get("ordack")


def build(*rows, head="HDR|ORDACK|000089|2026-11-20 06:40:00", count=None, newline="\r\n"):
    stated = len(rows) + 2 if count is None else count
    return "".join(f"{row}{newline}" for row in [head, *rows, f"END|{stated}"]).encode("cp1252")


ONE = ("ACK|SO700001|A|", "LIN|SO700001|0001|FLB-0191|4|0|", "LIN|SO700001|0002|RCH-0156|1.25|3|12/04/2026")
TWO = ("ACK|SO700002|K|", "LIN|SO700002|0001|FLB-0191|4|0|")
HELD = ("ACK|SO700003|H|CREDIT LIMIT",)


def test_every_acknowledgement_is_as_stated(samples, layouts, read):
    stated = json.loads((samples / "truth.json").read_text("utf-8"))["ORDACK.S000088"]
    path = samples / "ORDACK.S000088"
    layout = layouts.identify("renamed", path.read_bytes())
    assert layout.name == "ordack"
    outcome = read(path, layout)
    assert outcome.codes == []
    assert [OrderAcknowledgement.model_validate(group.payload) for group in outcome.groups] == [
        OrderAcknowledgement.model_validate(
            {
                "order_number": order["order_no"],
                "status": WORDS[order["status"]],
                "reason": group.payload.get("reason"),  # not part of the truth: compared with the bytes below
                "lines": [
                    {
                        "line_no": line["line"],
                        "sku": found.sku,
                        "allocated": line["allocated"],
                        "backordered": line["backordered"],
                        "promise_on": line["promise_on"],
                    }
                    for line, found in zip(order.get("lines", []), lines_of(group), strict=True)
                ],
            }
        )
        for order, group in zip(stated["orders"], outcome.groups, strict=True)
    ]
    rows = [row.split("|") for row in path.read_bytes().decode("cp1252").splitlines()]
    assert [line.sku for group in outcome.groups for line in lines_of(group)] == [r[3] for r in rows if r[0] == "LIN"]
    assert [group.payload.get("reason", "") for group in outcome.groups] == [r[3] for r in rows if r[0] == "ACK"]
    text, zone = stated["created_at"].split()
    assert outcome.summary.created_at == datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    assert outcome.summary.sequence == stated["sequence"]
    assert outcome.summary.totals == {"records": str(stated["records"])}


def lines_of(group):
    return OrderAcknowledgement.model_validate(group.payload).lines


def test_statuses_reasons_and_promises(ordack, read):
    rows = [f"ACK|SO70000{n}|{code}|WHY {code}" for n, code in enumerate(WORDS)]
    outcome = read(build(*rows), ordack)
    found = [OrderAcknowledgement.model_validate(group.payload) for group in outcome.groups]
    assert [one.status for one in found] == list(AcknowledgementStatus)
    assert found[1].reason == "WHY H"
    lines = lines_of(read(build(*ONE), ordack).groups[0])
    assert [line.promise_on for line in lines] == [None, date(2026, 12, 4)]


def test_an_acknowledgement_file_cut_at_any_byte_is_refused(ordack, read):
    """Case F2."""
    content = build(*ONE, *HELD)
    assert len(read(content, ordack).kept) == 2
    for cut in range(len(content)):
        assert read(content[:cut], ordack).summary.refused, cut


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_line_ends_do_not_matter(newline, ordack, read):
    assert len(read(build(*ONE, *TWO, newline=newline), ordack).kept) == 2


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        (("SO700002|K", "SO700002|Z"), "E_CODE", "status"),
        (("ACK|SO700002", "ACK|7"), "E_CODE", "order"),
        (("0001|FLB-0191|4|0|\r\nACK|SO700003", "0001|FLB-0191|x|0|\r\nACK|SO700003"), "E_NUM", "allocated"),
        (("0001|FLB-0191|4|0|\r\nACK|SO700003", "0001|FLB-0191|-4|0|\r\nACK|SO700003"), "E_NUM", "allocated"),
        (
            ("0001|FLB-0191|4|0|\r\nACK|SO700003", "0001|FLB-0191|4|0|13/01/2026\r\nACK|SO700003"),
            "E_DATE",
            "promise_on",
        ),
        (("0001|FLB-0191|4|0|\r\nACK|SO700003", "0001|FLB-0191|4|0\r\nACK|SO700003"), "E_SHORT", None),
        (("0001|FLB-0191|4|0|\r\nACK|SO700003", "0001|FLB-0191|4|0||\r\nACK|SO700003"), "E_LONG", None),
        (("LIN|SO700002", "LIN|SO700001"), "E_MATCH", "order"),
    ],
)
def test_a_bad_acknowledgement_holds_its_order_only(change, code, field, ordack, read):
    """Case F12: the other orders do not wait for it."""
    content = build(*ONE, *TWO, *HELD).decode("cp1252")
    assert change[0] in content
    outcome = read(content.replace(*change, 1).encode("cp1252"), ordack)
    assert not outcome.summary.refused
    assert [group.payload["order_number"] for group in outcome.groups] == ["SO700001", "SO700003"]
    assert outcome.summary.rejected_group_count == 1
    bad = next(reject for reject in outcome.summary.rejects if reject.code == code)
    assert (bad.field, bad.severity) == (field, Severity.GROUP)


def test_a_line_that_stands_twice_holds_its_order(ordack, read):
    outcome = read(build(*ONE[:2], ONE[1], *HELD), ordack)
    assert outcome.keys == ["SO700003"]
    assert outcome.codes == ["E_DUP"]


@pytest.mark.parametrize("count", [4, 6])
def test_the_count_includes_its_own_line(count, ordack, read):
    """Case F3."""
    assert not read(build(*ONE), ordack).summary.refused
    outcome = read(build(*ONE, count=count), ordack)
    assert outcome.codes == ["E_TOTAL"]
    assert outcome.summary.refused


def test_two_different_answers_for_one_order_refuse_the_file(ordack, read):
    """Case F8: nothing tells which of the two is right."""
    assert read(build(*ONE, "ACK|SO700001|R|NO"), ordack).summary.refused
    outcome = read(build(*HELD, *HELD), ordack)
    assert outcome.keys == ["SO700003"]
    assert outcome.codes == ["W_DUP"]


@pytest.mark.parametrize("rows", [("LIN|SO700001|0001|FLB-0191|4|0|",), ("XXX|1",), (*ONE, "HDR|ORDACK|000089|")])
def test_records_out_of_place_refuse_the_file(rows, ordack, read):
    outcome = read(build(*rows), ordack)
    assert outcome.summary.refused
    assert set(outcome.codes) & {"E_ORDER", "E_UNKNOWN", "E_MISSING"}


@pytest.mark.parametrize(
    "created",
    ["2026-11-20", "2026-11-20T05:40:00", "2026-11-31 05:40:00", "2026-11-20 05:61:00", "", "2027-03-14 02:30:00"],
)
def test_a_watermark_that_cannot_be_refuses_the_file(created, ordack, read):
    """Case I4: without it nobody knows which orders the ERP had seen."""
    outcome = read(build(*ONE, head=f"HDR|ORDACK|000089|{created}"), ordack)
    assert outcome.summary.refused
    assert outcome.summary.rejects[0].field == "created"
    assert outcome.summary.created_at is None


def test_letters_of_the_code_page(ordack, read):
    outcome = read(build("ACK|SO700003|R|Größe nicht lieferbar"), ordack)
    assert outcome.groups[0].payload["reason"] == "Größe nicht lieferbar"
    damaged = read(build(*HELD, *TWO).replace(b"LIMIT", b"LIM\x81T"), ordack)
    assert damaged.codes == ["E_CHARSET"]
    assert damaged.keys == ["SO700002"]
