"""The stack with real PostgreSQL and Temporal and a product of one file: up, crash, persistence, second start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.stack import Stack
from runtime.embedded.lock import StackAlreadyRunningError
from runtime.embedded.processes import ProcessError, State
from runtime.embedded.state import read_state, running_stack_state
from runtime.settings import Settings, load_settings
from tests.folders import own_folder

PRODUCT = Path(__file__).with_name("stand_in_product.py")
PROJECT = Path(__file__).resolve().parents[2]

RUN_FOREVER = """
import sys, threading
from console.stack import Stack, interruptible
stack = Stack(product=lambda name: [sys.executable, sys.argv[1], name])
with interruptible(stack):
    try:
        stack.up()
        print("up", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        stack.down()
"""


def _product(name: str) -> list[str]:
    return [sys.executable, str(PRODUCT), name]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One data folder for all tests here: making database files is the slow part."""
    with own_folder("stack") as folder:
        yield folder / "data"


@pytest.fixture
def settings(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith(("THREEWAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAY_DATA_DIR", str(data_dir))
    monkeypatch.setenv("THREEWAY_TWINS", "off")
    return load_settings(attach=False)


def test_no_other_run_of_pytest_closes_the_stores_folder(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs_of_this_user = tmp_path_factory.getbasetemp().parent
    assert not settings.data_dir.is_relative_to(runs_of_this_user)


def test_up_crash_and_down(settings: Settings) -> None:
    stack = Stack(settings, product=_product)
    with stack:
        assert [status.name for status in stack.statuses()] == ["postgres", "temporal", "migrate", "worker", "api"]
        assert {status.state for status in stack.statuses()} == {State.READY}
        with stack.api() as api:
            seen = api.get("/anything")
        assert seen["THREEWAY_DATABASE_URL"] == stack.database_url
        assert seen["TEMPORAL_ADDRESS"] == stack.temporal_address
        assert seen["THREEWAY_TEMPORAL_UI_URL"] == stack.temporal_ui_url
        assert seen["same_key"]
        assert seen["THREEWAY_ADMIN_KEY"] is None, "a generated secret travels as a file, not in the environment"

        attached = load_settings()
        assert attached.require_database_url() == stack.database_url
        assert attached.api_url == stack.api_url
        assert attached.require_admin_key() == stack.admin_key

        with pytest.raises(StackAlreadyRunningError, match="A stack already runs"):
            Stack(settings).up()

        with psycopg.connect(stack.database_url) as session:
            session.execute("create table kept (n int)")
        for name in ("worker", "temporal", "postgres"):
            stack.kill(name)
            stack.start(name)
        assert {status.state for status in stack.statuses()} == {State.READY}
        text = (settings.data_dir / "stack.json").read_text()
        assert stack.admin_key not in text
    assert running_stack_state(settings.data_dir) is None
    with Stack(settings, product=_product) as again, psycopg.connect(again.database_url) as session:
        assert session.execute("select count(*) from kept").fetchone() == (0,)


def test_a_migration_that_fails_stops_what_was_started(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "migration-fails").touch()
    stack = Stack(settings, product=_product)
    with pytest.raises(ProcessError, match="the migration does not work"):
        stack.up()
    assert not any(child.running for child in stack.supervisor.children.values())
    assert running_stack_state(settings.data_dir) is None


def test_what_a_killed_stack_left_is_cleared_and_ctrl_c_stops_in_order(settings: Settings) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", RUN_FOREVER, str(PRODUCT)]
    for crash in (True, False):
        runner = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert runner.stdout is not None
        assert "up\n" in iter(runner.stdout.readline, "")
        state = running_stack_state(settings.data_dir)
        assert state is not None
        names = [mark.name for mark in state.processes]
        assert names == ["postgres", "temporal", "worker", "api"]
        runner.send_signal(signal.SIGKILL if crash else signal.SIGINT)
        runner.stdout.close()
        runner.wait(60)
        if crash:
            assert all(mark.alive() for mark in state.processes)
            assert read_state(settings.data_dir) is not None
    assert runner.returncode == 0
    deadline = time.monotonic() + 5
    while any(mark.alive() for mark in state.processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert read_state(settings.data_dir) is None
