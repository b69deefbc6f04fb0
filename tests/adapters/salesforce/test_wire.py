"""Numbers stay exact, keys stay whole, instants stay aware."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote_plus

import pytest

from adapters.salesforce.wire import (
    IN_LIST_BYTES,
    encode,
    in_lists,
    quoted,
    read_decimal,
    read_instant,
    select,
    soql_instant,
)


def test_decimals_become_the_very_same_numbers() -> None:
    body = {"a": Decimal("0.10"), "b": Decimal("1E+3"), "c": [Decimal("123456789012345678.123456789")], "d": None}
    assert encode(body) == '{"a":0.10,"b":1000,"c":[123456789012345678.123456789],"d":null}'


def test_text_and_times_are_json() -> None:
    at = datetime(2026, 11, 25, 20, 5, tzinfo=timezone(timedelta(hours=2)))
    text = encode({"ü\"'": 'a"b\n', "at": at, "on": date(2026, 11, 25), "yes": True})
    expected = {"ü\"'": 'a"b\n', "at": "2026-11-25T18:05:00.000Z", "on": "2026-11-25", "yes": True}
    assert json.loads(text) == expected


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), object(), {1, 2}, datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_is_not_exact_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"value": value})


def test_instants_are_read_and_written_in_utc() -> None:
    at = read_instant("2026-11-25T18:05:59.000+0000")
    assert at == datetime(2026, 11, 25, 18, 5, 59, tzinfo=UTC)
    assert soql_instant(at + timedelta(microseconds=999_000)) == "2026-11-25T18:05:59Z"
    with pytest.raises(ValueError, match="time zone"):
        soql_instant(datetime(2026, 1, 1))  # noqa: DTZ001


def test_numbers_are_read_as_written() -> None:
    assert str(read_decimal(Decimal("4.50"))) == "4.50"
    assert read_decimal(4) == Decimal(4)
    for wrong in (True, "4", None, 4.5):
        with pytest.raises(TypeError):
            read_decimal(wrong)


def test_literals_cannot_break_out() -> None:
    assert quoted("O'Neil\\\n") == "'O\\'Neil\\\\\\n'"
    assert select(["Id", "Name"], "Account", where="Id = 'x'", order_by="Id") == (
        "SELECT Id, Name FROM Account WHERE Id = 'x' ORDER BY Id"
    )


def test_lists_stay_inside_the_limit_and_lose_nothing() -> None:
    values = [f"{number}-{'ü' * 60}" for number in range(450)] + ["again", "again"]
    lists = list(in_lists(values))
    assert all(len(quote_plus(listed)) < IN_LIST_BYTES + 200 for listed in lists)
    assert sum(listed.count("-") for listed in lists) == 450
    assert sum(listed.count("'again'") for listed in lists) == 1
    assert [listed.count(",") + 1 for listed in in_lists(str(n) for n in range(401))] == [200, 200, 1]
    assert list(in_lists([])) == []
