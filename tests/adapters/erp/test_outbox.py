"""The outbox: a file is there whole or not at all, whatever dies, whoever else writes, however full the disk is."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from adapters.erp.outbox import Outbox, Proof
from domain.errors import Duplicate, Transient, Unavailable

NAME = "ORDIMP.S000001"
CONTENT = b"H1...\r\nT9...\r\n"


class Death(BaseException):
    """The process dies here."""


def unread(_path: Path) -> None:
    """A proof that finds nothing wrong."""


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "out")


def there(outbox: Outbox) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in outbox.folder.iterdir()}


def test_a_file_is_delivered_once(outbox):
    proven = []

    assert outbox.deliver(NAME, CONTENT, lambda path: proven.append(path.read_bytes()))
    assert not outbox.deliver(NAME, CONTENT, unread)

    assert there(outbox) == {NAME: CONTENT}
    assert proven == [CONTENT]
    assert (outbox.folder / NAME).stat().st_mode & 0o777 == 0o644


def test_while_it_is_written_nobody_sees_it_under_its_name(outbox):
    def look(path: Path) -> None:
        assert path.parent == outbox.folder
        assert path.name.startswith(".")
        assert path.name.endswith(".tmp")
        assert not (outbox.folder / NAME).exists()

    outbox.deliver(NAME, CONTENT, look)


def test_a_name_that_foreign_bytes_have_is_an_error_and_they_stay(outbox):
    outbox.folder.mkdir()
    (outbox.folder / NAME).write_bytes(b"foreign")

    with pytest.raises(Duplicate, match="other content") as caught:
        outbox.deliver(NAME, CONTENT, unread)

    assert caught.value.reason == "outbox_name_taken"
    assert there(outbox) == {NAME: b"foreign"}


def test_a_name_that_is_taken_at_the_last_moment_is_not_written_over(outbox):
    with pytest.raises(Duplicate):
        outbox.deliver(NAME, CONTENT, lambda _: (outbox.folder / NAME).write_bytes(b"foreign") and None)
    assert there(outbox) == {NAME: b"foreign"}


def test_another_process_that_was_faster_with_the_same_file_is_fine(outbox):
    assert not outbox.deliver(NAME, CONTENT, lambda _: (outbox.folder / NAME).write_bytes(CONTENT) and None)
    assert there(outbox) == {NAME: CONTENT}


def test_a_proof_that_fails_leaves_nothing(outbox):
    def fails(_path: Path) -> None:
        raise Unavailable("it reads otherwise")

    with pytest.raises(Unavailable):
        outbox.deliver(NAME, CONTENT, fails)
    assert there(outbox) == {}


def test_bytes_that_read_back_otherwise_are_not_delivered(outbox, monkeypatch):
    real = os.fsync

    def spoils(descriptor: int) -> None:
        real(descriptor)
        for path in outbox.folder.glob(".*.tmp"):
            path.write_bytes(CONTENT[:-1])

    monkeypatch.setattr(os, "fsync", spoils)
    with pytest.raises(Unavailable, match="reads back otherwise"):
        outbox.deliver(NAME, CONTENT, unread)
    monkeypatch.undo()
    assert there(outbox) == {}
    assert outbox.deliver(NAME, CONTENT, unread)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("call", ["fsync", "link", "fdopen"])
def test_a_folder_that_takes_nothing_can_be_tried_again(outbox, monkeypatch, number, call):
    """Full, read-only, not ours, failing: each is worth another try, and no half file stays under the name."""

    def refuses(*_args: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuses)
    with pytest.raises(Unavailable, match=os.strerror(number)) as caught:
        outbox.deliver(NAME, CONTENT, unread)
    assert isinstance(caught.value, Transient)
    assert NAME not in there(outbox)
    monkeypatch.undo()

    assert outbox.deliver(NAME, CONTENT, unread)
    assert there(outbox) == {NAME: CONTENT}


def test_a_folder_that_cannot_be_made_can_be_tried_again(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="nothing is lost"):
        Outbox(tmp_path / "out").deliver(NAME, CONTENT, unread)


def test_a_file_system_without_links_renames(outbox, monkeypatch):
    def cannot(*_args: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", cannot)
    assert outbox.deliver(NAME, CONTENT, unread)
    assert there(outbox) == {NAME: CONTENT}


DYING = ["mkstemp", "before temporary fsync", "after temporary fsync", "proof", "before rename", "after rename"]


def dying(point: str, monkeypatch: pytest.MonkeyPatch) -> Proof:
    """Let the process die at this point; answers the proof to deliver with."""
    real_sync, real_link, syncs = os.fsync, os.link, []

    def die_at(here: str) -> None:
        if point == here:
            raise Death

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        die_at("before temporary fsync" if len(syncs) == 1 else "")
        real_sync(descriptor)
        die_at("after temporary fsync" if len(syncs) == 1 else "")

    def link(source: Path, target: Path) -> None:
        die_at("before rename")
        real_link(source, target)
        die_at("after rename")

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    if point == "mkstemp":
        monkeypatch.setattr(os, "fdopen", lambda *_: die_at("mkstemp"))
    return lambda _path: die_at("proof")


@pytest.mark.parametrize("point", DYING)
def test_a_process_that_dies_anywhere_leaves_a_file_that_the_next_one_finishes(outbox, monkeypatch, point):
    """Death leaves what is on the disk: no clean-up runs."""
    monkeypatch.setattr(Path, "unlink", lambda *_a, **_k: None)
    proof = dying(point, monkeypatch)
    with pytest.raises(Death):
        outbox.deliver(NAME, CONTENT, proof)
    monkeypatch.undo()
    left = there(outbox)
    assert left.get(NAME, CONTENT) == CONTENT
    assert (NAME in left) == (point == "after rename")
    assert any(name.endswith(".tmp") for name in left)

    assert outbox.deliver(NAME, CONTENT, unread) == (point != "after rename")

    assert there(outbox) == {NAME: CONTENT}


def test_leftovers_of_other_files_stay(outbox):
    outbox.folder.mkdir()
    (outbox.folder / ".ORDIMP.S000002.x.tmp").write_bytes(b"of a neighbour")
    outbox.deliver(NAME, CONTENT, unread)
    assert sorted(there(outbox)) == [".ORDIMP.S000002.x.tmp", NAME]


def test_many_writers_at_once_deliver_one_whole_file(outbox):
    """Each works on a name of its own; the losers find the file there, or try again."""
    gate, outcomes, seen = threading.Barrier(8), [], set()

    def work() -> None:
        gate.wait()
        for _ in range(20):
            try:
                outcomes.append(outbox.deliver(NAME, CONTENT * 1000, unread))
            except Transient:
                outcomes.append(False)
            if (outbox.folder / NAME).exists():
                seen.add((outbox.folder / NAME).read_bytes())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count(True) == 1
    assert seen == {CONTENT * 1000}
    assert there(outbox) == {NAME: CONTENT * 1000}
