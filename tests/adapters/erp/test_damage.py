"""Damaged files: the right place, the right reason, and nothing of them is used."""

from __future__ import annotations

import pytest

from adapters.erp.layout import SameCause
from domain.files import Severity


def only(outcome, code):
    found = [reject for reject in outcome.summary.rejects if reject.code == code]
    assert len(found) == 1, outcome.codes
    return found[0]


def test_a_letter_in_a_number_refuses_the_file(samples, shpcnf, read):
    """Cases F10, F12: the value that no total proves may not be believed, nor the file around it."""
    outcome = read(samples / "damaged" / "bad_number_SHPCNF.S000421", shpcnf)
    assert outcome.summary.refused
    bad = only(outcome, "E_NUM")
    assert (bad.line, bad.column_from, bad.column_to, bad.field) == (3, 22, 30, "quantity_ordered")
    assert (bad.text, bad.group_key, bad.severity) == ("00A0!0400", "SH5504177", Severity.FILE)
    assert "'A' stands in column 24" in bad.message
    assert bad.raw.startswith("S20001FLB-0191")
    reason = only(outcome, "E_UNPROVEN")
    assert (reason.line, reason.field) == (3, "quantity_ordered")
    assert "no control total" in reason.message
    assert "cannot be proven" in reason.message
    assert outcome.groups == []
    assert outcome.summary.accepted_bytes == 0


def test_a_truncated_file_says_where_it_was_cut(samples, shpcnf, read):
    """Case F2."""
    outcome = read(samples / "damaged" / "truncated_SHPCNF.S000419", shpcnf)
    assert outcome.summary.refused
    cut = only(outcome, "E_SHORT")
    assert (cut.line, cut.column_from, cut.column_to) == (41, 95, 140)
    assert "after 94 of 140 bytes" in cut.message
    gone = only(outcome, "E_MISSING")
    assert gone.record_type == "tail"
    assert "41 records" in gone.message
    assert "8 whole groups" in gone.message
    assert "last good line is 40" in gone.message


def test_a_wrong_count_names_the_field_and_both_values(samples, shpcnf, read):
    """Case F3."""
    outcome = read(samples / "damaged" / "wrong_count_SHPCNF.S000420", shpcnf)
    assert outcome.summary.refused
    wrong = only(outcome, "E_TOTAL")
    assert (wrong.line, wrong.column_from, wrong.column_to, wrong.field) == (61, 10, 16, "shipments")
    assert "14" in wrong.message
    assert "13" in wrong.message


def test_an_unknown_record_type_refuses_the_file(samples, shpcnf, read):
    """Case F11."""
    outcome = read(samples / "damaged" / "unknown_record_SHPCNF.S000422", shpcnf)
    assert outcome.summary.refused
    unknown = only(outcome, "E_UNKNOWN")
    assert (unknown.line, unknown.column_from, unknown.column_to) == (4, 1, 140)
    assert "'X7'" in unknown.message


@pytest.mark.parametrize(
    "name",
    [
        "bad_number_SHPCNF.S000421",
        "truncated_SHPCNF.S000419",
        "wrong_count_SHPCNF.S000420",
        "unknown_record_SHPCNF.S000422",
    ],
)
def test_every_finding_helps_a_person(name, samples, shpcnf, read):
    outcome = read(samples / "damaged" / name, shpcnf)
    assert outcome.kept == []
    for reject in outcome.summary.rejects:
        assert reject.message.endswith(".")
        assert reject.remedy.endswith(".")
        assert reject.line


def test_a_wrong_amount_and_a_wrong_hash_are_found(make, shpcnf, read):
    """Case F3: every total is checked, to the cent."""
    content = make.build([make.Ship("SH5504177")])
    assert not read(content, shpcnf).summary.refused
    other_price = content.replace(b"0000047711I", b"0000047811I")
    outcome = read(other_price, shpcnf)
    assert outcome.codes == ["E_TOTAL"]
    assert "209.80" in outcome.summary.rejects[0].message
    outcome = read(content.replace(b"SH5504177", b"SH5504178"), shpcnf)
    assert outcome.codes == ["E_HASH"]


