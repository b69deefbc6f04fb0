"""What a report may declare beyond the shipped one: regions, carried values, subtotals, places in the line."""

from __future__ import annotations

import copy
import re

import pytest
from pydantic import ValidationError

from adapters.erp.layout import Layout
from adapters.erp.targets import MODELS
from domain.files import Entity

QUANTITY = {"type": "decimal", "decimal": "point", "group": ",", "sign": "trailing", "leading_blanks": "true"}
RAW = {
    "layout": {"id": "stkstat", "version": "1", "entity": "returns", "timezone": "America/Chicago"},
    "intake": {"match": "STKSTAT"},
    "file": {"encoding": "cp437", "newline": "any", "form_feed": "strip", "eof_marker": "1a"},
    "format": {
        "type": "report",
        "page": {
            "starts": r"^STOCK STATUS REPORT .*PAGE +(?P<page>\d+)$",
            "record": "title",
            "headings": ["^ITEM +QTY$", "^-+$"],
            "must_repeat": ["2"],
        },
        "region": {"from": "^SELECTION: ALL WAREHOUSES$", "to": r"^\*+ END OF REPORT$"},
        "carry": {"warehouse": {"regex": r"^WAREHOUSE: +(?P<value>\w{2,4})$"}},
        "ignore": ["^-+$", r"^ *SUBTOTAL", r"^\s*$"],
    },
    "records": {
        "title": {},
        "item": {
            "when": [{"at": "2-2", "regex": r"\S"}, {"at": "20-31", "regex": r"^ *[\d,]+\.\d{2}-? *$"}],
            "fields": {
                "sku": {"at": "2-16", "required": "true", "to": "sku"},
                "qty": {"at": "20-31", **QUANTITY, "to": "qty"},
                "whs": {"carry": "warehouse", "required": "true", "to": "whs"},
            },
        },
        "sub": {
            "when": {"regex": r"^ *TOTAL WAREHOUSE +(?P<qty>\S+)$"},
            "fields": {"qty": {"capture": "qty", **QUANTITY}},
        },
        "tail": {"when": {"regex": r"^\*+ END OF REPORT$"}},
    },
    "structure": ["title 1..1", {"warehouse 0..n": ["item 0..n", "sub 1..1"]}, "tail 1..1"],
    "checks": [{"sum": "item.qty", "equals": "sub.qty", "scope": "warehouse"}],
    "semantics": {"key": ["item.sku", "item.whs"]},
    "on_error": {"unit": "item", "refuse_file": ["E_REQUIRED"]},
}


@pytest.fixture
def raw():
    return copy.deepcopy(RAW)


def item(sku, quantity):
    return f" {sku:<15}   {quantity:>12}"


@pytest.fixture(autouse=True)
def _free_words(monkeypatch):
    """An entity without a model of its own: its paths may be any."""
    monkeypatch.delitem(MODELS, Entity.RETURNS)


def page(number, *lines):
    return [f"STOCK STATUS REPORT 11/20 PAGE {number:>3}", "ITEM   QTY", "-" * 20, *lines]


FIRST = page(
    1,
    "printed for: OPERATIONS",
    "SELECTION: ALL WAREHOUSES",
    "WAREHOUSE: ATL",
    item("A-1", "1,234.50"),
    item("B-2", "3.50-"),
    "",
    "   SUBTOTAL 2 ITEMS",
)
SECOND = page(
    2,
    item("C-3", "1.00"),
    "  TOTAL WAREHOUSE 1,232.00",
    "WAREHOUSE: RNO",
    item("A-1", "7.00"),
    "  TOTAL WAREHOUSE 7.00",
    "*** END OF REPORT",
    "elapsed: 00:12",
)


def spool(*pages, newline="\r\n"):
    return "\x0c".join("".join(f"{line}{newline}" for line in lines) for lines in pages).encode("cp437")


