"""A supervisor for a handful of child processes: start in order, watch, restart with backoff, stop in reverse order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from runtime.embedded.child import FIRST_PAUSE, Child, ProcessError, ProcessSpec, State
from runtime.embedded.state import ProcessMark

__all__ = ["ProcessError", "ProcessSpec", "State", "Supervisor"]

WATCH_SECONDS: Final = 0.2
LONGEST_PAUSE: Final = 30.0
STABLE_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs the children of one stack.

    `start` blocks until the child is ready. A watcher thread restarts a child that ends although it is wanted, at first
    after half a second, then with doubling pauses up to half a minute; a minute of good service resets the pause.
    """

    def __init__(self, logs: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self.logs, self.on_change = logs, on_change
        self.children: dict[str, Child] = {}
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None
        self._watching = threading.Lock()

    def add(self, spec: ProcessSpec) -> None:
        """Announce a child that will be started later; a second spec of a name replaces the first."""
        self.children[spec.name] = Child(spec, self.logs / f"{spec.name}.log")

    def start(self, name: str) -> None:
        """Start one child and wait until it is ready. Idempotent. Raises ProcessError."""
        child = self.children[name]
        with child.lock:
            if child.running:
                return
            child.wanted, child.pause, child.state = True, FIRST_PAUSE, State.STARTING
            self.on_change()
            try:
                child.launch()
                self.on_change()
                child.wait_ready()
            except (OSError, ProcessError) as error:
                child.wanted = False
                child.kill()
                child.state = State.FAILED
                self.on_change()
                raise ProcessError(str(error)) from None
        self._watch()
        self.on_change()

    def start_together(self, names: Sequence[str]) -> None:
        """Start children that do not need each other at the same time. Raises the first ProcessError."""
        pool = ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="start")
        try:
            starts = [pool.submit(self.start, name) for name in names]
            for start in as_completed(starts):
                start.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def stop(self, name: str) -> None:
        """Stop one child in order; it stays stopped."""
        self._end(name, Child.stop)

    def kill(self, name: str) -> None:
        """Kill one child as a crash would; it stays dead until it is started again."""
        self._end(name, Child.kill)

    def stop_all(self) -> None:
        """Stop every child, the last started first. Idempotent."""
        self._over.set()
        for name in reversed(self.children):
            self.stop(name)
        self._join()

    def kill_all(self) -> None:
        """Kill every child at once: what a second Ctrl-C does."""
        self._over.set()
        for child in self.children.values():
            child.wanted = False
            child.kill()
        self.on_change()

    def marks(self) -> list[ProcessMark]:
        """The running children in their starting order."""
        return [mark for mark in (child.mark() for child in self.children.values()) if mark is not None]

    def _end(self, name: str, how: Callable[[Child], None]) -> None:
        child = self.children[name]
        child.wanted = False
        with child.lock:
            how(child)
        self.on_change()

    def _watch(self) -> None:
        with self._watching:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._loop, name="supervisor", daemon=True)
                self._watcher.start()

    def _join(self) -> None:
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(5)

    def _loop(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for child in list(self.children.values()):
                if child.wanted and child.lock.acquire(blocking=False):
                    try:
                        self._look_after(child)
                    finally:
                        child.lock.release()

    def _look_after(self, child: Child) -> None:
        if child.running:
            self._note_readiness(child)
        elif child.state is not State.RESTARTING:
            self._plan_restart(child)
        elif monotonic() >= child.retry_at and child.wanted:
            self._restart(child)

    def _note_readiness(self, child: Child) -> None:
        if child.state is State.STARTING and child.answers():
            child.spec.after_ready()
            child.state = State.READY
            self.on_change()
        if monotonic() - child.started > STABLE_SECONDS:
            child.pause = FIRST_PAUSE

    def _plan_restart(self, child: Child) -> None:
        child.exit_code = child.process.poll() if child.process is not None else None
        log.warning("a process ended unexpectedly", name=child.spec.name, code=child.exit_code, again_in=child.pause)
        child.state, child.retry_at = State.RESTARTING, monotonic() + child.pause
        child.pause = min(child.pause * 2, LONGEST_PAUSE)
        self.on_change()

    def _restart(self, child: Child) -> None:
        try:
            child.launch()
        except OSError as error:
            log.warning("a process cannot be started", name=child.spec.name, error=str(error))
            self._plan_restart(child)
            return
        child.restarts, child.state = child.restarts + 1, State.STARTING
        self.on_change()
