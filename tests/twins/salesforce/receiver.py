"""Somebody whom the org can call: remembers what came and answers as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)
RIGHT = (200, ACK.format("true"))


class Heard(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """A server on the loopback interface; `answer` decides by the number of the call, from 0."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer: Callable[[int], tuple[int, str]] = lambda _: RIGHT
        self.slow = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(Heard(self.path, dict(self.headers), body))
                status, text = receiver.answer(len(receiver.heard) - 1)
                time.sleep(receiver.slow)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def wait_for(self, count: int, seconds: float = 10) -> list[Heard]:
        """What came, once so many calls did."""
        ends = time.monotonic() + seconds
        while len(self.heard) < count:
            assert time.monotonic() < ends, f"{len(self.heard)} of {count} calls came"
            time.sleep(0.02)
        return self.heard

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
