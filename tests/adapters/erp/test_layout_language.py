"""The layout language: what is written is what is meant, and every mistake is named with its place and a remedy."""

from __future__ import annotations

import copy
import re

import pytest
import yaml

from adapters.erp.codes import CODES
from adapters.erp.layout import Layout
from adapters.erp.layouts import Layouts
from adapters.erp.preview import check_layout
from domain.errors import Misconfigured, Missing


@pytest.fixture(scope="module")
def text(layout_folder):
    return (layout_folder / "shpcnf.yaml").read_text("utf-8")


@pytest.fixture
def load(tmp_path):
    def load_text(content):
        path = tmp_path / "some.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")
        return Layout.load(path)

    return load_text


@pytest.fixture
def raw(text):
    return copy.deepcopy(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506 - builds text, lists and dicts only


def refusal(load, content):
    with pytest.raises(Misconfigured) as caught:
        load(content)
    assert caught.value.detail.startswith("some.yaml: ")
    return caught.value.detail


@pytest.mark.parametrize("name", ["shpcnf", "cusmst", "itmmst", "inv410r", "ordack", "rtnrcv", "ordimp"])
def test_the_shipped_layouts_and_their_examples_hold(name, layout_folder):
    assert check_layout(layout_folder / f"{name}.yaml") == []


def test_a_wrong_example_is_found(layout_folder, tmp_path, text):
    path = tmp_path / "some.yaml"
    path.write_text(text.replace("freight: '18.95'", "freight: '18.96'").replace("line: 'S9", "line: 'S8"), "utf-8")
    problems = check_layout(path)
    assert len(problems) == 2
    assert "freight reads as '18.95', not '18.96'" in problems[0]
    assert "is a None record, not a ship_end" in problems[1]
    path.write_text(text[: text.index("examples:")], "utf-8")
    assert len(check_layout(path)) == 5
    assert "give a raw line of head" in check_layout(path)[0]


def test_scalars_stay_text(load, text):
    """YAML's own reading makes `NO` False, `00` 0 and `010` 8."""
    layout = load(text.replace("is: S9", "is: NO").replace("S9SH5504177", "NOSH5504177"))
    assert layout.records["ship_end"].when[0].is_ == "NO"
    layout = load(text.replace("is: S9", "is: 00"))
    assert layout.records["ship_end"].when[0].is_ == "00"


def test_a_key_that_stands_twice_is_an_error(load, text):
    detail = refusal(load, text.replace("  newline: any", "  newline: any\n  newline: lf"))
    assert "'newline' stands twice" in detail
    assert "line " in detail


def test_yaml_that_is_broken_names_its_line(load):
    assert "line 2" in refusal(load, "a: [1\nb: 2")
    assert "starts with `layout:`" in refusal(load, "- a")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("record_bytes: 140", "record_bites: 140", ["file.record_bites", "spelling"]),
        ("record_bytes: 140", "record_bytes: 141", ["records.head: bytes 141-141 are not covered"]),
        ("{at: 31-140, type: filler}", "{at: 32-140, type: filler}", ["records.head: bytes 31-31 are not covered"]),
        ("{at: 31-140, type: filler}", "{at: 30-140, type: filler}", ["records.head.fields.rest: byte 30 belongs"]),
        ("{at: 31-140, type: filler}", "{at: 31-141, type: filler}", ["ends at byte 141"]),
        ("America/New_York   ", "Eastern   ", ["layout.timezone", "IANA"]),
        ("encoding: cp1252", "encoding: cp9999", ["file.encoding", "cp9999"]),
        ("{at: 12-17, type: int}", "{at: 17-12, type: int}", ["records.head.fields.sequence", "is not a position"]),
        ("when: {at: 1-2, is: S9}", "when: {at: 1-2, is: S2}", ["records.ship_end.when: the same as of line"]),
        ("when: {at: 1-2, is: S9}", "when: {at: 1-2, is: S}", ["does not fill 1-2"]),
        ("when: {at: 1-2, is: S9}", "when: {at: 3-4, is: S9}", ["one literal at the same place"]),
        ("equals: tail.records,", "equals: tail.record,", ["checks.0: there is no field tail.record"]),
        ("{count: ship,", "{count: shipp,", ["checks.1.count: shipp is neither"]),
        ("{count: any_record,", "{counts: any_record,", ["checks.0.equals.counts", "spelling"]),
        ("{unique: [line.line_no], ", "{", ["checks.6", "count, sum, hash, unique or equals"]),
        (
            "lines:  {at: 13-16, type: int}",
            "lines:  {at: 13-16, type: int, pii: mask}",
            ["checks.5: ship_end.lines is private"],
        ),
        ("- line 1..n", "- line 1-n", ["structure", "write a name and how often"]),
        (
            "- line 1..n",
            "- lines 1..n",
            ["structure: lines is not one of the records", "records.line: give it a place"],
        ),
        ("unit: shipment", "unit: shipments", ["on_error.unit: shipments"]),
        ("to: warehouse}", "to: depot}", ["map.depot: Shipment has no depot"]),
        ("to: warehouse}", "note: x}", ["nothing gives warehouse"]),
        ("to: unit_price}", "to: price}", ["ShipmentLine has no price"]),
        ("regex: '[A-Z]{2,4}'", "regex: '[A-Z{2,4}'", ["records.ship.fields.carrier", "regular expression"]),
        ("format: CYYMMDD}\n      shipped_time", "format: YYMMDD}\n      shipped_time", ["shipped_on", "pivot"]),
        ("type: code, in: [EA, BX, CS, FT],", "type: code,", ["records.line.fields.uom", "give the codes"]),
        ("type: code, in: [EA, BX, CS, FT],", "type: codes,", ["records.line.fields.uom"]),
        ("scope: shipment}\n  - {count", "scope: order}\n  - {count", ["checks.4.scope: order is not a group"]),
    ],
)
def test_mistakes_are_named_with_their_place(old, new, words, load, text):
    assert old in text
    detail = refusal(load, text.replace(old, new, 1))
    for word in words:
        assert word in detail


