"""Passing over what did not change: the same answers, the same proofs, less work."""

from __future__ import annotations

import cProfile
import dataclasses
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.erp.reading import FileReading
from adapters.erp.unchanged import LastFile, skippable


@pytest.fixture(scope="module")
def compare(tmp_path_factory, read):
    """Read a file with and without the one before it; both must say the same but for what was passed over."""
    folder = tmp_path_factory.mktemp("compared")

    def compare_files(before, after, layout, window=512):
        paths = [folder / "before", folder / "after"]
        for path, content in zip(paths, (before, after), strict=True):
            path.write_bytes(content)
        first, plain = read(paths[0], layout), read(paths[1], layout)
        last = LastFile.of(paths[0], layout, first.summary, window)
        reading = FileReading(paths[1], layout, unchanged=last)
        groups = [group for block in reading for group in block]
        return first, plain, groups, reading.summary, last

    return compare_files


def many(stock, count):
    return [
        stock(f"IT-{n // 3:04}", ("ATL", "RNO", "SCR")[n % 3], n * 7 - 9, n % 5, 50, "AQ"[n % 9 == 0])
        for n in range(count)
    ]


def moved(rows, *numbers):
    return [dataclasses.replace(row, on_hand=row.on_hand + 5) if n in numbers else row for n, row in enumerate(rows)]


def test_the_next_hour_of_the_sample_stages_what_changed(samples, inv410r, compare):
    """37 rows changed and 2 vanished, as the truth says; every total is checked as ever."""
    names = ("INV410R.20261120.0555", "INV410R.20261120.0655")
    stated = json.loads((samples / "truth.json").read_text("utf-8"))[names[1]]
    first, plain, groups, summary, last = compare(*((samples / name).read_bytes() for name in names), inv410r)
    before = {group.key: group.payload for group in first.groups}
    assert [g.payload for g in groups] == [g.payload for g in plain.groups if before.get(g.key) != g.payload]
    assert len(groups) == stated["changed"] == summary.group_count
    assert summary.unchanged_group_count == 154 - 37
    assert summary.totals == plain.summary.totals
    assert summary.record_count == plain.summary.record_count
    assert summary.accepted_bytes == plain.summary.accepted_bytes
    assert summary.skipped_bytes == plain.summary.skipped_bytes
    assert summary.created_at == plain.summary.created_at
    vanished = set(last.unmatched()) - {group.key for group in groups}
    assert vanished == {"|".join(key) for key in stated["vanished"]}


def test_the_same_file_again_stages_nothing(stock, printer, inv410r, compare):
    content = printer().build(many(stock, 200))
    _, plain, groups, summary, last = compare(content, content, inv410r)
    assert groups == []
    assert (summary.group_count, summary.unchanged_group_count) == (0, 200)
    assert summary.totals == plain.summary.totals
    assert last.unmatched() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"    90 LINES", b"    91 LINES"), "E_TOTAL"),
        ((b"TOTAL 27,225", b"TOTAL 27,226"), "E_TOTAL"),
        ((b"       180 |", b"       18O |"), "E_NUM"),
        ((b"       180 |", b"       181 |"), "E_TOTAL"),
        ((b"IT-0009        |ATL", b"IT-0008        |ATL"), "E_DUP"),
        ((b"PAGE    2", b"PAGE    3"), "E_PAGE"),
        ((b"|  ALLOCATED", b"|  RESERVED "), "E_HEADER"),
    ],
)
def test_what_is_wrong_is_found_as_without(change, code, stock, printer, inv410r, compare):
    """The totals and keys of rows that are passed over come from the bytes of the new file."""
    before = printer().build(many(stock, 90))
    assert change[0] in before
    after = before.replace(*change, 1)
    _, plain, _, summary, _ = compare(before, after, inv410r)
    assert plain.summary.refused
    assert summary.refused
    assert code in summary.finding_counts
    assert summary.finding_counts == plain.summary.finding_counts
    assert summary.accepted_bytes == 0
    assert summary.quarantined_bytes == plain.summary.quarantined_bytes


