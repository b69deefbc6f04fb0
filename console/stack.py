"""The whole gateway on one machine: PostgreSQL, Temporal, the stand-ins, the worker and the API as watched children."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
from types import TracebackType
from typing import Final, Self

from console import services
from console.http import Api
from console.plan import Plan, make_plan, product_command
from console.probes import http_answers
from runtime.embedded.lock import StackLock
from runtime.embedded.postgres import Cluster, prepare
from runtime.embedded.processes import ProcessError, State, Supervisor
from runtime.settings import Settings, load_settings

MIGRATE_SECONDS: Final = 180.0
READY_SECONDS: Final = 60.0
PRODUCT: Final = ("worker", "api")
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: the terminal was closed


@dataclass(frozen=True)
class Status:
    """One line of the status table."""

    name: str
    state: State
    address: str
    detail: str


class Stack:
    """A stack as a context: everything is up inside, everything is stopped after.

    `kill(name)` ends a child as a crash would and it stays dead; `start(name)` brings it back.
    Raises StackAlreadyRunningError, SettingsError, ProcessError.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        on_change: Callable[[], None] = lambda: None,
        product: Callable[[str], list[str]] = product_command,
    ) -> None:
        self.settings = settings or load_settings(attach=False)
        self.product = product
        self.lock = StackLock(self.settings.data_dir)
        self.supervisor = Supervisor(self.settings.data_dir / "logs", self._changed)
        self.leftovers: tuple[str, ...] = ()
        self._on_change = on_change
        self._plan: Plan | None = None
        self._cluster: Cluster | None = None
        self._migrated = State.WAITING
        self._publishing = threading.Lock()

    @property
    def plan(self) -> Plan:
        """The decisions of this start; there are none before it."""
        if self._plan is None:
            raise ProcessError("The stack was not started.")
        return self._plan

    @property
    def api_url(self) -> str:
        """The API, its description at `/docs`."""
        return self.plan.api_url

    @property
    def admin_key(self) -> str:
        """The first API key. A secret: for calls, not for printing."""
        return self.plan.admin_key

    @property
    def twin_urls(self) -> dict[str, str]:
        """The stand-ins by system: quickbooks, salesforce, erp; empty when real systems are configured."""
        return self.plan.twin_urls

    @property
    def database_url(self) -> str:
        """The canonical store."""
        return self._cluster.url() if self._cluster is not None else self.settings.require_database_url()

    @property
    def temporal_address(self) -> str:
        """Temporal's gRPC address."""
        return self.plan.temporal_address

    @property
    def temporal_ui_url(self) -> str | None:
        """Temporal's Web UI, when it is ours."""
        port = self.plan.temporal_ui_port
        return None if port is None else f"http://127.0.0.1:{port}"

    @property
    def addresses(self) -> dict[str, str]:
        """What `stack.json` tells other processes; holds no secret."""
        found = {"api": self.api_url, "temporal": self.temporal_address}
        if self.temporal_ui_url is not None:
            found["temporal_ui"] = self.temporal_ui_url
        if self._cluster is not None:
            found["postgres"] = self._cluster.url()
        return found | {f"twin_{name}": url for name, url in self.twin_urls.items()}

    @property
    def started_at(self) -> datetime:
        """When the stack was started."""
        return self.lock.started_at

    def environment(self) -> dict[str, str]:
        """The environment of the product's own processes, for a command that works beside them."""
        return self.plan.environment(self.database_url)

    def api(self) -> Api:
        """A client of the API with the first key; close it."""
        return Api(self.api_url, self.admin_key)

    def up(self) -> None:
        """Start everything in order; what was started is stopped again when something fails."""
        self.leftovers = self.lock.acquire()
        with ExitStack() as undo:
            undo.callback(self.down)
            self._plan = make_plan(self.settings)
            self._announce()
            self.supervisor.start_together([name for name in self.supervisor.children if name not in PRODUCT])
            self._migrate()
            self.supervisor.start_together(PRODUCT)
            self._wait_until_whole()
            undo.pop_all()

    def down(self) -> None:
        """Stop everything in reverse order and give the data folder back. Idempotent."""
        self.supervisor.stop_all()
        self.lock.release()

    def kill_all(self) -> None:
        """End everything at once."""
        self.supervisor.kill_all()
        self.lock.release()

    def start(self, name: str) -> None:
        """Start one child and wait until it is ready."""
        self.supervisor.start(name)

    def stop(self, name: str) -> None:
        """Stop one child in order."""
        self.supervisor.stop(name)

    def kill(self, name: str) -> None:
        """Kill one child as a crash would."""
        self.supervisor.kill(name)

    def statuses(self) -> list[Status]:
        """The children in their starting order, and the migration between them."""
        shown = []
        for name, child in self.supervisor.children.items():
            if name == "worker":
                shown.append(Status("migrate", self._migrated, "", "database schema"))
            detail = f"restarted {child.restarts}x" if child.restarts else ""
            shown.append(Status(name, child.state, _address(self, name), detail))
        return shown

    def _changed(self) -> None:
        if self._plan is not None:
            with self._publishing:
                self.lock.publish(self.addresses, self.supervisor.marks())
        self._on_change()

    def _announce(self) -> None:
        specs = []
        if self.plan.embeds_postgres:
            self._cluster = prepare(self.settings.data_dir)
            specs.append(services.postgres(self._cluster))
        if self.plan.embeds_temporal:
            specs.append(services.temporal(self.plan))
        environment = self.environment()
        if self.plan.twin_ports:
            specs.append(services.twins(self.plan, environment))
        specs.append(
            services.worker(self.plan, environment, self.product("worker"), lambda: self.supervisor.children["worker"])
        )
        specs.append(services.api(self.plan, environment, self.product("api")))
        for spec in specs:
            self.supervisor.add(spec)

    def _wait_until_whole(self) -> None:
        """The API tells when all parts of the product have found each other."""
        deadline = monotonic() + READY_SECONDS
        while not http_answers(f"{self.api_url}/readyz"):
            if monotonic() > deadline:
                tails = "\n".join(self.supervisor.children[name].tail() for name in PRODUCT)
                raise ProcessError(f"The API does not become ready (see {self.api_url}/readyz).\n{tails}")
            sleep(0.1)

    def _migrate(self) -> None:
        self._migrated = State.STARTING
        self._on_change()
        log_path = self.supervisor.logs / "migrate.log"
        log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log_path.open("ab") as output:
            code = subprocess.run(  # noqa: S603 (our own command)
                self.product("migrate"), env=self.environment(), stdout=output, stderr=output, check=False,
                timeout=MIGRATE_SECONDS, start_new_session=True, stdin=subprocess.DEVNULL,
            ).returncode  # fmt: skip
        self._migrated = State.READY if code == 0 else State.FAILED
        self._on_change()
        if code != 0:
            tail = log_path.read_text("utf-8", "replace")[-4000:].strip()
            raise ProcessError(f"migrate ended with code {code}.\nLog ({log_path}):\n{tail}")

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.down()


@contextmanager
def running_stack(settings: Settings | None = None) -> Iterator[Stack]:
    """`with running_stack() as stack:`: a whole gateway inside the block, stopped in order after it."""
    with Stack(settings) as stack:
        yield stack


@contextmanager
def interruptible(stack: Stack) -> Iterator[None]:
    """Ctrl-C, SIGTERM or a closed terminal stop the stack in order (KeyboardInterrupt); the second time, at once."""
    asked = 0

    def on_signal(_number: int, _frame: object) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            stack.kill_all()
            sys.stderr.write("Killed.\n")
            raise SystemExit(1)
        raise KeyboardInterrupt

    former = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _address(stack: Stack, name: str) -> str:
    places = {
        "postgres": str(stack.settings.data_dir / "postgres"),
        "temporal": stack.temporal_address,
        "twins": " ".join(stack.twin_urls.values()),
        "api": stack.api_url,
    }
    return places.get(name, "")
