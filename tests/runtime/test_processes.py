"""The supervisor: order of start and stop, readiness, restart with backoff, kill."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.embedded.processes import ProcessError, ProcessSpec, State, Supervisor

# A child that says when it comes and goes; "stubborn" ignores SIGTERM.
CHILD = """
import pathlib, signal, sys, time
journal, name, mood = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def note(word):
    with journal.open("a") as file: file.write(f"{name} {word}\\n")
def leave(*_):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mood == "stubborn" else leave)
print("hello from", name, flush=True)  # before it is ready: it may be stopped at once
note("start")
if mood == "broken": sys.exit(3)
time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs")
    yield supervisor
    supervisor.kill_all()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def _spec(journal: Path, name: str, mood: str = "good", stop_seconds: float = 5) -> ProcessSpec:
    command = [sys.executable, "-c", CHILD, str(journal), name, mood]

    def ready() -> bool:
        return journal.exists() and f"{name} start" in journal.read_text()

    return ProcessSpec(name, command, os.environ, ready=ready, ready_seconds=10, stop_seconds=stop_seconds)


def _until(condition: Callable[[], bool], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_start_in_order_stop_in_reverse(supervisor: Supervisor, journal: Path) -> None:
    for name in ("database", "worker", "api"):
        supervisor.add(_spec(journal, name))
        supervisor.start(name)
    assert [mark.name for mark in supervisor.marks()] == ["database", "worker", "api"]
    supervisor.stop_all()
    assert journal.read_text().split("\n")[:6] == [
        "database start", "worker start", "api start", "api stop", "worker stop", "database stop"
    ]  # fmt: skip
    assert all(child.state is State.STOPPED for child in supervisor.children.values())
    assert "hello from api" in supervisor.children["api"].log_path.read_text()


def test_a_child_that_dies_is_started_again(supervisor: Supervisor, journal: Path) -> None:
    changes: list[State] = []
    supervisor.on_change = lambda: changes.append(supervisor.children["worker"].state)
    supervisor.add(_spec(journal, "worker"))
    supervisor.start("worker")
    child = supervisor.children["worker"]
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    _until(lambda: child.restarts == 1 and child.state is State.READY)
    assert child.process.pid != first
    assert State.RESTARTING in changes
    os.kill(child.process.pid, signal.SIGKILL)
    _until(lambda: child.restarts == 2)
    assert child.pause > 1.0


def test_a_killed_child_stays_dead_until_it_is_started(supervisor: Supervisor, journal: Path) -> None:
    supervisor.add(_spec(journal, "worker"))
    supervisor.start("worker")
    supervisor.kill("worker")
    time.sleep(0.8)
    child = supervisor.children["worker"]
    assert (child.state, child.running, child.restarts) == (State.STOPPED, False, 0)
    supervisor.start("worker")
    assert child.state is State.READY
    _until(lambda: journal.read_text().splitlines() == ["worker start", "worker start"])


def test_a_child_that_ends_at_once_is_an_error_with_its_log(supervisor: Supervisor, journal: Path) -> None:
    spec = _spec(journal, "worker", "broken")
    supervisor.add(ProcessSpec(spec.name, spec.command, spec.environment, ready=lambda: False, ready_seconds=5))
    with pytest.raises(ProcessError, match="ended with code 3") as caught:
        supervisor.start("worker")
    assert "hello from worker" in str(caught.value)
    assert supervisor.children["worker"].state is State.FAILED


def test_a_stubborn_child_is_killed_after_its_time(supervisor: Supervisor, journal: Path) -> None:
    supervisor.add(_spec(journal, "worker", "stubborn", stop_seconds=0.3))
    supervisor.start("worker")
    supervisor.stop("worker")
    assert supervisor.children["worker"].exit_code == -signal.SIGKILL
