"""deploy/audit.sh against a database of vulnerabilities of this test: clean, affected, away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import util
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from runtime.embedded.ports import free_port
from tests.architecture.project import ROOT

pytestmark = pytest.mark.skipif(util.find_spec("pip_audit") is None, reason="pip-audit is not installed")

ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "It does what it must not.",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "httpx", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


class _Database(BaseHTTPRequestHandler):
    """Answers as OSV does; knows one vulnerable package."""

    vulnerable: frozenset[str] = frozenset()
    asked: set[str]

    def do_POST(self) -> None:
        query: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = query["package"]["name"]
        type(self).asked.add(name)
        body = json.dumps({"vulns": [ADVISORY]} if name in self.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[tuple[str, type[_Database]]]:
    """A database that runs, and what it was asked."""
    kind = type("Database", (_Database,), {"vulnerable": frozenset(getattr(request, "param", ())), "asked": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query", kind
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two lock files that are as ours, only shorter."""
    lock = (ROOT / "requirements.lock").read_text()
    for name, packages in {"requirements.lock": ("httpx", "pydantic"), "requirements-dev.lock": ("idna",)}.items():
        entries = [re.search(rf"^{one}==(?:.*\\\n)*.*", lock, re.MULTILINE) for one in packages]
        (tmp_path / name).write_text("\n".join(entry[0] for entry in entries if entry) + "\n")
    return tmp_path


def audit(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """The script in this folder, asking this database."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AUDIT_OSV_URL": url, "no_proxy": "127.0.0.1"}
    command = ["sh", str(ROOT / "deploy" / "audit.sh"), sys.executable]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_nothing_is_known(project: Path, database: tuple[str, type[_Database]]) -> None:
    url, asked = database
    done = audit(project, url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "requirements.lock: nothing is known",
        "requirements-dev.lock: nothing is known",
    ]
    assert asked.asked == {"httpx", "pydantic", "idna"}


@pytest.mark.parametrize("database", [("httpx",)], indirect=True)
def test_what_is_known_is_named(project: Path, database: tuple[str, type[_Database]]) -> None:
    done = audit(project, database[0])
    assert done.returncode == 1
    assert re.search(r"httpx\s+\S+\s+PYSEC-2026-1\s+99\.0", done.stdout)
    assert "requirements-dev.lock: nothing is known" in done.stdout


def test_offline_it_says_so_and_proves_nothing(project: Path) -> None:
    done = audit(project, f"http://127.0.0.1:{free_port()}/v1/query")
    assert done.returncode == 2
    assert done.stdout.count("NOT AUDITED. The database of vulnerabilities could not be asked; are you offline?") == 2
    assert done.stdout.count("Connection refused") == 2
    assert "Traceback" not in done.stdout
    assert "nothing is known" not in done.stdout


def test_a_lock_of_npm_is_not_forgotten(project: Path, database: tuple[str, type[_Database]]) -> None:
    """Where npm cannot ask either, the whole audit says that something was left out."""
    (project / "web").mkdir()
    packages = {"": {"dependencies": {"left-pad": "1.3.0"}}, "node_modules/left-pad": {"version": "1.3.0"}}
    lock = {"name": "web", "lockfileVersion": 3, "packages": packages}
    (project / "web" / "package-lock.json").write_text(json.dumps(lock))
    (project / "web" / ".npmrc").write_text(f"registry=http://127.0.0.1:{free_port()}/\nfetch-retries=0\n")
    (project / "web" / "node_modules" / "x").mkdir(parents=True)
    (project / "web" / "node_modules" / "x" / "package-lock.json").write_text("{}")
    done = audit(project, database[0])
    assert done.returncode == 2
    assert "./web/package-lock.json: NOT AUDITED" in done.stdout
    assert "node_modules" not in done.stdout
