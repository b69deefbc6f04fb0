"""A small HTTP server that answers as told, and a way to run a command line against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import cli

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class Request:
    """What a command sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class StubApi:
    """Answers by method and path, in turn; the last answer of a path repeats. Remembers what it was asked."""

    url: str
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: object, status: int = 200) -> None:
        """Answer these documents, one after the other."""
        self.answers[f"{method} {path}"] = [(status, answer) for answer in answers]

    def answer(self, request: Request) -> tuple[int, Any]:
        """The next answer for a request."""
        self.requests.append(request)
        planned = self.answers.get(f"{request.method} {request.path}")
        if not planned:
            return 404, {"title": "Not Found", "status": 404, "detail": f"There is no {request.path}."}
        return planned.pop(0) if len(planned) > 1 else planned[0]


@pytest.fixture
def api() -> Iterator[StubApi]:
    """An API on loopback that a test scripts."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            size = self.headers.get("Content-Length")
            body = self.rfile.read(int(size)) if size is not None else self._chunks()
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, document = stub.answer(
                Request(self.command, parts.path, query, {k.lower(): v for k, v in self.headers.items()}, body)
            )
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _chunks(self) -> bytes:
            body = b""
            while self.headers.get("Transfer-Encoding") == "chunked":
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
            return body

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 (the library's names)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = StubApi(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(api: StubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("trace", "X")` runs `threeway trace X` in an empty folder against the stub, in this process."""
    for name in [name for name in os.environ if name.startswith(("THREEWAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def command(*words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        code: object = 0
        with monkeypatch.context() as place, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            for name, value in {"THREEWAY_URL": api.url, "THREEWAY_ADMIN_KEY": "k-for-tests", **extra}.items():
                place.setenv(name, value)
            try:
                cli.main(words)
            except SystemExit as leaving:
                code = leaving.code
        return subprocess.CompletedProcess(list(words), int(str(code or 0)), out.getvalue(), err.getvalue())

    return command


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """The same as a process of its own."""

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(PROJECT / "cli.py"), *words]
        return subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)

    return command
