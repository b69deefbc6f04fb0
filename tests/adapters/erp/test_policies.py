"""What a layout may declare beyond the shipped ones: time, masking, short records, groups, the five verbs."""

from __future__ import annotations

import copy
from datetime import date, time

import pytest

from adapters.erp.dates import to_instant
from adapters.erp.layout import Layout
from adapters.erp.preview import preview


@pytest.fixture
def raw(shpcnf):
    return copy.deepcopy(shpcnf.model_dump(mode="json", by_alias=True))


def test_a_time_that_came_twice_is_read_as_declared_with_a_warning(make, shpcnf, read, raw):
    """Case F14: 01:30 on 1 November 2026 was shown twice in New York."""
    content = make.build([make.Ship("SH1", day="1261101", clock="013000")])
    outcome = read(content, shpcnf)
    assert outcome.groups[0].payload["shipped_at"] == "2026-11-01T05:30:00+00:00"
    assert outcome.codes == ["W_DST"]
    warning = outcome.summary.rejects[0]
    assert (warning.line, warning.field, warning.column_from) == (2, "shipped_time", 41)
    raw["layout"]["ambiguous_time"] = "later"
    outcome = read(content, Layout.model_validate(raw))
    assert outcome.groups[0].payload["shipped_at"] == "2026-11-01T06:30:00+00:00"
    raw["layout"]["ambiguous_time"] = "error"
    assert read(content, Layout.model_validate(raw)).codes == ["E_DATE"]


def test_a_time_that_no_clock_showed_holds_its_shipment(make, shpcnf, read, raw):
    """Case F14: 02:30 on 8 March 2026 was skipped in New York."""
    content = make.build([make.Ship("SH1", day="1260308", clock="023000"), make.Ship("SH2")])
    outcome = read(content, shpcnf)
    assert outcome.keys == ["SH2"]
    assert "was skipped in spring" in outcome.summary.rejects[0].message
    raw["layout"]["skipped_time"] = "forward"
    outcome = read(content, Layout.model_validate(raw))
    assert outcome.groups[0].payload["shipped_at"] == "2026-03-08T07:30:00+00:00"


def test_a_header_with_an_impossible_time_refuses_the_file(make, shpcnf, read):
    content = make.build([make.Ship("SH1")], head="H1THWSHPCNF0004231260308023000")
    outcome = read(content, shpcnf)
    assert outcome.summary.refused
    assert outcome.summary.created_at is None


def test_summer_and_winter_time(shpcnf):
    summer, _ = to_instant(date(2026, 7, 1), time(12), shpcnf.zone, shpcnf.layout)
    winter, _ = to_instant(date(2026, 12, 1), time(12), shpcnf.zone, shpcnf.layout)
    assert (summer.hour, winter.hour) == (16, 17)


def test_private_values_are_hidden_in_findings(make, read, raw):
    raw["records"]["ship"]["fields"]["purchase_order"]["pii"] = "mask"
    content = make.build([make.Ship("SH1", purchase_order="PRIVATE\x01", carrier="x")])
    outcome = read(content, Layout.model_validate(raw))
    assert sorted(outcome.codes) == ["E_CODE", "E_CONTROL"]
    for reject in outcome.summary.rejects:
        assert "PRIVATE" not in reject.model_dump_json()


def test_a_private_column_is_hidden_even_where_the_record_cannot_be_cut(layouts, read, samples):
    raw = layouts.get("itmmst").model_dump(mode="json", by_alias=True)
    raw["records"]["item"]["fields"]["description"]["pii"] = "mask"
    content = (samples / "ITMMST.TAB").read_bytes().replace(b'"Hex cap screw L"', b'"Hex cap screw L', 1)
    outcome = read(content, Layout.model_validate(raw))
    assert outcome.codes == ["E_QUOTE"]
    assert "Hex" not in outcome.summary.model_dump_json()


def test_blanks_that_a_transfer_took_away_may_be_declared(make, read, raw, shpcnf):
    content = b"".join(line.rstrip() + b"\r\n" for line in make.build([make.Ship("SH1")]).split(b"\r\n")[:-1])
    assert "E_SHORT" in read(content, shpcnf).codes
    raw["file"]["short_record"] = "pad_trailing_text"
    layout = Layout.model_validate(raw)
    assert read(content, layout).keys == ["SH1"]
    # but never inside a number: the price of line 3 would become another one
    cut = content.replace(b"BX0000047711I\r\n", b"BX00000477\r\n")
    outcome = read(cut, layout)
    assert outcome.summary.refused
    assert "E_SHORT" in outcome.codes


