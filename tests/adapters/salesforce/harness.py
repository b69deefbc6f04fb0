"""A Salesforce twin on loopback, a vault in memory, and gateways that talk to both."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from adapters.salesforce.connection import SalesforceConnection, SalesforceNames
from adapters.salesforce.gateway import SalesforceGateway
from domain.tokens import TokenSet


class MemoryVault:
    """A vault with a real lock; it counts how often somebody had to log in."""

    def __init__(self) -> None:
        self.saved: dict[tuple[str, str], TokenSet] = {}
        self.logins = 0
        self._row = threading.Lock()

    def read(self, system: str, account: str) -> TokenSet | None:
        return self.saved.get((system, account))

    def renew(
        self, system: str, account: str, stale_access_token: str | None, fetch: Callable[[TokenSet | None], TokenSet]
    ) -> TokenSet:
        with self._row:
            saved = self.saved.get((system, account))
            held = saved.access_token.get_secret_value() if saved and saved.access_token else None
            if saved is not None and held != stale_access_token:
                return saved
            self.logins += 1
            self.saved[system, account] = fetch(saved)
            return self.saved[system, account]


class Twin:
    """The twin's control plane, as a test uses it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/__twin__", timeout=30, trust_env=False)

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def reset(self) -> None:
        self.control("POST", "/reset")

    def fault(self, kind: str, **rule: object) -> None:
        self.control("POST", "/faults", {"kind": kind, **rule})

    def clear_faults(self) -> None:
        self.control("DELETE", "/faults")

    def journal(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self.control("GET", "/journal?after=0")["requests"]
        return requests

    def calls(self, method: str, part: str) -> list[dict[str, Any]]:
        """The journalled requests of this method whose path holds `part`."""
        return [call for call in self.journal() if call["method"] == method and part in call["path"]]

    def close(self) -> None:
        self._http.close()


@contextmanager
def serving(app: object) -> Iterator[str]:
    """Serve an ASGI application on a free port of loopback."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # so that asyncio sends what it has at once
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the twin did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def connection_to(url: str, **settings: Any) -> SalesforceConnection:
    """The demo's credentials, with room for a test's own settings."""
    values: dict[str, Any] = {
        "url": url,
        "client_id": "twin-consumer",
        "client_secret": SecretStr("twin-consumer-secret"),
        **settings,
    }
    return SalesforceConnection(**values)


def gateway_to(url: str, vault: MemoryVault, **settings: Any) -> SalesforceGateway:
    """A gateway for one org at this address."""
    return SalesforceGateway(connection_to(url, **settings), SalesforceNames(), vault)
