"""Values as reports print them: thousands commas in whole numbers, month names, day and time in one text."""

from __future__ import annotations

from datetime import date, time

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.erp.codes import FieldProblem
from adapters.erp.decoder import reader_of
from adapters.erp.layout_fields import AnyField
from adapters.erp.raw import LocalMoment

FIELDS = TypeAdapter(AnyField)
MOMENT = {"type": "timestamp", "format": "DD-MON-YY HH:MM:SS", "pivot": "80"}


def read(raw, encoding="cp1252", **spec):
    return reader_of(FIELDS.validate_python(spec), encoding)(raw)


def problem(raw, encoding="cp1252", **spec):
    with pytest.raises(FieldProblem) as caught:
        read(raw, encoding, **spec)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "expected"), [(b"156", 156), (b"1156", 1156), (b"1,156", 1156), (b"27,725,001", 27725001)]
)
def test_whole_numbers_with_and_without_commas(raw, expected):
    value = read(raw, type="int", group=",")
    assert (value, type(value)) == (expected, int)
    assert read(raw, type="decimal", group=",") == expected


@pytest.mark.parametrize(
    ("raw", "at"),
    [(b"11,56", 2), (b",156", 0), (b"1,1564", 1), (b"1,15x", 1), (b"1.5", 1), (b"1,000.5", 1), (b"1_000", 1)],
)
def test_what_is_no_whole_number(raw, at):
    found = problem(raw, type="int", group=",")
    assert (found.code, found.at) == ("E_NUM", at)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"20-NOV-26", date(2026, 11, 20)),
        (b"01-Jan-80", date(1980, 1, 1)),
        (b"29-feb-28", date(2028, 2, 29)),
        (b"31-DEC-79", date(2079, 12, 31)),
    ],
)
def test_dates_with_month_names(raw, expected):
    assert read(raw, type="date", format="DD-MON-YY", pivot="80") == expected


@pytest.mark.parametrize("raw", [b"29-FEB-27", b"20-NOX-26", b"20-11-26", b"2-NOV-26", b"20-NOV-2026", b"20 NOV 26"])
def test_what_is_no_date_with_a_month_name(raw):
    assert problem(raw, type="date", format="DD-MON-YY", pivot="80").code == "E_DATE"


def test_every_month_has_its_name():
    months = [f"{date(2026, n, 1):%b}".upper() for n in range(1, 13)]
    found = [read(f"15-{name}-26".encode(), type="date", format="DD-MON-YY", pivot="80") for name in months]
    assert [day.month for day in found] == list(range(1, 13))


def test_a_day_and_a_time_in_one_text():
    assert read(b"20-NOV-26 05:55:00", **MOMENT) == LocalMoment(date(2026, 11, 20), time(5, 55))
    other = {"type": "timestamp", "format": "YYYYMMDD HHMM", "blank": "null", "null": ["00000000 0000"]}
    assert read(b"20261120 0555", **other) == LocalMoment(date(2026, 11, 20), time(5, 55))
    assert read(b"        ", **other) is None
    assert read(b"00000000 0000", **other) is None
    ebcdic = "2026-11-20 05:55:00".encode("cp037")
    moment = read(ebcdic, "cp037", type="timestamp", format="YYYY-MM-DD HH:MM:SS")
    assert str(moment) == "2026-11-20 05:55:00"


@pytest.mark.parametrize(
    "raw", [b"20-NOV-26", b"20-NOV-26 ", b"20-NOV-26  05:55:00", b"20-NOV-26T05:55:00", b"20-NOV-26 24:00:00"]
)
def test_what_is_no_moment(raw):
    assert problem(raw, **MOMENT).code == "E_DATE"
    assert problem(b"   ", **MOMENT).code == "E_REQUIRED"


@pytest.mark.parametrize(
    "spec",
    [
        {"format": "YYYY-MM-DD"},
        {"format": "HH:MM:SS YYYY-MM-DD"},
        {"format": "DD-MON-YY HH:MM:SS"},
        {"format": "YYYY-MM-DD HH:MM:SS", "pivot": "80"},
    ],
)
def test_formats_that_are_none(spec):
    with pytest.raises(ValidationError):
        FIELDS.validate_python({"type": "timestamp", **spec})
