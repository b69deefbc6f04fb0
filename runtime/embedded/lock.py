"""One stack per data folder: an advisory lock that the kernel drops with its process, and the state file beside it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psutil  # type: ignore[import-untyped]
import structlog

from runtime.embedded.state import ProcessMark, StackState, read_state, state_path, write_state

LOCK_FILE: Final = "stack.lock"
LEFTOVER_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class StackAlreadyRunningError(RuntimeError):
    """Another process runs a stack on this data folder."""

    def __init__(self, data_dir: Path, state: StackState | None) -> None:
        self.data_dir, self.state = data_dir, state
        who = state.describe() if state is not None else "it is just starting"
        super().__init__(
            f"A stack already runs on {data_dir}: {who}\n"
            "Use that one, stop it (Ctrl-C there), or choose another THREEWAY_DATA_DIR."
        )


class StackLock:
    """Holds the data folder while the process lives; after a crash the next holder clears what was left behind."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._file: IO[str] | None = None
        self._state = StackState(owner=ProcessMark.of("stack", os.getpid()), started_at=datetime.now(UTC))

    def acquire(self) -> tuple[str, ...]:
        """Take the folder and return the names of processes of a crashed stack that had to be stopped.

        Raises StackAlreadyRunningError.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (self.data_dir / LOCK_FILE).open("a", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            state = read_state(self.data_dir)
            raise StackAlreadyRunningError(
                self.data_dir, state if state is not None and state.owner.alive() else None
            ) from None
        self._file = handle
        stopped = stop_leftovers(read_state(self.data_dir))
        write_state(self.data_dir, self._state)
        return stopped

    def publish(self, addresses: Mapping[str, str], processes: Iterable[ProcessMark]) -> None:
        """Tell others where the services answer, and the next holder what to clear after a crash; needs the lock."""
        if self._file is None:
            return
        self._state = self._state.model_copy(update={"addresses": dict(addresses), "processes": tuple(processes)})
        write_state(self.data_dir, self._state)

    @property
    def started_at(self) -> datetime:
        """When this stack took the folder."""
        return self._state.started_at

    def release(self) -> None:
        """Give the folder back. Idempotent."""
        if self._file is None:
            return
        state_path(self.data_dir).unlink(missing_ok=True)
        self._file.close()
        self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def stop_leftovers(state: StackState | None) -> tuple[str, ...]:
    """Stop the children of a stack whose owner died; last started first stopped."""
    if state is None:
        return ()
    stopped = []
    for mark in reversed(state.processes):
        if mark.alive():
            log.warning("stopping a process that a crashed stack left behind", name=mark.name, pid=mark.pid)
            _stop(mark)
            stopped.append(mark.name)
    return tuple(stopped)


def _stop(mark: ProcessMark) -> None:
    try:
        process = psutil.Process(mark.pid)
        # PostgreSQL waits for its clients on SIGTERM; SIGINT is its orderly fast stop.
        process.send_signal(2 if mark.name == "postgres" else 15)
        process.wait(LEFTOVER_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(LEFTOVER_SECONDS)
    except psutil.NoSuchProcess:
        return