def test_a_value_that_a_total_needs_leaves_the_total_unproven(make, shpcnf, read):
    content = make.build([make.Ship("SH5504177"), make.Ship("SH5504184")])
    damaged = content.replace(b"000000400BX", b"0000O0400BX", 1)
    outcome = read(damaged, shpcnf)
    assert outcome.summary.refused
    assert only(outcome, "E_NUM").field == "quantity_shipped"
    unproven = only(outcome, "E_UNPROVEN")
    assert (unproven.field, unproven.record_type) == ("amount_total", "tail")
    assert "quantity_shipped of line in line 3 cannot be read" in unproven.message
    assert "amount_total" not in outcome.summary.totals


@pytest.mark.parametrize(
    ("ship", "code", "field"),
    [
        ({"carrier": "u1"}, "E_CODE", "carrier"),
        ({"day": "1260231"}, "E_DATE", "shipped_on"),
        ({"clock": "250000"}, "E_DATE", "shipped_time"),
        ({"purchase_order": "A\x00B"}, "E_CONTROL", "purchase_order"),
        ({"stated_lines": 7}, "E_TOTAL", "lines"),
    ],
)
def test_a_wrong_value_holds_its_shipment_only(ship, code, field, make, shpcnf, read):
    """Case F12: the totals still prove the file, so the other shipments go on."""
    ships = [make.Ship("SH1"), make.Ship("SH2", **ship), make.Ship("SH3")]
    outcome = read(make.build(ships), shpcnf)
    assert not outcome.summary.refused
    assert outcome.keys == ["SH1", "SH3"]
    assert (outcome.summary.group_count, outcome.summary.rejected_group_count) == (2, 1)
    assert outcome.summary.quarantined_bytes == 3 * 142
    bad = only(outcome, code)
    assert (bad.field, bad.group_key, bad.severity) == (field, "SH2", Severity.GROUP)


def test_an_unknown_unit_of_measure_holds_its_shipment(make, shpcnf, read):
    outcome = read(make.build([make.Ship("SH1", lines=[make.Line(uom="XX")]), make.Ship("SH2")]), shpcnf)
    assert outcome.keys == ["SH2"]
    assert (only(outcome, "E_CODE").column_from, only(outcome, "E_CODE").column_to) == (40, 41)


def test_a_group_whose_end_names_another_shipment_is_held(make, shpcnf, read):
    content = make.build([make.Ship("SH1"), make.Ship("SH2")]).replace(b"S9SH1 ", b"S9SH9 ")
    outcome = read(content, shpcnf)
    assert outcome.keys == ["SH2"]
    assert "number in line 2 is SH1" in only(outcome, "E_MATCH").message


def test_a_byte_that_the_code_page_does_not_have_is_named(make, shpcnf, read):
    content = make.build([make.Ship("SH1", purchase_order="PO-77")]).replace(b"PO-77", b"PO\x8177")
    bad = only(read(content, shpcnf), "E_CHARSET")
    assert (bad.line, bad.column_from, bad.column_to, bad.field) == (2, 84, 84, "purchase_order")
    assert "81" in bad.message


def test_an_ellipsis_byte_stays_in_its_text_and_splits_nothing(make, shpcnf, read):
    """0x85 is a line end for `str.splitlines` and a letter of code page 1252."""
    outcome = read(make.build([make.Ship("SH1", purchase_order="PO…7")]), shpcnf)
    assert outcome.groups[0].payload["purchase_order"] == "PO…7"


def test_a_filler_that_is_no_longer_blank_is_reported_and_read_on(make, shpcnf, read):
    """Case F11."""
    content = bytearray(make.build([make.Ship("SH1")]))
    content[142 * 2 + 100] = ord("Z")
    outcome = read(bytes(content), shpcnf)
    assert not outcome.summary.refused
    drift = only(outcome, "W_DRIFT")
    assert (drift.line, drift.severity) == (3, Severity.WARNING)
    assert "'Z' stands in column 101" in drift.message


def test_lf_only_reads_the_same(make, shpcnf, read):
    ships = [make.Ship("SH1"), make.Ship("SH2")]
    assert read(make.build(ships, newline="\n"), shpcnf).kept == read(make.build(ships), shpcnf).kept


