"""What takes alerts in tests, over real sockets: a mail server and an HTTP receiver, each with faults to order."""

from __future__ import annotations

import base64
import email
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from time import sleep
from typing import Any


@dataclass
class MailServer:
    """Speaks SMTP. `refuses`: codes for the next letters; `dies_after_taking`: so many letters get no answer."""

    port: int = 0
    letters: list[tuple[list[str], Message]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    refuses: list[int] = field(default_factory=list)
    refused_readers: set[str] = field(default_factory=set)
    dies_after_taking: int = 0
    secured: int = 0
    tls: ssl.SSLContext | None = None
    password: str | None = None
    mute: bool = False


class _Talk(StreamRequestHandler):
    """One connection: a method a command, which answers whether it goes on."""

    server_state: MailServer
    timeout = 5.0

    def handle(self) -> None:
        self.readers: list[str] = []
        self.secure = self.server_state.tls is None
        with suppress(OSError):
            if self.server_state.mute:
                self.rfile.readline()
                return
            self.say("220 mail.test ready")
            while line := self.rfile.readline().decode().strip():
                word, _, rest = line.partition(" ")
                if not getattr(self, f"on_{word.lower()}", self.other)(rest):
                    return

    def say(self, text: str) -> bool:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()
        return True

    def other(self, _rest: str) -> bool:
        return self.say("250 ok")

    def on_ehlo(self, _rest: str) -> bool:
        return self.say(f"250-mail.test\r\n250 {'AUTH PLAIN' if self.secure else 'STARTTLS'}")

    def on_starttls(self, _rest: str) -> bool:
        assert self.server_state.tls is not None
        self.say("220 go ahead")
        self.connection = self.request = self.server_state.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.secure = True
        self.server_state.secured += 1
        return True

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def on_auth(self, rest: str) -> bool:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.server_state.users.append(user)
        return self.say("235 welcome" if password == self.server_state.password else "535 no")

    def on_mail(self, _rest: str) -> bool:
        self.readers = []
        return self.say("250 ok")

    def on_rcpt(self, rest: str) -> bool:
        name = rest.partition("<")[2].rstrip(">")
        if name in self.server_state.refused_readers:
            return self.say("550 nobody here")
        self.readers.append(name)
        return self.say("250 ok")

    def on_data(self, _rest: str) -> bool:
        self.say("354 go on")
        lines = list(iter(self.rfile.readline, b".\r\n"))
        if self.server_state.refuses:
            return self.say(f"{self.server_state.refuses.pop(0)} not now")
        self.server_state.letters.append((self.readers, email.message_from_bytes(b"".join(lines))))
        if self.server_state.dies_after_taking:
            self.server_state.dies_after_taking -= 1
            return False
        return self.say("250 taken")

    def on_quit(self, _rest: str) -> bool:
        self.say("221 bye")
        return False


@contextmanager
def mail_server(**given: Any) -> Iterator[MailServer]:
    """A mail server on a free port for as long as the body runs."""
    state = MailServer(**given)
    handler = type("Handler", (_Talk,), {"server_state": state})
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server, _serving(server):
        state.port = server.server_address[1]
        yield state


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - a client that goes away is none of ours
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)


@dataclass
class Receiver:
    """Takes calls. `answers`: statuses for the next calls, 200 afterwards; `slow`: seconds before each answer."""

    address: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    slow: float = 0.0
    hangs_up: int = 0


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP receiver on a free port for as long as the body runs."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            sleep(found.slow)
            if found.hangs_up:
                found.hangs_up -= 1
                self.close_connection = True
                return
            status = found.answers.pop(0) if found.answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", found.address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, _serving(server):
        found.address = f"http://127.0.0.1:{server.server_address[1]}/alerts/T0/B1/x9y8z7"
        yield found