def test_every_problem_is_told_at_once(load, text):
    detail = refusal(load, text.replace("encoding: cp1252", "encoding: x").replace("version: 1", "version: 0"))
    assert "file.encoding" in detail
    assert "layout.version" in detail


def test_the_digest_is_of_the_meaning(load, text, raw):
    digest = load(text).digest
    assert load("# another comment\n" + text).digest == digest
    assert load(raw).digest == digest
    raw["examples"] = []
    assert load(raw).digest == digest
    assert load(text.replace("scale: 4", "scale: 3")).digest != digest


def test_length_is_another_way_to_write_a_place(load, text):
    assert load(text.replace("{at: 12-17,", "{at: 12, len: 6,")).digest == load(text).digest


def test_layouts_know_their_names(layouts, layout_folder, tmp_path):
    assert {"cusmst", "itmmst", "shpcnf"} <= set(layouts.names)
    with pytest.raises(Missing, match=r"no layout 'nope'; known are .*cusmst.*shpcnf"):
        layouts.get("nope")
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text((layout_folder / "itmmst.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(Misconfigured, match=r"b\.yaml: another file has the layout id itmmst"):
        Layouts.load(tmp_path)


def test_every_code_is_documented_and_has_a_remedy(layout_folder):
    documented = (layout_folder.parents[1] / "docs" / "reference" / "file-errors.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([EW]_[A-Z]+)` \| ", documented, re.MULTILINE)) >= set(CODES)
    for code in CODES.values():
        assert code.remedy.endswith(".")


def test_every_word_of_the_language_is_documented(layout_folder):
    documented = (layout_folder.parents[1] / "docs" / "reference" / "layouts.md").read_text("utf-8")
    schema = Layout.model_json_schema(by_alias=True)
    parts = [schema, *(part for name, part in schema["$defs"].items() if name != "Node")]
    for word in {word for part in parts for word in part.get("properties", {})}:
        assert re.search(rf"\b{word}\b", documented), word