def test_a_row_lost_between_known_rows_is_missed_by_the_totals(stock, printer, inv410r, compare):
    rows = many(stock, 90)
    whole = printer().build(rows)
    lost = whole.replace(rows[40].line().encode() + b"\n", b"")
    _, _, _, summary, _ = compare(whole, lost, inv410r)
    assert summary.refused
    assert summary.finding_counts["E_TOTAL"] == 2
    doubled = whole.replace(rows[40].line().encode() + b"\n", (rows[40].line() + "\n").encode() * 2)
    _, _, _, summary, _ = compare(whole, doubled, inv410r)
    assert summary.finding_counts["E_DUP"] == 1
    assert summary.refused


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_gives_the_same_as_reading_all(data, stock, printer, inv410r, compare):
    """Rows changed, removed, added and moved, with a window far smaller than the file."""
    rows = many(stock, 40)
    after = [row for row in rows if data.draw(st.integers(0, 5))]
    after = [dataclasses.replace(r, on_hand=r.on_hand + 1) if not data.draw(st.integers(0, 5)) else r for r in after]
    for number in range(data.draw(st.integers(0, 6))):
        after.insert(data.draw(st.integers(0, len(after))), stock(f"NEW-{number}", on_hand=number))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(after)))
        after = after[at:] + after[:at]
    press = printer(page_rows=7)
    window = data.draw(st.sampled_from([1, 2, 5, 512]))
    first, plain, groups, summary, last = compare(press.build(rows), press.build(after), inv410r, window)
    assert not summary.refused
    assert summary.totals == plain.summary.totals
    assert summary.group_count + summary.unchanged_group_count == len(after)
    assert summary.accepted_bytes == plain.summary.accepted_bytes
    staged = {group.key: group.payload for group in groups}
    before = {group.key: group.payload for group in first.groups}
    here = {group.key: group.payload for group in plain.groups}
    vanished = set(last.unmatched()) - set(staged)
    assert vanished == set(before) - set(here)
    assert {key: value for key, value in (before | staged).items() if key not in vanished} == here
    assert [group.seq for group in groups] == list(range(1, len(groups) + 1))


def test_a_last_file_that_proves_nothing_is_not_used(inv410r, shpcnf, layouts, samples, read):
    path = samples / "INV410R.20261120.0555"
    summary = read(path, inv410r).summary
    assert LastFile.of(path, inv410r, summary) is not None
    assert LastFile.of(path, inv410r, summary.model_copy(update={"layout_digest": "other"})) is None
    assert LastFile.of(path, inv410r, summary.model_copy(update={"refused": True})) is None
    assert LastFile.of(path, inv410r, summary.model_copy(update={"rejected_group_count": 1})) is None
    assert {layout.name: skippable(layout) for layout in layouts} == {
        "inv410r": True,
        "itmmst": True,
        "cusmst": False,  # its columns are found by name: equal bytes need not mean the same
        "rtnrcv": True,
        "ordack": False,  # a unit has several records
        "ordimp": False,
        "shpcnf": False,
    }
    known = LastFile(samples / "SHPCNF.S000417", shpcnf)
    reading = FileReading(samples / "SHPCNF.S000417", shpcnf, unchanged=known)
    assert sum(len(block) for block in reading) == 13
    assert reading.summary.unchanged_group_count == 0


def test_a_delimited_master_is_passed_over_too(samples, layouts, compare):
    before = (samples / "ITMMST.TAB").read_bytes()
    after = before.replace(b"\t39.21\t", b"\t39.22\t", 1).replace(b"\r\n", b"\n")
    _, plain, groups, summary, _ = compare(before, after, layouts.get("itmmst"))
    assert len(groups) == 1
    assert summary.unchanged_group_count == 59
    assert groups[0].payload == next(g.payload for g in plain.groups if g.key == groups[0].key)


def test_a_snapshot_that_hardly_changed_is_less_than_half_the_work(stock, printer, inv410r, tmp_path):
    """Case F15: 2 percent of the rows changed. Calls are counted and not seconds, which a busy machine makes up."""
    rows = [dataclasses.replace(row, on_hand=n * 37 % 400) for n, row in enumerate(many(stock, 6_000))]
    paths = [tmp_path / "before", tmp_path / "after"]
    paths[0].write_bytes(printer().build(rows))
    paths[1].write_bytes(printer(as_of="20-NOV-26 06:55:00").build(moved(rows, *range(7, 6_000, 50))))

    def measured(path, known=None):
        reading = FileReading(path, inv410r, unchanged=known)
        profile = cProfile.Profile()
        staged = profile.runcall(lambda: sum(len(block) for block in reading))
        assert not reading.summary.refused
        return sum(entry.callcount for entry in profile.getstats()) / 6_000, staged, reading.summary

    _, _, summary = measured(paths[0])
    plain, staged, _ = measured(paths[1])
    assert staged == 6_000
    fast, changed, _ = measured(paths[1], LastFile.of(paths[0], inv410r, summary))
    assert changed == 120
    assert plain / fast > 2, f"{plain:.0f} calls a row without the last file, {fast:.0f} with it"


def test_the_last_file_is_compared_in_constant_memory(stock, printer, inv410r, tmp_path):
    """Case F15: a window of lines is held, whatever the size of the file."""
    path = tmp_path / "stock"
    path.write_bytes(printer().build(many(stock, 20_000)))
    known = LastFile(path, inv410r)
    tracemalloc.start()
    try:
        with path.open("rb") as stream:
            hits = sum(known.knows(line.rstrip(b"\n").removeprefix(b"\x0c")) for line in stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert hits > 20_000
    assert peak < 500_000 < path.stat().st_size