def test_an_end_of_file_marker_is_declared_and_skipped(make, shpcnf, read):
    content = make.build([make.Ship("SH1")])
    outcome = read(content + b"\x1a", shpcnf)
    assert outcome.keys == ["SH1"]
    assert outcome.summary.skipped_bytes == 2 * 142 + 1
    assert read(content + b"\x1a\r\n", shpcnf).summary.refused


@pytest.mark.parametrize(
    ("after", "code"),
    [(b"\r\n", "E_UNKNOWN"), (b"x", "E_SHORT"), (b"\0" * 512, "E_SHORT"), (b"S9" + b" " * 138 + b"\r\n", "E_ORDER")],
)
def test_bytes_after_the_trailer_refuse_the_file(after, code, make, shpcnf, read):
    outcome = read(make.build([make.Ship("SH1")]) + after, shpcnf)
    assert outcome.summary.refused
    assert code in outcome.codes


def test_two_files_in_one_are_refused(make, shpcnf, read):
    content = make.build([make.Ship("SH1")])
    outcome = read(content + content, shpcnf)
    assert outcome.summary.refused
    assert "E_ORDER" in outcome.codes


def test_a_form_feed_before_a_record_is_named(make, shpcnf, read):
    content = make.build([make.Ship("SH1")])
    bad = only(read(content.replace(b"S9", b"\x0cS9"), shpcnf), "E_CONTROL")
    assert (bad.line, bad.column_from) == (4, 1)


def test_a_long_line_names_the_columns_past_its_end(make, shpcnf, read):
    content = make.build([make.Ship("SH1")]).replace(b"S20001", b"S2 0001")
    outcome = read(content, shpcnf)
    bad = only(outcome, "E_LONG")
    assert (bad.line, bad.column_from, bad.column_to) == (3, 141, 141)
    assert outcome.summary.refused


def test_a_line_without_end_is_refused_in_bounded_memory(make, shpcnf, read):
    content = make.build([make.Ship("SH1")])[:142] + b"S1" + b"x" * 3_000_000
    outcome = read(content, shpcnf)
    assert outcome.summary.refused
    assert len(outcome.summary.rejects[0].raw) <= 2000


def test_an_empty_file_is_refused_and_one_without_shipments_is_not(make, layouts, shpcnf, read):
    """Case F13: empty is valid only with a trailer that says so."""
    for layout in layouts:
        assert read(b"", layout).codes == ["E_EMPTY"]
        assert read(b"", layout).summary.refused
    outcome = read(make.build([]), shpcnf)
    assert not outcome.summary.refused
    assert outcome.groups == []
    header_only = read(b"CUSNO^NAME^TERMS^CRLIM^TAXEX^ADDR1^CITY^ST^ZIP^CHGDT\r\n", layouts.get("cusmst"))
    assert header_only.codes == ["E_EMPTY"]


def test_another_kind_of_file_is_refused_at_its_first_record(samples, layouts, read):
    for name, layout in (("CUSMST.TXT", "shpcnf"), ("SHPCNF.S000417", "cusmst"), ("SHPCNF.S000417", "itmmst")):
        outcome = read(samples / name, layouts.get(layout))
        assert outcome.summary.refused
        assert "E_LAYOUT" in outcome.codes
        assert outcome.kept == []


def test_another_company_is_refused(make, shpcnf, read):
    content = make.build([make.Ship("SH1")]).replace(b"H1THW", b"H1XYZ")
    outcome = read(content, shpcnf)
    assert outcome.summary.refused
    assert (only(outcome, "E_CODE").field, only(outcome, "E_CODE").line) == ("company", 1)


def test_a_shipment_stated_twice_alike_is_taken_once(make, shpcnf, read):
    """Case F8."""
    outcome = read(make.build([make.Ship("SH1"), make.Ship("SH2"), make.Ship("SH1")]), shpcnf)
    assert not outcome.summary.refused
    assert outcome.keys == ["SH1", "SH2"]
    assert only(outcome, "W_DUP").line == 8


