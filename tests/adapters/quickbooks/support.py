"""What the tests of the QuickBooks adapter share: a vault in memory, drafts, and a server that answers by script."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from adapters.quickbooks.connection import QuickBooksConnection
from domain.invoices import (
    InvoiceDraft,
    InvoiceLine,
    LineKind,
    VendorRefs,
    doc_number_for,
    marker_for,
    request_id_for,
)
from domain.tokens import TokenSet

REALM = "9130357849016486"
GENERATION = 1


class MemoryVault:
    """A token vault with a real lock, so that renewals wait for each other as they do under a row lock."""

    def __init__(self, saved: TokenSet | None = None) -> None:
        self.saved = saved
        self.lock = threading.Lock()

    def read(self, system: str, account: str) -> TokenSet | None:  # noqa: ARG002 - the protocol
        return self.saved

    def renew(
        self,
        system: str,  # noqa: ARG002 - the protocol
        account: str,  # noqa: ARG002 - the protocol
        stale_access_token: str | None,
        fetch: Callable[[TokenSet | None], TokenSet],
    ) -> TokenSet:
        with self.lock:
            access = self.saved.access_token if self.saved else None
            if self.saved and access and access.get_secret_value() != stale_access_token:
                return self.saved
            self.saved = fetch(self.saved)
            return self.saved


def connection(root: str, **changes: object) -> QuickBooksConnection:
    """A connection to a server on this machine, with short timeouts and a budget that does not slow tests down."""
    values: dict[str, object] = {
        "api_url": f"{root}/v3",
        "discovery_url": f"{root}/.well-known/openid_configuration",
        "client_id": "twin-client",
        "client_secret": SecretStr("twin-secret"),
        "refresh_token": SecretStr("twin-refresh-token"),
        "realm_id": REALM,
        "connect_timeout": 2.0,
        "read_timeout": 1.0,
        "requests_per_second": 1000,
        "requests_per_minute": 10000,
        "batches_per_minute": 1000,
    }
    return QuickBooksConnection.model_validate(values | changes)


def line(sku: str = "FLB-0107", quantity: str = "4", price: str = "94.251", amount: str = "377.00") -> InvoiceLine:
    return InvoiceLine(
        line_no=1,
        sku=sku,
        description="Flange bolt M8, Größe 8",
        quantity=Decimal(quantity),
        uom="BX",
        unit_price=Decimal(price),
        amount=Decimal(amount),
        taxable=True,
    )


def draft(shipment: str = "S-1001", lines: tuple[InvoiceLine, ...] | None = None, **changes: object) -> InvoiceDraft:
    """A draft under the product's own rules for numbers and ids."""
    chosen = lines if lines is not None else (line(),)
    values: dict[str, object] = {
        "shipment_number": shipment,
        "generation": GENERATION,
        "doc_number": doc_number_for(shipment, GENERATION),
        "request_id": request_id_for(REALM, shipment, GENERATION),
        "order_number": "SO-7",
        "customer_number": "000123",
        "terms_code": "N30",
        "purchase_order": "PO 55",
        "shipped_on": date(2026, 11, 20),
        "invoiced_on": date(2026, 11, 20),
        "due_on": date(2026, 12, 20),
        "carrier": "Old Dominion Freight Line Incorporated",
        "tracking": "1Z999",
        "lines": chosen,
        "total": sum((one.amount for one in chosen), Decimal(0)),
    }
    return InvoiceDraft.model_validate(values | changes)


def freight(amount: str = "38.20") -> InvoiceLine:
    return InvoiceLine(
        line_no=2,
        kind=LineKind.FREIGHT,
        sku="FREIGHT",
        description="Freight",
        quantity=Decimal(1),
        uom="EA",
        unit_price=Decimal(amount),
        amount=Decimal(amount),
        taxable=False,
    )


def refs(**item_ids: str) -> VendorRefs:
    return VendorRefs(customer_id="58", terms_id="3", item_ids={"FLB-0107": "11", "FREIGHT": "12"} | item_ids)


def signed_in(access: str = "given", **changes: object) -> TokenSet:
    """Saved tokens that work and do not say when they end."""
    values: dict[str, object] = {"access_token": SecretStr(access), "refresh_token": SecretStr("saved-refresh")}
    return TokenSet.model_validate(values | changes)


def invoice_json(one: InvoiceDraft, external_id: str = "130", **changes: object) -> dict[str, object]:
    """An invoice as QuickBooks answers it."""
    stated: dict[str, object] = {
        "Id": external_id,
        "SyncToken": "0",
        "DocNumber": one.doc_number,
        "CustomerRef": {"value": "58", "name": "Acme"},
        "TxnDate": "2026-11-20",
        "TotalAmt": 377.0,
        "Balance": 377,
        "PrivateNote": f"{marker_for(one.shipment_number, one.generation)}\nshipment",
        "MetaData": {"CreateTime": "2026-11-20T10:33:39-08:00", "LastUpdatedTime": "2026-11-20T10:33:39-08:00"},
    }
    return stated | changes


def fault(code: str, message: str = "", detail: str = "", fault_type: str = "ValidationFault") -> dict[str, object]:
    return {"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": fault_type}}


@dataclass(frozen=True)
class Scripted:
    """One answer: `body` is sent as it is, anything but text as JSON. `reset` closes the connection without a word."""

    body: object = ""
    status: int = 200
    content_type: str = "application/json;charset=UTF-8"
    delay: float = 0
    reset: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str


class ScriptedServer:
    """Answers API calls from `answers` in turn and keeps every request; gives tokens `access-1`, `access-2`, ..."""

    def __init__(self) -> None:
        self.root = ""
        self.answers: deque[Scripted] = deque()
        self.token_answers: deque[Scripted] = deque()
        self.respond: Callable[[Received], Scripted] = lambda _request: self.answers.popleft()
        self.received: list[Received] = []
        self.token_requests: list[Received] = []
        self.discoveries = 0
        self._lock = threading.Lock()

    def answer(self, request: Received) -> Scripted:
        with self._lock:
            if request.path == "/.well-known/openid_configuration":
                self.discoveries += 1
                return Scripted({"token_endpoint": f"{self.root}/token"})
            if request.path == "/token":
                self.token_requests.append(request)
                return self.token_answers.popleft() if self.token_answers else self._tokens()
            self.received.append(request)
            return self.respond(request)

    def _tokens(self) -> Scripted:
        number = len(self.token_requests)
        return Scripted({"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600})


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            request = Received(self.command, split.path, parse_qs(split.query), dict(self.headers), body)
            self._send(script.answer(request))

        do_POST = do_GET  # noqa: N815 - the name that the server looks for

        def _send(self, answer: Scripted) -> None:
            threading.Event().wait(answer.delay)
            self.close_connection = answer.reset
            if answer.reset:
                return
            content = (
                answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
            ).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.content_type, "intuit_tid": "tid-1", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client has given up: that is the point of a delay

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
