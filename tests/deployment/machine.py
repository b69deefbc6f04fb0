"""The services of docker-compose.yml as plain processes of this machine: their commands, variables, health checks.

What differs from containers is only where things are: hosts are ports of the loopback, `/data` is a folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from dotenv import dotenv_values

from tests.architecture.project import ROOT
from tests.deployment.compose import Compose

START_SECONDS = 120
KEPT = ("PATH", "LANG", "TMPDIR")
PROGRAMS = {"threeway": [sys.executable, str(ROOT / "cli.py")], "python": [sys.executable]}


@dataclass
class Machine:
    """Where what the file names is on this machine."""

    folder: Path
    places: Mapping[str, str]
    twin_ports: tuple[int, int, int]

    @property
    def compose(self) -> Compose:
        """The file with the variables of `.env`."""
        found = dotenv_values(self.folder / ".env")
        return Compose({name: value or "" for name, value in found.items()})

    def placed(self, text: str) -> str:
        """A text of the file with the places of this machine."""
        for name, place in self.places.items():
            text = text.replace(name, place)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """All that the process of a service sees."""
        service = self.compose.services[name]
        surroundings = {key: os.environ[key] for key in KEPT if key in os.environ}
        from_file = dotenv_values(self.folder / service["env_file"]) if service.get("env_file") else {}
        told = {key: self.placed(value) for key, value in self.compose.environment(name).items()}
        return {
            **surroundings,
            "PYTHONPATH": str(ROOT),
            **{key: value or "" for key, value in from_file.items()},
            **told,
        }

    def command(self, name: str) -> list[str]:
        """The words that the container starts with, ports of the stand-ins added."""
        service = self.compose.services[name]
        words = [*service.get("entrypoint", ["threeway"]), *service.get("command", [])]
        ports = zip(("quickbooks", "salesforce", "erp"), self.twin_ports, strict=True) if name == "twins" else ()
        flags = [part for system, port in ports for part in (f"--{system}-port", str(port))]
        return [*PROGRAMS[words[0]], *(self.placed(word) for word in words[1:]), *flags]

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a one-shot service to its end."""
        return subprocess.run(
            self.command(name), env=self.environment(name), cwd=self.folder, capture_output=True, text=True,
            timeout=90, check=False,
        )  # fmt: skip

    def health(self, name: str) -> subprocess.CompletedProcess[str]:
        """What the health check of a service says, with the variables of the service."""
        kind, *words = self.compose.services[name]["healthcheck"]["test"]
        assert (kind, words[0]) == ("CMD", "python")
        ports = [str(port) for port in self.twin_ports] if name == "twins" else []
        command = [*PROGRAMS["python"], *words[1:], *ports]
        return subprocess.run(
            command,
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Services from the time that all are healthy; at the end each has to stop by itself within its grace."""
        with ExitStack() as stack:
            started = {name: stack.enter_context(self._started(name)) for name in names}
            for name in names:
                self._wait_until_healthy(name)
            yield
            for name, process in reversed(started.items()):
                assert process.poll() is None, self.tail(name)
                process.send_signal(signal.SIGTERM)
                # The web server ends in order, and then by the signal that it was sent.
                assert process.wait(self._grace(name)) in {0, -signal.SIGTERM}, self.tail(name)

    def tail(self, name: str) -> str:
        """The end of what a service logged."""
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    @contextmanager
    def _started(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _wait_until_healthy(self, name: str) -> None:
        deadline = monotonic() + START_SECONDS
        while (found := self.health(name)).returncode != 0:
            assert monotonic() < deadline, f"{name}: {found.stdout}\n{self.tail(name)}"
            sleep(1)  # each check is a process, which takes time from what starts

    def _grace(self, name: str) -> int:
        return int(self.compose.services[name].get("stop_grace_period", "10s").removesuffix("s"))
