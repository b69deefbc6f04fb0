"""Whatever is written reads back to the same values; whatever cannot is refused, never changed in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from adapters.erp.decoder import reader_of
from adapters.erp.encoder import writer_of
from adapters.erp.layout_fields import AnyField
from adapters.erp.raw import LocalMoment
from adapters.erp.writer import FileWriter, Unwritable
from adapters.erp.written_numbers import Misfit
from domain.order_messages import OrderAction, OrderMessage, OrderMessageLine
from twins.erp.ordimp import read_ordimp

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELD: TypeAdapter[Any] = TypeAdapter(AnyField)
DAYS = st.dates(date(1900, 1, 1), date(2899, 12, 31))

LINES = st.builds(
    OrderMessageLine,
    line_no=st.integers(1, 9999),
    sku=st.from_regex(r"[A-Z0-9][A-Z0-9/. -]{0,13}[A-Z0-9]", fullmatch=True),
    quantity=st.decimals(0, "9999999.99", places=2),
    uom=st.sampled_from(["EA", "BX", "CS", "FT"]),
    unit_price=st.decimals("-9999999.9999", "9999999.9999", places=4),
)
MESSAGES = st.builds(
    OrderMessage,
    action=st.sampled_from([OrderAction.ADD, OrderAction.CHANGE]),
    order_number=st.from_regex(r"[A-Z]{2}[0-9]{1,8}", fullmatch=True),
    customer_number=st.from_regex(r"[0-9]{8}", fullmatch=True),
    ordered_on=DAYS,
    requested_on=st.none() | DAYS,
    warehouse=st.from_regex(r"[A-Z]{3}", fullmatch=True),
    purchase_order=st.none() | st.text(max_size=7),
    terms=st.from_regex(r"[A-Z0-9]{1,3}", fullmatch=True),
    lines=st.lists(LINES, min_size=1, max_size=4, unique_by=lambda one: one.line_no).map(tuple),
)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.fixture(scope="module")
def writer(layouts):
    return FileWriter(layouts.get("ordimp"))


@MANY
@given(messages=st.lists(MESSAGES, max_size=4), sequence=st.integers(0, 999999), at=INSTANTS)
def test_orders_read_back_to_the_same_values(messages, sequence, at, writer, read):
    try:
        written = writer.write(messages, sequence, at)
    except Unwritable as error:  # a replacement of several characters may outgrow the field
        assume(error.field != "purchase_order")
        raise

    outcome = read(written.content, writer.layout)

    found = [OrderMessage.model_validate(payload) for payload in outcome.kept]
    changed = {one.key for one in written.replacements}
    assert found == [OrderMessage.model_validate(group) for group in written.groups]
    assert [one.model_copy(update={"purchase_order": None}) for one in found] == [
        one.model_copy(update={"purchase_order": None}) for one in messages
    ]
    for one, given_one in zip(found, messages, strict=True):
        same = (one.purchase_order or "") == (given_one.purchase_order or "")
        assert same or given_one.order_number in changed
    assert (outcome.summary.sequence, outcome.summary.finding_counts) == (sequence, {})
    assert {name: Decimal(value) for name, value in outcome.summary.totals.items()} == {
        name: Decimal(value) for name, value in written.totals.items()
    }
    assert len(read_ordimp(written.content).orders) == len(messages)


NUMBERS = st.fixed_dictionaries(
    {
        "type": st.just("decimal"),
        "scale": st.sampled_from(["0", "2", "4"]),
        "decimal": st.sampled_from(["implied", "point", "comma", "implied_unless_point"]),
        "sign": st.sampled_from(["none", "leading", "trailing", "overpunch_trailing", "overpunch_leading"]),
    }
).map(lambda spec: {**spec, "scale": "0"} if spec["decimal"] in {"point", "comma"} else spec)
VALUES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12) | st.decimals(
    "-99999", "99999", places=2
)


def round_trip(spec: dict[str, Any], value: Any, width: int | None, encoding: str) -> None:
    one = FIELD.validate_python(spec)
    try:
        raw = writer_of(one, encoding, width)(value)
    except Misfit:
        return
    assert width is None or len(raw) == width
    assert reader_of(one, encoding)(raw) == value


@MANY
@given(spec=NUMBERS, value=VALUES, width=st.none() | st.integers(1, 20), encoding=st.sampled_from(["cp1252", "cp037"]))
def test_a_number_of_any_form_reads_back_or_is_refused(spec, value, width, encoding):
    round_trip(spec, value, width, encoding)


@MANY
@given(spec=NUMBERS, units=st.integers(-(10**9), 10**9), encoding=st.sampled_from(["cp1252", "cp037"]))
def test_a_number_that_fits_is_written(spec, units, encoding):
    """So the test above can fail: no number with room for it is refused."""
    units = abs(units) if spec["sign"] == "none" else units
    one = FIELD.validate_python(spec)
    value = Decimal(units).scaleb(-one.scale)

    raw = writer_of(one, encoding, 20)(value)

    assert reader_of(one, encoding)(raw) == value


@MANY
@given(
    form=st.sampled_from(
        ["CYYMMDD", "CYYDDD", "YYYYMMDD", "YYYYDDD", "YYMMDD", "YYDDD", "MM/DD/YYYY", "YYYY-MM-DD", "DD-MON-YY"]
    ),
    day=DAYS,
    encoding=st.sampled_from(["cp1252", "cp037"]),
)
def test_a_day_of_any_form_reads_back_or_is_refused(form, day, encoding):
    short = form in {"YYMMDD", "YYDDD", "DD-MON-YY"}
    round_trip({"type": "date", "format": form, **({"pivot": "60"} if short else {})}, day, None, encoding)
    if not short or 1960 <= day.year < 2060:
        one = FIELD.validate_python({"type": "date", "format": form, **({"pivot": "60"} if short else {})})
        assert writer_of(one, encoding, None)(day)


@MANY
@given(form=st.sampled_from(["HHMMSS", "HHMM", "HH:MM:SS", "HH:MM"]), clock=st.times())
def test_a_time_of_any_form_reads_back_or_is_refused(form, clock):
    round_trip({"type": "time", "format": form}, clock, None, "cp1252")
    whole = clock.replace(microsecond=0, second=clock.second if "SS" in form else 0)
    assert writer_of(FIELD.validate_python({"type": "time", "format": form}), "cp1252", None)(whole)


def test_the_other_kinds_of_fields():
    moment = LocalMoment(date(2026, 11, 20), time(6, 42))
    stamp = FIELD.validate_python({"type": "timestamp", "format": "YYYY-MM-DD HH:MM"})
    assert writer_of(stamp, "cp1252", 16)(moment) == b"2026-11-20 06:42"
    flag = FIELD.validate_python({"type": "bool", "yes": "Y", "no": ["", "N"]})
    assert [writer_of(flag, "cp1252", 1)(value) for value in (True, False)] == [b"Y", b" "]
    right = FIELD.validate_python({"type": "text", "trim": "left"})
    assert writer_of(right, "cp1252", 5)("AB") == b"   AB"
    kept = FIELD.validate_python({"type": "code", "map": {"A": "add"}, "unknown": "keep", "blank": "null"})
    assert [writer_of(kept, "cp1252", 2)(value) for value in ("add", "Q", None)] == [b"A ", b"Q ", b"  "]
    for spec, value in (
        ({"type": "int", "null": "000"}, 0),  # could not be told from no value
        ({"type": "int"}, None),
        ({"type": "text", "trim": "none"}, "A"),
        ({"type": "text", "max_length": "2"}, "ABC"),
        ({"type": "text"}, "A "),
        ({"type": "bool", "yes": "Y", "no": "N"}, None),
    ):
        with pytest.raises(Misfit):
            writer_of(FIELD.validate_python(spec), "cp1252", 3)(value)
