"""One supervised child process: how it is run, known to be ready, stopped and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final

import psutil  # type: ignore[import-untyped]
import structlog

from runtime.embedded.state import ProcessMark

FIRST_PAUSE: Final = 0.5
LOG_LIMIT: Final = 20 * 1024 * 1024
TAIL_BYTES: Final = 4000

log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where a child process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class ProcessError(RuntimeError):
    """A child process did not come up; the text ends with the end of its log."""


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one child, how to know that it is ready, and how to stop it."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    ports: tuple[int, ...] = ()
    after_ready: Callable[[], None] = lambda: None
    ready_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 35.0
    folder: Path | None = None
    user: str | None = None


@dataclass
class Child:
    """One supervised process and its history."""

    spec: ProcessSpec
    log_path: Path
    state: State = State.WAITING
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    launched_at: float = 0.0
    restarts: int = 0
    exit_code: int | None = None
    pause: float = FIRST_PAUSE
    retry_at: float = 0.0
    wanted: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def running(self) -> bool:
        """Whether the process exists."""
        return self.process is not None and self.process.poll() is None

    def launch(self) -> None:
        """Start the process in a session of its own, so that a terminal's Ctrl-C reaches only the supervisor."""
        self.log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        account = _account(self.spec.user)
        self.launched_at = time()
        with self.log_path.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (commands are made by the product)
                self.spec.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=dict(self.spec.environment), cwd=self.spec.folder, start_new_session=True,
                user=account[0], group=account[1], extra_groups=None if account[0] is None else [],
            )  # fmt: skip
        self.started, self.exit_code = monotonic(), None

    def wait_ready(self) -> None:
        """Poll the probe; raises ProcessError when the process ends or the time is over."""
        deadline = monotonic() + self.spec.ready_seconds
        while monotonic() < deadline:
            if not self.wanted:
                raise ProcessError(f"{self.spec.name} was stopped before it was ready.")
            if not self.running:
                raise ProcessError(f"{self.spec.name} ended with code {self._code()}.\n{self.tail()}")
            if self.answers():
                self.spec.after_ready()
                self.state = State.READY
                return
            sleep(0.1)
        raise ProcessError(f"{self.spec.name} is not ready after {self.spec.ready_seconds:.0f} s.\n{self.tail()}")

    def answers(self) -> bool:
        """Whether the probe says yes, and it is this process that listens: a stranger may have been faster."""
        return self._listens() and self.spec.ready()

    def stop(self) -> None:
        """Ask the process to end, and end it when it does not within its time. Idempotent."""
        process = self.process
        if process is None or process.poll() is not None:
            self.state = State.STOPPED
            return
        self.state = State.STOPPING
        process.send_signal(self.spec.stop_signal)
        try:
            process.wait(self.spec.stop_seconds)
        except subprocess.TimeoutExpired:
            log.warning("killing a process that did not stop", name=self.spec.name, seconds=self.spec.stop_seconds)
            self.kill()
        self.exit_code = process.poll()
        self.state = State.STOPPED

    def kill(self) -> None:
        """End the process and everything that it started, at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.exit_code, self.state = self.process.poll(), State.STOPPED

    def tail(self) -> str:
        """The end of its log, with its place."""
        try:
            text = self.log_path.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace").strip()
        except OSError:
            text = ""
        return f"Log ({self.log_path}):\n{text or '(empty)'}"

    def mark(self) -> ProcessMark | None:
        """How a later supervisor recognises this process."""
        if not self.running or self.process is None:
            return None
        try:
            return ProcessMark.of(self.spec.name, self.process.pid)
        except psutil.Error:
            return None

    def _listens(self) -> bool:
        if not self.spec.ports or self.process is None:
            return True
        try:
            connections = psutil.Process(self.process.pid).net_connections(kind="tcp")
        except psutil.Error:
            return False
        mine = {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}
        return mine.issuperset(self.spec.ports)

    def _code(self) -> int | None:
        return None if self.process is None else self.process.poll()


def _account(user: str | None) -> tuple[str | None, int | None]:
    if user is None:
        return None, None
    import pwd  # noqa: PLC0415 (there is none on every platform)

    return user, pwd.getpwnam(user).pw_gid
