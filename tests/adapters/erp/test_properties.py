"""What must hold for any damage: never other content by accident, never a silent loss, every byte accounted for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

SLOW_START = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def small(make):
    ships = [
        make.Ship(
            "SH5504177",
            lines=[make.Line(), make.Line(item="RCH-0156", ordered="38.25", shipped="12.5", uom="FT", reason="BO")],
        ),
        make.Ship("SH5504184", freight="0"),
    ]
    return make.build(ships)


def seen(outcome):
    """All that a reader of the outcome can see."""
    return outcome.kept, outcome.summary.sequence, outcome.summary.created_at, outcome.summary.finding_counts


def test_a_shipment_file_cut_at_any_byte_is_refused(small, shpcnf, read):
    """Case F2: a cut line is never a small quantity."""
    whole = read(small, shpcnf)
    assert len(whole.kept) == 2
    for cut in range(len(small)):
        outcome = read(small[:cut], shpcnf)
        assert outcome.summary.refused, cut
        assert outcome.kept == []


@pytest.mark.parametrize(("name", "layout"), [("CUSMST.TXT", "cusmst"), ("ITMMST.TAB", "itmmst")])
def test_a_master_cut_at_any_byte_never_gives_other_content(name, layout, samples, layouts, read):
    """Cut between two lines a master has fewer rows, which removes nothing; cut inside one it is refused."""
    content = b"\r\n".join((samples / name).read_bytes().split(b"\r\n")[:5]) + b"\r\n"
    whole = read(content, layouts.get(layout)).kept
    for cut in range(len(content)):
        outcome = read(content[:cut], layouts.get(layout))
        if content[:cut].endswith(b"\r\n") and outcome.groups:
            assert outcome.kept == whole[: len(outcome.kept)]
        else:
            assert outcome.summary.refused, cut


@pytest.mark.parametrize(("start", "other"), list(enumerate([0x00, 0x20, 0x31, 0x41, 0x0A, 0x0D, 0x81, 0x7B])))
def test_a_changed_byte_is_never_silent(start, other, small, shpcnf, read):
    """Every byte of the file is hit by two of these."""
    whole = seen(read(small, shpcnf))
    for position in range(start % 4, len(small), 4):
        if small[position] == other:
            continue
        outcome = read(small[:position] + bytes([other]) + small[position + 1 :], shpcnf)
        assert seen(outcome) != whole, position
        if not outcome.summary.refused:
            assert len(outcome.groups) + outcome.summary.rejected_group_count == 2


@SLOW_START
@given(data=st.data())
def test_a_changed_byte_of_a_master_is_never_silent(data, samples, layouts, read):
    name, layout = data.draw(st.sampled_from([("CUSMST.TXT", "cusmst"), ("ITMMST.TAB", "itmmst")]))
    content = (samples / name).read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[position]))
    in_header = name == "CUSMST.TXT" and position < content.index(b"\n")
    same_letter = bytes([other]).upper() == content[position : position + 1].upper()
    assume(not (in_header and same_letter))  # names of columns are compared without regard to case
    outcome = read(content[:position] + bytes([other]) + content[position + 1 :], layouts.get(layout))
    assert seen(outcome) != seen(read(content, layouts.get(layout)))


@SLOW_START
@given(data=st.data())
def test_lines_in_any_order_number_and_state_add_up(data, small, shpcnf, read):
    """The reader never raises, and accepted, quarantined and skipped bytes tile the file (checked by `read`)."""
    lines = small.split(b"\r\n")[:-1]
    picked = data.draw(
        st.lists(st.sampled_from([*lines, b"", b"X7", b"S2 1", b"\x1a", b"\x0cS1", b"\xff" * 200]), max_size=25)
    )
    ends = data.draw(
        st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b""]), min_size=len(picked), max_size=len(picked))
    )
    content = b"".join(line + end for line, end in zip(picked, ends, strict=True))
    outcome = read(content, shpcnf)
    if content != small:
        assert outcome.summary.refused or len(outcome.groups) + outcome.summary.rejected_group_count <= 2


@SLOW_START
@given(content=st.binary(max_size=400), name=st.sampled_from(["shpcnf", "cusmst", "itmmst"]))
def test_any_bytes_are_read_without_an_exception(content, name, layouts, read):
    outcome = read(content, layouts.get(name))
    assert outcome.summary.refused
    assert outcome.summary.rejects
    for reject in outcome.summary.rejects:
        assert "\x00" not in reject.model_dump_json()
