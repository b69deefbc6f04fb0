"""One stack per data folder: the lock, the state file, what a crash leaves behind, and the secrets."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.embedded.lock import StackAlreadyRunningError, StackLock
from runtime.embedded.secrets import ADMIN_KEY_FILE, ensure_secrets, read_secret, secret_path
from runtime.embedded.state import ProcessMark, StackState, read_state, running_stack_state, state_path, write_state

GONE = ProcessMark(name="stack", pid=2**22 - 7, born=1.0)


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_second_holder_learns_who_runs(tmp_path: Path) -> None:
    with StackLock(tmp_path) as first:
        first.publish({"api": "http://127.0.0.1:8000"}, [])
        with pytest.raises(StackAlreadyRunningError) as caught:
            StackLock(tmp_path).acquire()
        text = str(caught.value)
        assert str(os.getpid()) in text
        assert "http://127.0.0.1:8000" in text
        assert "since" in text
        assert running_stack_state(tmp_path) is not None
    assert running_stack_state(tmp_path) is None
    with StackLock(tmp_path):
        assert running_stack_state(tmp_path) is not None


def test_leftovers_of_a_crashed_stack_are_stopped(tmp_path: Path) -> None:
    left, other = _sleeper(), _sleeper()
    try:
        reused = ProcessMark(name="api", pid=other.pid, born=1.0)  # the number lives on, the process is another
        state = StackState(
            owner=GONE, started_at=datetime.now(UTC), processes=(ProcessMark.of("temporal", left.pid), reused)
        )
        write_state(tmp_path, state)
        assert running_stack_state(tmp_path) is None
        lock = StackLock(tmp_path)
        assert lock.acquire() == ("temporal",)
        lock.release()
        assert left.poll() is not None
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_state_file_cut_off_by_a_crash_is_ignored(tmp_path: Path) -> None:
    state_path(tmp_path).write_text('{"owner": ')
    assert read_state(tmp_path) is None
    with StackLock(tmp_path):
        assert read_state(tmp_path) is not None


def test_the_state_file_is_private(tmp_path: Path) -> None:
    with StackLock(tmp_path):
        assert stat.S_IMODE(state_path(tmp_path).stat().st_mode) == 0o600


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = ensure_secrets(tmp_path)
    again = ensure_secrets(tmp_path)
    assert first == again
    path = secret_path(tmp_path, ADMIN_KEY_FILE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_secret(tmp_path, ADMIN_KEY_FILE) == first.admin_key
    assert len(first.admin_key.get_secret_value()) > 40
    assert first.admin_key.get_secret_value() not in repr(first)
