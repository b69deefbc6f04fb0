"""Print-spool reports as exports: exact values, whole pages in order, and nothing passed over in silence."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.erp.preview import preview
from domain.files import Severity
from domain.stock import Bucket, StockRow

BUCKETS = {"A": Bucket.SELLABLE, "Q": Bucket.QUARANTINED}
NAMES = ["INV410R.20261120.0555", "INV410R.20261120.0655"]


@pytest.fixture
def rows(stock):
    return [stock(f"IT-{n:04}", ("ATL", "RNO", "SCR")[n % 3], n * 137 - 40, n, 50, "AQ"[n % 4 == 3]) for n in range(9)]


@pytest.fixture
def press(printer):
    """Three rows a page: 9 rows are three pages."""
    return printer(page_rows=3)


def refused(outcome, code):
    """The first finding of that code, of a file of which nothing may be used."""
    assert outcome.summary.refused
    assert outcome.kept == []
    assert outcome.summary.accepted_bytes == 0
    return next(reject for reject in outcome.summary.rejects if reject.code == code)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_stock_report_is_as_stated(name, samples, layouts, read):
    """Case I1: thousands commas, trailing minus, the status as a bucket, the instant in company time."""
    stated = json.loads((samples / "truth.json").read_text("utf-8"))[name]
    path = samples / name
    layout = layouts.identify("renamed", path.read_bytes()[:4096])
    assert layout.name == "inv410r"
    outcome = read(path, layout)
    assert outcome.codes == []
    assert [StockRow.model_validate(group.payload) for group in outcome.groups] == [
        StockRow.model_validate(
            {
                "sku": row["sku"],
                "warehouse": row["warehouse"],
                "on_hand": row["on_hand"],
                "allocated": row["allocated"],
                "on_order": row["on_order"],
                "bucket": BUCKETS[row["status"]],
            }
        )
        for row in stated["rows"]
    ]
    assert outcome.keys == [f"{row['sku']}|{row['warehouse']}" for row in stated["rows"]]
    text, zone = stated["as_of"].split()
    as_of = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    assert outcome.summary.created_at == as_of
    assert outcome.summary.created_at.utcoffset() is not None
    total = sum(int(row["on_hand"]) for row in stated["rows"])
    zeros = sum(row["on_hand"] == "0" for row in stated["rows"])
    assert outcome.summary.totals == {
        "rows": str(len(stated["rows"])),
        "on_hand_total": str(total),
        "zero_on_hand": str(zeros),
    }


def test_the_second_sample_differs_from_the_first_as_stated(samples, inv410r, read):
    stated = json.loads((samples / "truth.json").read_text("utf-8"))[NAMES[1]]
    first, second = ({g.key: g.payload for g in read(samples / name, inv410r).groups} for name in NAMES)
    vanished = [tuple(key.split("|")) for key in first if key not in second]
    assert vanished == [tuple(key) for key in stated["vanished"]]
    assert sum(first[key] != second[key] for key in second) == stated["changed"]


def test_rows_name_their_lines_and_bytes(samples, inv410r, read):
    content = (samples / NAMES[0]).read_bytes()
    lines = content.split(b"\n")
    outcome = read(samples / NAMES[0], inv410r)
    for group in outcome.groups:
        assert content[group.byte_from : group.byte_to] == lines[group.line_from - 1] + b"\n"
        assert lines[group.line_from - 1].startswith(group.key.split("|")[0].encode())
    furniture = 4 * 3 + 1  # pages times lines of a heading, and the footer
    assert len(outcome.groups) + furniture == len(lines) - 1


@pytest.fixture
def short(stock, printer):
    """Two pages with three rows."""
    stated = [stock("A-1", "ATL", 1234), stock("A-1", "RNO", -5, 2, 50, "Q"), stock("B-2/Z", "ATL", 0, 1)]
    return printer(page_rows=2).build(stated)


def test_a_report_cut_at_any_byte_is_refused(short, inv410r, read):
    """Case F2: a snapshot that ends early would remove the stock of all that is missing."""
    assert len(read(short, inv410r).kept) == 3
    for cut in range(len(short)):
        assert read(short[:cut], inv410r).summary.refused, cut


@pytest.mark.parametrize(
    ("start", "other"), list(enumerate([0x00, 0x20, 0x31, 0x41, 0x0A, 0x0C, 0x0D, 0x2C, 0x2D, 0x7C, 0x81, 0x39]))
)
def test_a_changed_byte_is_never_silent(start, other, short, inv410r, read):
    """Every byte of the report is hit by three of these."""
    whole = read(short, inv410r)
    for position in range(start % 4, len(short), 4):
        if short[position] == other:
            continue
        outcome = read(short[:position] + bytes([other]) + short[position + 1 :], inv410r)
        same = (outcome.kept, outcome.summary.created_at) == (whole.kept, whole.summary.created_at)
        assert not same or outcome.summary.finding_counts, position
        assert outcome.summary.refused or len(outcome.kept) == 3


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_do_not_matter(newline, rows, printer, inv410r, read):
    outcome = read(printer(page_rows=3, newline=newline).build(rows), inv410r)
    assert len(outcome.kept) == 9
    assert outcome.codes == []


def test_letters_of_the_code_page_stand_in_an_item(stock, press, inv410r, read):
    outcome = read(press.build([stock("GEWÖLBE-Ø90", on_hand=1)]), inv410r)
    assert outcome.groups[0].payload["sku"] == "GEWÖLBE-Ø90"
    content = press.build([stock("GEW-90", on_hand=1)]).replace(b"GEW-90", b"GEW\x8190")
    bad = refused(read(content, inv410r), "E_CHARSET")
    assert (bad.line, bad.column_from, bad.column_to, bad.field) == (4, 4, 4, "sku")


def test_a_page_that_is_missing_is_named(rows, press, inv410r, read):
    pages = press.pages(rows)
    gap = refused(read(press.bind([pages[0], pages[2]]), inv410r), "E_PAGE")
    assert (gap.line, gap.severity) == (7, Severity.FILE)
    assert "is page 3, but page 2 is due" in gap.message
    # the column counts from the form feed on
    assert press.bind(pages[2:]).split(b"\n")[0][gap.column_from - 2 : gap.column_to - 1] == b"3"
    first = read(press.bind(pages[1:]), inv410r)
    assert "is page 2, but page 1 is due" in refused(first, "E_PAGE").message


@pytest.mark.parametrize("order", [(0, 0, 1, 2), (0, 2, 1), (0, 1, 1, 2), (1, 0, 2)])
def test_pages_doubled_or_out_of_order_are_refused(order, rows, press, inv410r, read):
    pages = press.pages(rows)
    refused(read(press.bind([pages[n] for n in order]), inv410r), "E_PAGE")


def test_two_reports_in_one_file_are_refused(rows, press, inv410r, read):
    content = press.build(rows)
    outcome = read(content + b"\x0c" + content, inv410r)
    assert "is page 1, but page 4 is due" in refused(outcome, "E_PAGE").message


def test_a_page_of_another_run_is_refused(rows, press, printer, inv410r, read):
    """The number fits and so do the totals: only the instant of the page tells."""
    pages = press.pages(rows)
    pages[1] = printer(as_of="20-NOV-26 06:55:00", page_rows=3).pages(rows)[1]
    bad = refused(read(press.bind(pages), inv410r), "E_HEADER")
    assert bad.line == 7
    assert "differs from that line of the first page" in bad.message


def test_columns_that_were_exchanged_are_refused_on_every_page(rows, press, inv410r, read):
    content = press.build(rows).replace(b"    ON HAND|  ALLOCATED", b"  ALLOCATED|    ON HAND")
    outcome = read(content, inv410r)
    assert refused(outcome, "E_HEADER").line == 2
    assert outcome.summary.finding_counts["E_HEADER"] == 3
    longer = press.bind(
        [[page[0], page[1], page[2] + "-", *page[3:]] if n else page for n, page in enumerate(press.pages(rows))]
    )
    assert refused(read(longer, inv410r), "E_HEADER").line == 9


def test_a_heading_line_that_is_missing_is_refused(rows, press, inv410r, read):
    for page in range(3):
        for line in range(3):
            pages = press.pages(rows)
            del pages[page][line]
            outcome = read(press.bind(pages), inv410r)
            assert outcome.summary.refused, (page, line)


def test_a_form_feed_that_was_lost_is_refused_unless_that_is_declared(rows, press, inv410r, read):
    content = press.build(rows)
    lost = content.replace(b"\x0c", b"", 1)
    assert "without a form feed" in refused(read(lost, inv410r), "E_PAGE").message
    optional = inv410r.model_copy(
        update={
            "format": inv410r.format.model_copy(
                update={"page": inv410r.format.page.model_copy(update={"form_feed": "optional"})}
            )
        }
    )
    assert len(read(lost, optional).kept) == 9
    assert "where the layout declares none" in refused(read(b"\x0c" + content, inv410r), "E_PAGE").message
    assert len(read(b"\x0c" + content, optional).kept) == 9
    inside = content.replace(b"IT-0001", b"\x0cIT-0001")
    assert refused(read(inside, inv410r), "E_CONTROL").line == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"     9 LINES", b"     8 LINES"), ["states 8", "come to 9"]),
        ((b"TOTAL 4,572", b"TOTAL 4,573"), ["states 4573", "come to 4572"]),
        ((b"TOTAL 4,572", b"TOTAL 4,572-"), ["states -4572"]),
        ((b"       234 |", b"       235 |"), ["come to 4573"]),
        ((b"        40-|", b"        40 |"), ["come to 4652"]),
    ],
)
def test_totals_are_checked(change, words, rows, press, inv410r, read):
    """Case F3."""
    content = press.build(rows)
    assert change[0] in content
    bad = refused(read(content.replace(*change), inv410r), "E_TOTAL")
    assert bad.record_type == "tail"
    for word in words:
        assert word in bad.message


def test_the_footer_is_read_with_and_without_commas(stock, printer, inv410r, read):
    many = [stock(f"IT-{n:04}", on_hand=3) for n in range(1200)]
    for stated in ("{rows} LINES   ON HAND TOTAL {total:,}", "1,200 LINES ON HAND TOTAL 3600"):
        outcome = read(printer(footer=f"*** END OF REPORT {stated}").build(many), inv410r)
        assert outcome.summary.totals["rows"] == "1200"
        assert not outcome.summary.refused
    wrong = read(printer(footer="*** END OF REPORT 12,00 LINES ON HAND TOTAL 3600").build(many), inv410r)
    assert "thousands separators" in refused(wrong, "E_NUM").message
    gone = read(printer(footer="*** END OF REPORT").build(many), inv410r)
    assert refused(gone, "E_UNKNOWN").line == 1200 + 30 * 3 + 1
    assert "E_MISSING" in gone.codes


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ((b"       234 |", b"       2O4 |"), ("E_NUM", "on_hand", 21, 31)),
        ((b"|        2 |", b"|     2,00 |"), ("E_NUM", "allocated", 33, 42)),
        ((b"|        2 |", b"|          |"), ("E_REQUIRED", "allocated", 33, 42)),
        ((b"|SCR|       234", b"|   |       234"), ("E_REQUIRED", "warehouse", 17, 19)),
        ((b"IT-0002", b"       "), ("E_REQUIRED", "sku", 1, 15)),
        ((b"|       50 |Q", b"|       50 |X"), ("E_CODE", "status", 55, 55)),
        ((b"|RNO|        97 ", b"|RNO        97 "), ("E_SHORT", None, 55, 55)),
        ((b"|RNO|        97 ", b"|RNO||       97 "), ("E_LONG", None, 55, 55)),
    ],
)
def test_one_bad_row_refuses_the_snapshot_at_its_columns(change, found, rows, press, inv410r, read):
    """Case F12: a row left out would say that its stock is gone."""
    content = press.build(rows)
    assert change[0] in content
    bad = refused(read(content.replace(*change, 1), inv410r), found[0])
    assert (bad.code, bad.field, bad.column_from, bad.column_to) == found
    assert bad.record_type == "row"


def test_a_line_that_is_nothing_is_unknown(rows, press, inv410r, read):
    pages = press.pages(rows)
    pages[1].insert(4, "SUBTOTAL 17")
    bad = refused(read(press.bind(pages), inv410r), "E_UNKNOWN")
    assert bad.line == 11
    assert "'SUBTOTAL 17'" in bad.message
    blank = press.build(rows).replace(b"IT-0004", b"\nIT-0004")
    assert refused(read(blank, inv410r), "E_UNKNOWN").line == 11
    after = press.build(rows) + b"printed by OPS\n"
    assert refused(read(after, inv410r), "E_UNKNOWN").line == 20


def test_a_row_that_stands_twice_refuses_the_snapshot(stock, press, inv410r, read):
    same = [stock("IT-1", on_hand=2), stock("IT-2"), stock("IT-1", on_hand=2)]
    assert "repeats IT-1 of line 4" in refused(read(press.build(same), inv410r), "E_DUP").message
    other = [stock("IT-1", "ATL"), stock("IT-1", "RNO")]
    assert len(read(press.build(other), inv410r).kept) == 2


def test_an_empty_report_is_valid_only_with_its_footer(press, inv410r, read):
    """Case F13: whether no stock at all can be true is for the guards to say."""
    content = press.build([])
    assert not read(content, inv410r).summary.refused
    assert refused(read(content[: content.index(b"***")], inv410r), "E_MISSING").record_type == "tail"


def test_another_file_is_no_stock_report(samples, inv410r, read, make):
    assert "no inv410r file" in refused(read(samples / "CUSMST.TXT", inv410r), "E_LAYOUT").message
    refused(read(make.build([make.Ship("SH1")]), inv410r), "E_LAYOUT")


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        ("31-NOV-26 05:55:00", "E_DATE"),
        ("20-NOX-26 05:55:00", "E_DATE"),
        ("20-NOV-26 25:55:00", "E_DATE"),
        ("14-MAR-27 02:30:00", "E_DATE"),
    ],
)
def test_an_instant_that_cannot_be_refuses_the_report(as_of, code, rows, printer, inv410r, read):
    bad = refused(read(printer(as_of=as_of).build(rows), inv410r), code)
    assert (bad.line, bad.field) == (1, "as_of")


@pytest.mark.parametrize(
    ("as_of", "instant"),
    [("01-Jul-26 12:00:00", "2026-07-01T16:00:00+00:00"), ("01-NOV-26 01:30:00", "2026-11-01T05:30:00+00:00")],
)
def test_the_instant_is_of_company_time(as_of, instant, rows, printer, inv410r, read):
    """Case F14: of the hour that comes twice the earlier one, with a warning."""
    outcome = read(printer(as_of=as_of).build(rows), inv410r)
    assert outcome.summary.created_at.isoformat() == instant
    assert outcome.codes == (["W_DST"] if "NOV" in as_of else [])


def test_a_preview_shows_records_and_what_is_wrong(samples, inv410r, tmp_path):
    shown = preview(samples / NAMES[0], inv410r, 3)
    assert [row["record"] for row in shown] == ["head", "row", "row"]
    assert shown[0]["values"] == {"as_of": "2026-11-20 05:55:00", "page": 1}
    assert shown[1]["values"]["on_hand"] == "120"
    damaged = tmp_path / "damaged"
    damaged.write_bytes((samples / NAMES[0]).read_bytes().replace(b"|  ALLOCATED", b"|  RESERVED ", 1))
    assert preview(damaged, inv410r, 3)[1]["line"] == 2
