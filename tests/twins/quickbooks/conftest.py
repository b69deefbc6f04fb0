"""A QuickBooks twin on a free port, served by a real server, and a plain client that speaks to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
import uvicorn

from twins.quickbooks.app import create_app

REALM = "9130357849016486"
FIRST_TOKEN, CLIENT_SECRET = "twin-refresh-token", "twin-secret"
WORLD = {
    "terms": [{"code": "N30", "name": "Net 30", "due_days": 30}, {"code": "N15", "name": "Net 15", "due_days": 15}],
    "customers": [
        {
            "erp_no": "00000001",
            "name": "Acme Supply",
            "terms_code": "N15",
            "bill_to": {"line1": "1 Main St", "city": "Macon", "state": "GA", "zip": "31201"},
        },
        {"erp_no": "00000002", "name": "Bob's Hardware", "terms_code": "N30", "tax_exempt": True},
    ],
    "items": [
        {"sku": "HCS-0100/Z", "description": "Hex cap screw", "list_price": "12.75", "taxable": True},
        {"sku": "FLB-0107", "description": "Flange bolt", "list_price": "14.5", "taxable": False},
    ],
    "orders": [{"order_no": "SO1"}],
}


class Client:
    """Requests to one twin: `post` and `get` speak to the company, `control` to the control plane."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.token = ""

    def grant(self, refresh_token: str = FIRST_TOKEN, secret: str = CLIENT_SECRET) -> requests.Response:
        """Redeem a refresh token; on success its access token is used from now on."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        url = f"{self.base}/oauth2/v1/tokens/bearer"
        answer = self.session.post(url, data=form, auth=("twin-client", secret), timeout=10)
        if answer.ok:
            self.token = answer.json()["access_token"]
        return answer

    def call(self, method: str, path: str, body: Any = None, timeout: float = 10, **headers: str) -> requests.Response:
        """Send one request below the company; a body that is not text is written as JSON."""
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        known = {"Accept": "application/json", "Content-Type": "application/json"}
        known["Authorization"] = f"Bearer {self.token}"
        url = f"{self.base}/v3/company/{REALM}/{path}"
        return self.session.request(method, url, data=data, headers={**known, **headers}, timeout=timeout)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Post to the company."""
        return self.call("POST", path, body, **options)

    def get(self, path: str) -> requests.Response:
        """Read from the company."""
        return self.call("GET", path)

    def create(self, body: dict[str, Any], query: str = "") -> dict[str, Any]:
        """Create an invoice that must be accepted."""
        answer = self.post(f"invoice?minorversion=75{query}", body)
        assert answer.status_code == 200, answer.text
        return read(answer)["Invoice"]

    def query(self, text: str) -> dict[str, Any]:
        """Run a query that must be accepted and return its QueryResponse."""
        answer = self.call("POST", "query?minorversion=75", text.encode(), **{"Content-Type": "application/text"})
        assert answer.status_code == 200, answer.text
        return read(answer)["QueryResponse"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Speak to the control plane; the answer must be a success."""
        answer = self.session.request(method, f"{self.base}/__twin__/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settings(self, **values: Any) -> None:
        """Change settings of the twin."""
        self.control("PATCH", "settings", values)

    def fault(self, kind: str, **rule: Any) -> None:
        """Add a fault rule for invoices, unless the rule names another path."""
        self.control("POST", "faults", {"kind": kind, "path": "/invoice", **rule})

    def count(self) -> int:
        """Return how many invoices the books have."""
        return int(self.control("GET", "ledger")["count"])


def read(answer: requests.Response) -> Any:
    """Parse an answer without floats."""
    return json.loads(answer.text, parse_float=Decimal)


def refused(answer: requests.Response, code: int) -> dict[str, Any]:
    """Check that an answer is a business fault of that code, and return its first error."""
    assert answer.status_code == 400, answer.text
    error: dict[str, Any] = answer.json()["Fault"]["Error"][0]
    assert error["code"] == str(code), answer.text
    return error


def line(amount: object = None, quantity: object = None, price: object = None, item: str = "1") -> dict[str, Any]:
    """Build a sales line; what is None is left out."""
    detail = {"ItemRef": {"value": item}, "Qty": quantity, "UnitPrice": price}
    body = {"DetailType": "SalesItemLineDetail", "Amount": amount}
    kept = {name: value for name, value in body.items() if value is not None}
    return {**kept, "SalesItemLineDetail": {name: value for name, value in detail.items() if value is not None}}


def invoice(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Build the body of an invoice for the first customer."""
    return {"CustomerRef": {"value": "1"}, "Line": list(lines) or [line(100)], **fields}


@pytest.fixture(scope="session")
def quickbooks_url() -> Iterator[str]:
    """The address of a twin that lives as long as the test session."""
    config = uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def twin(quickbooks_url: str) -> Iterator[Client]:
    """An empty twin with a small world and an access token."""
    client = Client(quickbooks_url)
    client.control("POST", "reset")
    client.control("POST", "seed", WORLD)
    assert client.grant().ok
    yield client
    client.session.close()