def replaced(lines, old, new):
    """The page with one line changed, or taken out."""
    assert old in lines
    return [new if line == old else line for line in lines if new is not None or line != old]


def test_a_report_with_region_carried_values_and_subtotals(raw, read):
    outcome = read(spool(FIRST, SECOND) + b"\x1a", Layout.model_validate(raw))
    assert outcome.codes == []
    assert [group.payload for group in outcome.groups] == [
        {"sku": "A-1", "qty": "1234.50", "whs": "ATL"},
        {"sku": "B-2", "qty": "-3.50", "whs": "ATL"},
        {"sku": "C-3", "qty": "1.00", "whs": "ATL"},
        {"sku": "A-1", "qty": "7.00", "whs": "RNO"},
    ]
    assert outcome.keys == ["A-1|ATL", "B-2|ATL", "C-3|ATL", "A-1|RNO"]


def test_a_subtotal_that_does_not_hold_refuses_the_file(raw, read):
    wrong = replaced(SECOND, "  TOTAL WAREHOUSE 7.00", "  TOTAL WAREHOUSE 8.00")
    outcome = read(spool(FIRST, wrong), Layout.model_validate(raw))
    assert outcome.codes == ["E_TOTAL"]
    assert outcome.summary.refused
    assert outcome.summary.rejects[0].line == 18


def test_a_carried_value_may_end_with_its_page(raw, read):
    raw["format"]["carry"]["warehouse"]["clears_on"] = "page"
    outcome = read(spool(FIRST, SECOND), Layout.model_validate(raw))
    assert outcome.codes == ["E_REQUIRED", "E_UNPROVEN"]  # no total covers the warehouse
    assert outcome.summary.refused
    assert (outcome.summary.rejects[0].line, outcome.summary.rejects[0].field) == (14, "whs")


def test_a_record_without_the_value_above_it_is_refused(raw, read):
    outcome = read(spool(replaced(FIRST, "WAREHOUSE: ATL", None), SECOND), Layout.model_validate(raw))
    assert set(outcome.codes) == {"E_REQUIRED", "E_UNPROVEN"}
    assert outcome.summary.refused


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("SELECTION: ALL WAREHOUSES", None), "start did not come"),
        (("*** END OF REPORT", None), "end did not come"),
    ],
)
def test_a_region_that_is_not_there_is_missed(change, sentence, raw, read):
    pages = [replaced(lines, *change) if change[0] in lines else lines for lines in (FIRST, SECOND)]
    outcome = read(spool(*pages), Layout.model_validate(raw))
    assert outcome.summary.refused
    assert any(sentence in reject.message for reject in outcome.summary.rejects)


def test_lines_outside_the_region_are_skipped_and_inside_unknown(raw, read):
    layout = Layout.model_validate(raw)
    inside = replaced(FIRST, "", "printed for: OPERATIONS")
    outcome = read(spool(inside, SECOND), layout)
    assert outcome.codes == ["E_UNKNOWN"]
    assert outcome.summary.rejects[0].line == 9
    del raw["format"]["region"]
    outcome = read(spool(FIRST, SECOND), Layout.model_validate(raw))
    assert set(outcome.codes) == {"E_UNKNOWN"}


def test_a_line_that_could_be_two_records_is_unknown(raw, read):
    raw["records"]["sub"]["when"] = {"regex": r"TOTAL WAREHOUSE +(?P<qty>\S+)$|^ B-2.* (?P<other>\S+)$"}
    outcome = read(spool(FIRST, SECOND), Layout.model_validate(raw))
    assert "could be a record of several types: item, sub" in outcome.summary.rejects[0].message
    assert outcome.summary.rejects[0].code == "E_UNKNOWN"


def test_only_texts_reach_past_the_end_of_a_line(raw, read):
    raw["records"]["item"]["fields"]["note"] = {"at": "33-40", "to": "note"}
    layout = Layout.model_validate(raw)
    assert len(read(spool(FIRST, SECOND), layout).kept) == 4
    raw["records"]["item"]["fields"]["note"] = {"at": "33-34", "type": "int", "blank": "null"}
    outcome = read(spool(FIRST, SECOND), Layout.model_validate(raw))
    assert set(outcome.codes) >= {"E_SHORT"}
    assert outcome.groups == []


