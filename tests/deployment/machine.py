"""The services of docker-compose.yml as plain processes of this machine: their commands, variables, health checks.

What differs from containers is only where things are: hosts are ports of the loopback, `/data` is a folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from tests.architecture.project import ROOT
from tests.deployment.compose import Compose
from tests.e2e.waiting import wait_until

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
    def running(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A service from the time that it is healthy; at the end it has to stop by itself within its grace."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip
        grace = int(self.compose.services[name].get("stop_grace_period", "10s").removesuffix("s"))
        try:
            wait_until(
                f"{name} is healthy", lambda: self.health(name), lambda found: found.returncode == 0, seconds=90,
                explain=lambda: log.read_text("utf-8", "replace")[-3000:],
            )  # fmt: skip
            yield process
            assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
            process.send_signal(signal.SIGTERM)
            # The web server ends in order, and then by the signal that it was sent.
            assert process.wait(grace) in {0, -signal.SIGTERM}, log.read_text("utf-8", "replace")[-3000:]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
