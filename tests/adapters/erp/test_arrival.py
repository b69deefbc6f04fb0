"""How files arrive: by content, whole, claimed once, never deleted."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import timedelta

import pytest

from adapters.erp.arrival import Inbox, store_bytes
from domain.errors import Rejected


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def inbox(tmp_path, layouts, clock):
    return Inbox(
        tmp_path / "inbox", layouts, stable_for=timedelta(seconds=2), give_up_waiting=timedelta(seconds=30), clock=clock
    )


def test_the_same_bytes_are_one_file(tmp_path):
    """Case F4."""
    one = store_bytes(io.BytesIO(b"abc" * 1000), tmp_path, 10_000)
    two = store_bytes(iter([b"abc"] * 1000), tmp_path, 10_000)
    assert one == two
    assert one.sha256 == hashlib.sha256(b"abc" * 1000).hexdigest()
    assert one.path == tmp_path / one.sha256[:2] / one.sha256
    assert one.path.read_bytes() == b"abc" * 1000
    assert one.size == 3000
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [one.path]


def test_too_many_bytes_leave_nothing_behind(tmp_path):
    with pytest.raises(Rejected, match="more than 10 bytes"):
        store_bytes(iter([b"123456"] * 2), tmp_path, 10)
    assert list(tmp_path.rglob("*")) == []


def test_a_source_that_breaks_leaves_nothing_behind(tmp_path):
    def broken():
        yield b"123"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store_bytes(broken(), tmp_path, 10)
    assert list(tmp_path.rglob("*")) == []


def test_a_file_is_ready_when_it_is_whole_and_was_left_alone(inbox, clock, make):
    """Case F1."""
    content = make.build([make.Ship("SH1")])
    path = inbox.folder / "SHPCNF.S000423"
    path.write_bytes(content[:300])
    assert inbox.ready() == []
    clock.now = 10
    assert inbox.ready() == []  # left alone, but not whole
    path.write_bytes(content)
    assert inbox.ready() == []  # whole, but just changed
    clock.now = 11
    assert inbox.ready() == []
    clock.now = 12.5
    assert inbox.ready() == [path]


def test_a_file_that_never_ends_is_taken_in_the_end(inbox, clock, make):
    """A truncated file must be refused with a reason, not ignored for ever."""
    path = inbox.folder / "SHPCNF.S000423"
    path.write_bytes(make.build([make.Ship("SH1")])[:300])
    inbox.ready()
    clock.now = 29
    assert inbox.ready() == []
    clock.now = 30
    assert inbox.ready() == [path]


def test_a_master_without_trailer_ends_with_its_last_line(inbox, clock, samples):
    content = (samples / "CUSMST.TXT").read_bytes()
    whole, cut = inbox.folder / "CUSMST.TXT", inbox.folder / "CUSMST2.TXT"
    whole.write_bytes(content)
    cut.write_bytes(content[:-7])
    inbox.ready()
    clock.now = 3
    assert inbox.ready() == [whole]


@pytest.mark.parametrize("name", ["a.tmp", "A.TMP", "a.part", "SHPCNF.S000423.filepart", ".hidden"])
def test_names_of_files_being_written_are_passed_over(name, inbox, clock, make):
    (inbox.folder / name).write_bytes(make.build([]))
    inbox.ready()
    clock.now = 100
    assert inbox.ready() == []


def test_folders_and_links_are_passed_over(inbox, clock, tmp_path):
    (inbox.folder / "folder").mkdir()
    (tmp_path / "secret").write_text("x")
    (inbox.folder / "link").symlink_to(tmp_path / "secret")
    inbox.ready()
    clock.now = 100
    assert inbox.ready() == []


def test_the_oldest_file_comes_first(inbox, clock, make):
    for age, name in ((1, "SHPCNF.S000002"), (2, "SHPCNF.S000001"), (3, "SHPCNF.S000000")):
        path = inbox.folder / name
        path.write_bytes(make.build([]))
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    inbox.ready()
    clock.now = 3
    assert [path.name for path in inbox.ready()] == ["SHPCNF.S000000", "SHPCNF.S000001", "SHPCNF.S000002"]


def test_only_one_worker_gets_a_file(inbox, make):
    path = inbox.folder / "SHPCNF.S000423"
    path.write_bytes(make.build([]))
    other = Inbox(inbox.folder)
    claimed = inbox.claim(path)
    assert claimed.name == "SHPCNF.S000423"
    assert claimed.path.read_bytes() == make.build([])
    assert other.claim(path) is None
    assert not path.exists()


def test_nothing_is_deleted_and_names_are_kept(inbox):
    kept = []
    for content in (b"1", b"2", b"3"):
        path = inbox.folder / "SAME.TXT"
        path.write_bytes(content)
        kept.append(inbox.done(inbox.claim(path)))
    assert [path.name for path in kept] == ["SAME.TXT", "SAME.TXT.1", "SAME.TXT.2"]
    assert [path.read_bytes() for path in kept] == [b"1", b"2", b"3"]
    assert list((inbox.folder / ".claimed").iterdir()) == []


def test_claims_of_a_crash_are_found_again(inbox):
    path = inbox.folder / "SAME.TXT"
    path.write_bytes(b"1")
    claimed = inbox.claim(path)
    after = Inbox(inbox.folder)
    assert after.recover(older_than=timedelta(hours=1)) == []
    assert after.recover() == [claimed]
    assert after.done(claimed).name == "SAME.TXT"
    assert inbox.done(claimed) is None  # the other worker was faster
    assert after.recover() == []
