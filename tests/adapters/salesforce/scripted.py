"""A server that answers exactly what a test scripts: for answers that no healthy org gives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

LOGIN = "/services/oauth2/token"


class Seen(NamedTuple):
    """A request as it arrived; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Answer(NamedTuple):
    """What to answer: a status with a body, after a pause; status 0 closes the connection without an answer."""

    status: int = 200
    body: object = None
    pause: float = 0
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def expired() -> Answer:
    """A refused session as Salesforce words it."""
    return Answer(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])


class Scripted:
    """Answers requests with `decide`, and logins with a new token each, unless `login` says otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.decide: Callable[[Seen], Answer] = lambda _seen: Answer(200, {"records": [], "done": True, "totalSize": 0})
        self.login: Callable[[Seen], Answer] | None = None
        self.lock = threading.Lock()

    def answers(self, *given: Answer) -> None:
        """Give these answers, one after the other; the last one stays."""
        waiting = list(given)

        def decide(_seen: Seen) -> Answer:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.decide = decide

    def answer(self, seen: Seen) -> Answer:
        with self.lock:
            self.seen.append(seen)
            if seen.path != LOGIN:
                return self.decide(seen)
            if self.login is not None:
                return self.login(seen)
            return Answer(200, {"access_token": f"token-{len(self.logins())}", "instance_url": f"{self.url}/"})

    def logins(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == LOGIN]

    def calls(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path != LOGIN]


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """Serve a script on a free port of loopback."""
    script = Scripted()
    server = _Server(("127.0.0.1", 0), _handler(script))
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that lose patience hang up before the answer is written."""


def _handler(script: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = script.answer(Seen(self.command, unquote_plus(self.path), headers, body))
            time.sleep(answer.pause)
            if answer.status == 0:
                self.close_connection = True
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            as_text = isinstance(answer.body, str)
            content = b"" if answer.body is None else (answer.body if as_text else json.dumps(answer.body)).encode()  # type: ignore[union-attr]
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/html" if as_text else "application/json;charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - named by http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
            """Say nothing."""

    return Handler