def test_a_shipment_stated_twice_differently_refuses_the_file(make, shpcnf, read):
    """Case F8: nothing tells which of the two is right."""
    twice = [make.Ship("SH1"), make.Ship("SH1", freight="1.00")]
    outcome = read(make.build(twice), shpcnf)
    assert outcome.summary.refused
    assert "line 2, but says something else" in only(outcome, "E_DUP").message


def test_a_line_number_that_stands_twice_holds_its_shipment(make, shpcnf, read):
    content = make.build([make.Ship("SH1", lines=[make.Line(), make.Line()]), make.Ship("SH2")])
    outcome = read(content.replace(b"S20002", b"S20001"), shpcnf)
    assert outcome.keys == ["SH2"]
    assert only(outcome, "E_DUP").field == "line_no"


def test_structure_errors_say_what_is_missing(make, shpcnf, read):
    rows = make.build([make.Ship("SH1"), make.Ship("SH2")]).split(b"\r\n")
    del rows[3]
    outcome = read(b"\r\n".join(rows), shpcnf)
    assert outcome.summary.refused  # the trailer counts one record more
    assert "ship_end record of shipment is missing before line 4" in only(outcome, "E_MISSING").message
    rows = make.build([make.Ship("SH1")]).split(b"\r\n")
    outcome = read(b"\r\n".join(rows[1:]), shpcnf)
    assert "head record is missing before line 1" in outcome.summary.rejects[0].message


def test_the_list_of_findings_is_capped_but_every_group_is_counted(make, shpcnf, read):
    ships = [make.Ship(f"SH{number}", carrier="x1", purchase_order="\x01") for number in range(1, 1501)]
    lenient = shpcnf.model_copy(
        update={"on_error": shpcnf.on_error.model_copy(update={"same_cause": SameCause(percent=100)})}
    )
    outcome = read(make.build([*ships, make.Ship("SH9999")]), lenient)
    assert outcome.keys == ["SH9999"]
    assert outcome.summary.finding_counts == {"E_CODE": 1500, "E_CONTROL": 1500}
    assert outcome.summary.rejected_group_count == 1500
    assert len(outcome.summary.rejects) == 1000


def test_many_records_that_fail_alike_are_one_defect_of_the_file(make, shpcnf, read):
    few = [make.Ship(f"SH{number}", carrier="x1" if number <= 19 else "UPSN") for number in range(1, 41)]
    assert not read(make.build(few), shpcnf).summary.refused
    many = [make.Ship(f"SH{number}", carrier="x1" if number <= 20 else "UPSN") for number in range(1, 41)]
    outcome = read(make.build(many), shpcnf)
    assert outcome.summary.refused
    assert only(outcome, "E_PATTERN").message.startswith("20 of 40 ship records fail alike (E_CODE, carrier of ship)")


def test_a_bad_master_line_holds_its_customer_only(samples, layouts, read):
    """Case F12."""
    content = (samples / "CUSMST.TXT").read_bytes()
    damaged = (
        content.replace(b"26111", b"26399").replace(b"5000.00^^8404", b"5O00.00^^8404").replace(b"^26122", b"^26122^x")
    )
    outcome = read(damaged, layouts.get("cusmst"))
    assert not outcome.summary.refused
    assert outcome.summary.rejected_group_count == 3
    assert sorted(outcome.codes) == ["E_DATE", "E_LONG", "E_NUM"]
    assert len(outcome.groups) == 22


def test_columns_of_a_header_are_found_by_name(layouts, read):
    layout = layouts.get("cusmst")
    row = b"NAME^cusno^TERMS^CRLIM^TAXEX^ADDR1^CITY^ST^ZIP^CHGDT\r\nAcme^00040017^N30^^Y^^^^^\r\n"
    outcome = read(row, layout)
    assert outcome.groups[0].payload == {"number": "00040017", "name": "Acme", "terms_code": "N30", "tax_exempt": True}
    lacking = read(row.replace(b"TERMS^", b""), layout)
    assert lacking.codes == ["E_HEADER"]
    assert "TERMS" in lacking.summary.rejects[0].message
    grown = read(row.replace(b"CHGDT", b"CHGDT^FAX"), layout)
    assert grown.codes == ["E_HEADER"]
    assert "FAX" in grown.summary.rejects[0].message
