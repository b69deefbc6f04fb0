"""Numbers, dates and texts from bytes: what is read, what is refused, and which byte is at fault."""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from adapters.erp.codes import FieldProblem
from adapters.erp.decoder import reader_of
from adapters.erp.layout_fields import AnyField

FIELDS = TypeAdapter(AnyField)


def reader(encoding="cp1252", **spec):
    return reader_of(FIELDS.validate_python(spec), encoding)


def problem(raw, encoding="cp1252", **spec):
    with pytest.raises(FieldProblem) as caught:
        reader(encoding, **spec)(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "spec", "expected"),
    [
        (b"000000400", {"scale": "2"}, "4.00"),
        (b"0000047711I", {"scale": "4", "sign": "overpunch_trailing"}, "47.7119"),
        (b"00000189E", {"scale": "2", "sign": "overpunch_trailing"}, "18.95"),
        (b"000001{", {"scale": "2", "sign": "overpunch_trailing"}, "0.10"),
        (b"000001}", {"scale": "2", "sign": "overpunch_trailing"}, "-0.10"),
        (b"00012R", {"sign": "overpunch_trailing"}, "-129"),
        (b"J23", {"sign": "overpunch_leading"}, "-123"),
        (b"0012", {"sign": "overpunch_trailing", "plain_positive": "true"}, "12"),
        (b"-12.50", {"decimal": "point", "sign": "leading"}, "-12.50"),
        (b"12.50-", {"decimal": "point", "sign": "trailing"}, "-12.50"),
        (b"12.50 ", {"decimal": "point", "sign": "trailing"}, "12.50"),
        (b"1,234,567", {"decimal": "point", "group": ","}, "1234567"),
        (b"1.234,5", {"decimal": "comma", "group": "."}, "1234.5"),
        (b"12586", {"decimal": "implied_unless_point", "scale": "2"}, "125.86"),
        (b"125.86", {"decimal": "implied_unless_point", "scale": "2"}, "125.86"),
        (b"   42", {"leading_blanks": "true"}, "42"),
        (b"     ", {"blank": "zero"}, "0"),
        (b"9" * 40, {"scale": "4"}, "9" * 36 + "." + "9" * 4),
    ],
)
def test_numbers(raw, spec, expected):
    value = reader(type="decimal", **spec)(raw)
    assert format(value, "f") == expected


@pytest.mark.parametrize(
    ("raw", "spec", "code", "at"),
    [
        (b"00000 4444", {}, "E_NUM", 5),
        (b"000001_234", {}, "E_NUM", 6),
        (b" 12", {}, "E_NUM", 0),
        ("１２".encode(), {}, "E_NUM", 0),
        (b"NaN", {}, "E_NUM", 0),
        (b"1e5", {"decimal": "point"}, "E_NUM", 1),
        (b"12.", {"decimal": "point"}, "E_NUM", None),
        (b".5", {"decimal": "point"}, "E_NUM", None),
        (b"1.2.3", {"decimal": "point"}, "E_NUM", 3),
        (b"-1", {"decimal": "point"}, "E_NUM", 0),
        (b"1,23", {"decimal": "point", "group": ","}, "E_NUM", 1),
        (b"0000018", {"sign": "overpunch_trailing"}, "E_SIGN", 6),
        (b"000001a", {"sign": "overpunch_trailing"}, "E_SIGN", 6),
        (b"00X001{", {"sign": "overpunch_trailing"}, "E_NUM", 2),
        (b"   ", {}, "E_REQUIRED", None),
        (b"9" * 61, {}, "E_NUM", None),
        (b"005", {"min": "6"}, "E_RANGE", None),
        (b"005", {"max": "4.9"}, "E_RANGE", None),
    ],
)
def test_what_is_no_number(raw, spec, code, at):
    """A letter, a blank, another script, `NaN`, `1e5`: nothing that Python would take is taken."""
    found = problem(raw, type="decimal", **spec)
    assert (found.code, found.at) == (code, at)


@given(value=st.integers(-(10**10), 10**10), scale=st.integers(0, 4))
def test_overpunch_reads_what_was_written(value, scale):
    digits = str(abs(value)).zfill(12)
    raw = digits[:-1] + ("{ABCDEFGHI" if value >= 0 else "}JKLMNOPQR")[int(digits[-1])]
    found = reader(type="decimal", scale=str(scale), sign="overpunch_trailing")(raw.encode())
    assert found == Decimal(value).scaleb(-scale)


@given(raw=st.binary(min_size=1, max_size=8))
def test_only_digits_are_digits(raw):
    """The readers accept a whole number exactly when every byte is one of 0 to 9."""
    try:
        value = reader(type="int", blank="null")(raw)
    except FieldProblem:
        assert not raw.isdigit()
    else:
        assert value is None or str(value) == (raw.decode().lstrip("0") or "0")