def test_form_feeds_on_every_page_or_on_none(raw, read):
    raw["format"]["page"]["form_feed"] = "every"
    layout = Layout.model_validate(raw)
    assert read(spool(FIRST, SECOND), layout).codes == ["E_PAGE"]
    assert len(read(b"\x0c" + spool(FIRST, SECOND), layout).kept) == 4
    raw["format"]["page"] |= {"form_feed": "none", "number": "none"}
    layout = Layout.model_validate(raw)
    assert read(spool(FIRST, SECOND), layout).codes == ["E_PAGE"]
    assert len(read(spool(FIRST + SECOND), layout).kept) == 4


def edited(raw, path, value):
    *parents, last = path.split(".")
    place = raw
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return raw


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("file.encoding", "cp037", "file.encoding: a report is read in a code page with ASCII digits"),
        ("file.form_feed", "error", "file.form_feed: a report whose pages may start"),
        ("format.page.record", "titel", "format.page.record: titel is not one of the records"),
        ("format.page.starts", "^STOCK", "needs a group (?P<page>...)"),
        ("format.page.must_repeat", ["4"], "`must_repeat` names the lines [4]"),
        ("format.page.headings", ["^(", "^-"], "not a regular expression"),
        ("format.ignore", ["["], "format.ignore: '[' cannot be searched"),
        ("format.ignore", ["€"], "format.ignore: '€' cannot be searched in cp437"),
        ("format.carry.warehouse.regex", "^W", "needs a group (?P<value>...)"),
        ("records.item.when", None, "records.item.when: say how a line of the report is known"),
        ("records.item.when", {"col": "1", "is": "A"}, "records.item.when: a line of a report is known by `regex`"),
        ("records.title.when", {"regex": "x"}, "records.title.when: leave it out"),
        ("records.item.fields.sku", {"col": "1"}, "records.item.fields.sku: a `col` needs `format.delimiter`"),
        ("records.item.fields.sku", {"at": "1-2", "carry": "warehouse"}, "records.item.fields.sku: give one place"),
        ("records.item.fields.whs", {"carry": "ware"}, "records.item.fields.whs: ware is not in `format.carry`"),
        ("records.sub.fields.qty", {"capture": "q"}, "records.sub.fields.qty: there is no group (?P<q>...)"),
        ("semantics.key", ["item.sku", "sub.qty"], "semantics.key: the fields of a key stand in one record"),
        ("semantics.absence", "zero", "semantics.absence: a file whose gaps mean something"),
    ],
)
def test_mistakes_are_named_with_their_place(path, value, words, raw):
    with pytest.raises(ValidationError, match=re.escape(words)):
        Layout.model_validate(edited(raw, path, value))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("records.head.fields.sequence", {"capture": "x", "type": "int"}, "`capture` and `carry` belong to a report"),
        ("records.head.when", [{"at": "1-2", "regex": "H1"}], "records.head.when: `regex` belongs to a report"),
        ("records.head.when", [{"at": "1-2"}], "give either `is`"),
    ],
)
def test_the_words_of_reports_stay_in_reports(path, value, words, shpcnf):
    raw = copy.deepcopy(shpcnf.model_dump(mode="json", by_alias=True))
    with pytest.raises(ValidationError, match=re.escape(words)):
        Layout.model_validate(edited(raw, path, value))
    assert Layout.model_validate(shpcnf.model_dump(mode="json", by_alias=True)).digest == shpcnf.digest


def test_a_layout_of_a_report_is_written_as_it_is_read(inv410r):
    again = Layout.model_validate(inv410r.model_dump(mode="json", by_alias=True))
    assert again.digest == inv410r.digest