def test_a_group_with_more_records_than_allowed_is_held(make, read, raw):
    raw["on_error"]["max_group_records"] = 4
    ships = [make.Ship("SH1", lines=[make.Line()] * 5), make.Ship("SH2")]
    outcome = read(make.build(ships), Layout.model_validate(raw))
    assert outcome.keys == ["SH2"]
    assert outcome.codes == ["E_SIZE"]


def test_a_warning_check_lets_the_file_pass(make, read, raw):
    raw["checks"][1]["severity"] = "warn"
    content = make.build([make.Ship("SH1")]).replace(b"T900000050000001", b"T900000050000002")
    outcome = read(content, Layout.model_validate(raw))
    assert not outcome.summary.refused
    assert outcome.codes == ["E_TOTAL"]


def test_ignored_records_are_counted_and_skipped(make, read, raw):
    raw["records"]["note"] = {"when": {"at": "1-2", "is": "N1"}, "ignore": "true"}
    content = make.build([make.Ship("SH1")]).replace(b"T90000005", b"T90000006")
    lines = content.split(b"\r\n")
    lines.insert(2, b"N1 a remark".ljust(140))
    outcome = read(b"\r\n".join(lines), Layout.model_validate(raw))
    assert outcome.keys == ["SH1"]
    assert outcome.summary.skipped_bytes == 3 * 142


def test_the_five_verbs(make, read, raw):
    del raw["records"]["ship"]["fields"]["carrier"]["to"]
    del raw["records"]["ship"]["fields"]["tracking"]["to"]
    del raw["records"]["ship"]["fields"]["warehouse"]["to"]
    raw["tables"] = {"sites": {"SCR": "Scranton"}}
    raw["map"] |= {
        "warehouse": {"lookup": "ship.warehouse", "table": "sites"},
        "carrier": {"first_non_blank": ["ship.carrier", "ship.tracking"]},
        "tracking": {"join": ["ship.carrier", "ship.tracking"], "with": ":"},
        "lines[].lot": {"const": "none"},
        "order_number": {"take": "ship.order"},
    }
    del raw["records"]["line"]["fields"]["lot"]["to"]
    layout = Layout.model_validate(raw)
    outcome = read(make.build([make.Ship("SH1", carrier="")]), layout)
    payload = outcome.groups[0].payload
    assert (payload["warehouse"], payload["carrier"], payload["tracking"]) == ("Scranton", "1Z1", "1Z1")
    assert payload["lines"][0]["lot"] == "none"
    unknown = read(make.build([make.Ship("SH1")]).replace(b"SCR", b"RNO"), layout)
    assert unknown.codes == ["E_CODE"]
    assert unknown.summary.rejects[0].field == "warehouse"


def test_a_form_feed_may_be_declared(make, read, raw):
    raw["file"]["form_feed"] = "strip"
    content = make.build([make.Ship("SH1")]).replace(b"S20001", b"\x0cS20001")
    outcome = read(content, Layout.model_validate(raw))
    assert outcome.keys == ["SH1"]


def test_a_preview_shows_values_and_problems(samples, shpcnf, layouts):
    rows = preview(samples / "SHPCNF.S000417", shpcnf, 3)
    assert [row["record"] for row in rows] == ["head", "ship", "line"]
    assert rows[2]["values"]["unit_price"] == "47.7119"
    assert rows[2]["problems"] == []
    bad = preview(samples / "damaged" / "bad_number_SHPCNF.S000421", shpcnf, 3)
    assert bad[2]["problems"] == ["E_NUM columns 22-30: quantity_ordered is not a number"]
    unknown = preview(samples / "damaged" / "unknown_record_SHPCNF.S000422", shpcnf, 4)
    assert unknown[3]["record"] is None
    table = preview(samples / "CUSMST.TXT", layouts.get("cusmst"), 2)
    assert [row["record"] for row in table] == ["header", "customer", "customer"]
    assert table[1]["values"]["name"] == "Brightwater Plumbing Supply"