@pytest.mark.parametrize(
    ("raw", "spec", "expected"),
    [
        (b"1261120", {"format": "CYYMMDD"}, date(2026, 11, 20)),
        (b"0991231", {"format": "CYYMMDD"}, date(1999, 12, 31)),
        (b"098134", {"format": "CYYDDD"}, date(1998, 5, 14)),
        (b"114346", {"format": "CYYDDD"}, date(2014, 12, 12)),
        (b"26100", {"format": "YYDDD", "pivot": "70"}, date(2026, 4, 10)),
        (b"24366", {"format": "YYDDD", "pivot": "70"}, date(2024, 12, 31)),
        (b"69001", {"format": "YYDDD", "pivot": "60"}, date(1969, 1, 1)),
        (b"991231", {"format": "YYMMDD", "pivot": "70"}, date(1999, 12, 31)),
        (b"20240229", {"format": "YYYYMMDD"}, date(2024, 2, 29)),
        (b"2026001", {"format": "YYYYDDD"}, date(2026, 1, 1)),
        (b"11/21/2026", {"format": "MM/DD/YYYY"}, date(2026, 11, 21)),
        (b"2026-11-21", {"format": "YYYY-MM-DD"}, date(2026, 11, 21)),
        (b"0000000", {"format": "CYYMMDD", "null": ["0000000", "9999999"]}, None),
        (b"       ", {"format": "CYYMMDD", "blank": "null"}, None),
    ],
)
def test_dates(raw, spec, expected):
    assert reader(type="date", **spec)(raw) == expected


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        (b"1260230", {"format": "CYYMMDD"}),
        (b"126A120", {"format": "CYYMMDD"}),
        (b"126112", {"format": "CYYMMDD"}),
        (b"26366", {"format": "YYDDD", "pivot": "70"}),
        (b"26000", {"format": "YYDDD", "pivot": "70"}),
        (b"00000000", {"format": "YYYYMMDD"}),
        (b"1/2/2026", {"format": "MM/DD/YYYY"}),
        (b"00010101", {"format": "YYYYMMDD"}),
    ],
)
def test_what_is_no_date(raw, spec):
    assert problem(raw, type="date", **spec).code == "E_DATE"


def test_times():
    assert reader(type="time", format="HHMMSS")(b"235959") == time(23, 59, 59)
    assert reader(type="time", format="HHMM")(b"0705") == time(7, 5)
    assert problem(b"240000", type="time", format="HHMMSS").code == "E_DATE"
    assert problem(b"24:000", type="time", format="HHMMSS").at == 2


def test_texts_are_of_the_code_page_or_an_error_at_their_byte():
    assert reader(type="text")(b"M\xfcller  ") == "Müller"
    assert reader("cp437", type="text")(b"M\x81ller") == "Müller"
    assert reader(type="text")(b"NA") == "NA"
    assert reader(type="text")(b"   ") is None
    assert reader(type="text", trim="none")(b" a ") == " a "
    bad = problem(b"M\x81ller", type="text")
    assert (bad.code, bad.at, bad.only) == ("E_CHARSET", 1, True)
    for control in (0x00, 0x09, 0x0C, 0x1C, 0x7F):
        bad = problem(b"ab" + bytes([control]), type="text")
        assert (bad.code, bad.at) == ("E_CONTROL", 2)
    assert problem(b"M\xfc", "utf-8", type="text").code == "E_CHARSET"
    assert problem("é\x00".encode(), "utf-8", type="text").at == 2
    assert problem(b"  ", type="text", required="true").code == "E_REQUIRED"
    assert problem(b"abc", type="text", max_length="2").code == "E_RANGE"


def test_codes_and_flags():
    codes = {"BO": "backordered"}
    assert reader(type="code", map=codes)(b"BO") == "backordered"
    assert problem(b"XX", type="code", map=codes).code == "E_CODE"
    assert problem(b"  ", type="code", map=codes).code == "E_REQUIRED"
    assert reader(type="code", map=codes, blank="null", unknown="keep")(b"XX") == "XX"
    assert reader(type="code", map=codes, unknown="null")(b"XX") is None
    flag = {"type": "bool", "yes": "Y", "no": ["", "N"]}
    assert [reader(**flag)(raw) for raw in (b"Y", b"N", b" ")] == [True, False, False]
    assert problem(b"y", **flag).code == "E_CODE"


def test_ebcdic_signs_come_from_nibbles():
    spec = {"type": "decimal", "scale": "2", "sign": "overpunch_trailing"}
    assert reader("cp037", **spec)(b"\xf1\xf2\xd3") == Decimal("-1.23")
    assert reader("cp273", **spec)(b"\xf1\xf2\xc0") == Decimal("1.20")  # C0 is a letter in the German code page
    assert problem(b"\xf1\xf2\xf3", "cp037", **spec).code == "E_SIGN"
    assert problem(b"123", "cp037", type="int").code == "E_NUM"


# Real vectors: 20 records of another parser's oracle, each value beside its bytes.
SHARED = Path(__file__).resolve().parents[4] / "shared" / "erp-samples"


def vectors():
    folder = SHARED / "cobrix"
    if not folder.is_dir():
        return
    rows = [line.split("\t") for line in (folder / "test24_fields.tsv").read_text().splitlines()[1:]]
    for line in (folder / "test24_numeric_types.expected.jsonl").read_text().splitlines():
        record = json.loads(line, parse_float=Decimal)
        for name, picture, usage, *_ in rows:
            if name.startswith(("NUM_STR_INT", "NUM_STR_SINT", "NUM_STR_DEC", "NUM_STR_SDEC")) and usage == "DISPLAY":
                yield name, picture, bytes.fromhex(record[f"{name}_debug"]), record.get(name)


def decimals(picture):
    """Implied decimals of a COBOL picture: `9(3)V99` has two."""
    _, _, fraction = picture.partition("V")
    total = 0
    for part in fraction.replace(")", ") ").split():
        head, _, count = part.rstrip(")").partition("(")
        total += len(head) - 1 + int(count) if count else len(head)
    return total


def test_zoned_vectors_of_another_parser():
    found = list(vectors())
    if not found:
        pytest.skip("the folder of real ERP samples is not at hand")
    for name, picture, raw, expected in found:
        spec = {"sign": "overpunch_trailing", "plain_positive": "true"} if picture.startswith("S") else {}
        value = reader("cp037", type="decimal", scale=str(decimals(picture)), **spec)(raw)
        assert value == Decimal(str(expected)), name
    assert len(found) > 900
