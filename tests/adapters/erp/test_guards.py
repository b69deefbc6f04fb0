"""Guards: a file may be well formed and still not be true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from adapters.erp.guards import check_guards
from adapters.erp.layout import Layout
from adapters.erp.layout_guards import Guards
from domain.errors import Misconfigured
from domain.files import Entity, FileSummary, Severity

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GUARDS = Guards.model_validate(
    {
        "records_vs_last": ["-20%", "+50%"],
        "zero_share": {"of": "row.on_hand", "most": "40%"},
        "as_of_max_age": "36h",
        "as_of_max_ahead": "1h",
    }
)


def summary(groups=100, *, unchanged=0, zeros=10, age=timedelta(hours=1)):
    return FileSummary(
        layout="stock",
        layout_version=1,
        layout_digest="d",
        entity=Entity.INVENTORY_SNAPSHOT,
        created_at=None if age is None else NOW - age,
        byte_count=1,
        record_count=groups,
        group_count=groups,
        unchanged_group_count=unchanged,
        totals={} if zeros is None else {"zero_on_hand": str(zeros)},
    )


def found(file, last=None):
    rejects = check_guards(GUARDS, file, last, NOW)
    for reject in rejects:
        assert (reject.severity, reject.code) == (Severity.FILE, "E_GUARD")
        assert reject.message.endswith(".")
        assert reject.remedy.endswith(".")
    return [reject.message for reject in rejects]


@pytest.mark.parametrize(
    ("here", "passes"), [(79, False), (80, True), (100, True), (150, True), (151, False), (0, False)]
)
def test_the_number_of_records_may_change_so_much(here, passes):
    """Case I2: a snapshot that has shrunk would zero what it lost."""
    messages = found(summary(here, zeros=0), summary(100))
    assert (messages == []) is passes
    assert passes or f"has {here} records and the last accepted one had 100" in messages[0]


def test_records_that_are_passed_over_count():
    assert found(summary(2, unchanged=98), summary(3, unchanged=97)) == []
    assert len(found(summary(2, unchanged=70, zeros=0), summary(3, unchanged=97))) == 1


def test_a_first_file_has_nothing_to_be_compared_with():
    assert found(summary(5, zeros=0)) == []
    assert found(summary(5, zeros=0), summary(0, zeros=0)) == []


@pytest.mark.parametrize(("zeros", "passes"), [(0, True), (40, True), (41, False), (100, False), (None, False)])
def test_not_too_much_may_be_zero(zeros, passes):
    assert (found(summary(100, zeros=zeros)) == []) is passes


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(hours=36), None),
        (timedelta(hours=36, minutes=1), "36 h 1 min ago; 36 h are allowed"),
        (timedelta(hours=-1), None),
        (timedelta(hours=-1, minutes=-1), "1 h 1 min from now"),
        (None, "does not say when it was made"),
    ],
)
def test_the_instant_of_the_export_is_near(age, words):
    messages = found(summary(age=age))
    assert len(messages) == (words is not None)
    assert words is None or words in messages[0]


def test_a_file_may_fail_in_several_ways():
    assert len(found(summary(10, zeros=10, age=timedelta(days=3)), summary(100))) == 3


def test_the_samples_pass_their_guards(samples, inv410r, read):
    first, second = (read(samples / f"INV410R.20261120.{hour}", inv410r).summary for hour in ("0555", "0655"))
    assert check_guards(inv410r.guards, first, None, NOW) == []
    assert check_guards(inv410r.guards, second, first, NOW) == []
    assert check_guards(inv410r.guards, second, first, NOW + timedelta(days=2)) == []  # old is not wrong
    assert len(check_guards(inv410r.guards, second, first, NOW - timedelta(days=2))) == 1


def test_a_whole_report_of_which_half_is_gone_is_caught_by_its_guard(stock, printer, inv410r, read):
    """Its own totals hold: only the last file tells."""
    whole = read(printer().build([stock(f"IT-{n}", on_hand=1) for n in range(100)]), inv410r).summary
    half = read(printer().build([stock(f"IT-{n}", on_hand=1) for n in range(50)]), inv410r).summary
    assert not half.refused
    assert len(check_guards(inv410r.guards, half, whole, NOW)) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[-20%, +50%]", "[-20, +50%]", "guards.records_vs_last.0: '-20' is not a share"),
        ("[-20%, +50%]", "[+20%, +50%]", "guards: `records_vs_last` is the least"),
        ("as_of_max_ahead: 1h", "as_of_max_ahead: 1", "guards.as_of_max_ahead: '1' is not a length of time"),
        (
            "zero_share: {of: row.on_hand",
            "zero_share: {of: row.hand",
            "guards.zero_share.of: there is no field row.hand",
        ),
        ("most: 40%", "most: 140%", "is a share of the groups"),
    ],
)
def test_mistakes_in_guards_are_named(old, new, words, layout_folder, tmp_path):
    text = (layout_folder / "inv410r.yaml").read_text("utf-8")
    assert old in text
    path = tmp_path / "some.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(Misconfigured) as caught:
        Layout.load(path)
    assert words in caught.value.detail


def test_a_snapshot_that_nothing_proves_whole_is_no_layout(layout_folder, tmp_path):
    raw = yaml.load((layout_folder / "inv410r.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    raw["checks"] = raw["checks"][1:]
    path = tmp_path / "some.yaml"
    path.write_text(yaml.safe_dump(raw), "utf-8")
    assert Layout.load(path).guards.records_vs_last is not None
    del raw["guards"]["records_vs_last"]
    path.write_text(yaml.safe_dump(raw), "utf-8")
    with pytest.raises(Misconfigured) as caught:
        Layout.load(path)
    assert "needs a count check, or guards.records_vs_last" in caught.value.detail
