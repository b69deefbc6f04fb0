"""A Salesforce twin that really listens, and a caller that has logged in."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
import uvicorn
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from twins.salesforce.app import create_app

VERSION = "/services/data/v67.0"
WORLD = {
    "customers": [
        {"erp_no": "00040277", "name": "Brightwater Plumbing Supply", "bill_to": {"line1": "8404 Harbor St"}},
        {"erp_no": "00040264", "name": "Müller & Söhne"},
    ],
    "items": [
        {"sku": "FLB-0191", "description": "Flange bolt M8", "sell_uom": "BX", "list_price": "94.251"},
        {"sku": "SLV-0345/Z", "description": 'Sleeve 1"', "sell_uom": "EA", "list_price": "402.25"},
    ],
    "orders": [
        {
            "order_no": "SO700310",
            "customer_erp_no": "00040277",
            "po_no": "PO-7249",
            "ordered_on": "2026-11-16",
            "lines": [
                {"line": 1, "sku": "FLB-0191", "quantity": "4", "uom": "BX", "unit_price": "47.7119"},
                {"line": 2, "sku": "SLV-0345/Z", "quantity": "2.25", "uom": "EA", "unit_price": "201.25"},
            ],
        }
    ],
}


class ToTwin(HTTPAdapter):
    """Leads https calls of a My Domain to the twin and keeps their Host."""

    def __init__(self, base: str) -> None:
        self.twin = urlsplit(base)
        super().__init__()

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]
        target = urlsplit(str(request.url))
        request.headers.setdefault("Host", target.netloc)
        request.url = urlunsplit((self.twin.scheme, self.twin.netloc, target.path, target.query, ""))
        return super().send(request, **{**more, "timeout": more.get("timeout") or (5, 30)})


class Server:
    """A twin served by uvicorn in a thread on a free port of the loopback interface."""

    def __init__(self, database: str = ":memory:") -> None:
        self.listener = socket.socket(proto=socket.IPPROTO_TCP)  # so that asyncio sends what it has at once
        self.listener.bind(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(create_app(database), log_level="error", ws="none"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.listener.close()


class Caller:
    """Calls a twin with a bearer token and reads numbers as Decimals."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        self.log_in()

    def log_in(self) -> None:
        form = {"grant_type": "client_credentials"}
        answer = self.http.post(
            f"{self.base}/services/oauth2/token", data=form, auth=("twin-consumer", "twin-consumer-secret"), timeout=10
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("timeout", 10)
        return self.http.request(method, self.base + VERSION + path, json=body, **more)

    def create(self, name: str, **fields: Any) -> str:
        answer = self.call("POST", f"/sobjects/{name}/", fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def read(self, name: str, record: str) -> dict[str, Any]:
        return exact(self.call("GET", f"/sobjects/{name}/{record}"))

    def query(self, soql: str, resource: str = "query", **headers: str) -> dict[str, Any]:
        answer = self.call("GET", f"/{resource}/", params={"q": soql}, headers=headers)
        assert answer.status_code == 200, answer.text
        return exact(answer)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.base}/__twin__{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return exact(answer)

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str, str]:
        answer = self.call(method, path, body, **more)
        (error,) = answer.json()
        return answer.status_code, error["errorCode"], error["message"]


def exact(answer: requests.Response) -> Any:
    """The JSON of an answer without floats."""
    return json.loads(answer.text, parse_float=Decimal)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def caller(server: Server) -> Iterator[Caller]:
    """A caller of an org that has only what every org has."""
    requests.post(f"{server.base}/__twin__/reset", timeout=10)
    ready = Caller(server.base)
    yield ready
    ready.http.close()


@pytest.fixture
def seeded(caller: Caller) -> Caller:
    """A caller of an org with two customers, two items and one activated order."""
    caller.control("POST", "/seed", WORLD)
    return caller


@pytest.fixture
def client(seeded: Any) -> Iterator[Salesforce]:
    """The unmodified simple-salesforce client in direct mode, logged in to the seeded org."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToTwin(seeded.base))
    token = str(seeded.http.headers["Authorization"]).removeprefix("Bearer ")
    yield Salesforce(
        session_id=token,
        instance_url="https://acme.my.salesforce.com",
        session=session,
        version="67.0",
        parse_float=Decimal,
        object_pairs_hook=dict,
    )
    session.close()


@pytest.fixture
def start_server() -> Iterator[Any]:
    """Starts further servers, which end with the test."""
    running: list[Server] = []

    def start(database: str) -> Server:
        running.append(Server(database))
        return running[-1]

    yield start
    for one in running:
        one.stop()
