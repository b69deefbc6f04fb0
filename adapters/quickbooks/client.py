"""The client library, unmodified, with what it lacks: timeouts, a pace, renewal, typed errors and limits on writing."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import requests
from quickbooks.client import QuickBooks

from adapters.quickbooks.connection import QuickBooksConnection
from adapters.quickbooks.errors import translate
from adapters.quickbooks.faults import Answer, read_answer
from adapters.quickbooks.governor import Budget, Priority
from adapters.quickbooks.permissions import Operation, permit
from adapters.quickbooks.tokens import QuickBooksTokens
from adapters.quickbooks.transport import network_error, prepare
from domain.errors import Misconfigured, RateLimited
from domain.master_seen import ClockWatch

log = logging.getLogger(__name__)

Body = Mapping[str, Any]


class _Session(requests.Session):
    """A plain session with the one attribute that the library reads; an OAuth session would refuse a local stand-in."""

    def __init__(self, tokens: QuickBooksTokens, timeouts: tuple[float, float]) -> None:
        super().__init__()
        self._tokens = tokens
        prepare(self, timeouts)

    @property
    def access_token(self) -> str:
        """The token to use now; it renews itself."""
        return self._tokens.current()

    def renew(self, refused: str) -> str:
        """Another token than the one that was refused."""
        return self._tokens.renew(refused)


class QuickBooksClient(QuickBooks):
    """One company for one thread: session and `last_trace` are not shared. All errors are those of `domain.errors`."""

    def __init__(
        self,
        *,
        connection: QuickBooksConnection,
        tokens: QuickBooksTokens,
        budget: Budget,
        clock: ClockWatch,
        **_library: object,
    ) -> None:
        """Use `build`: the library takes its own settings in `__new__`."""
        self.api_url_v3 = self.sandbox_api_url_v3 = connection.api_url
        self.session = self.http = _Session(tokens, connection.timeouts)
        self._library.auth_client = tokens
        self.last_trace: str | None = None
        self._company_url = connection.company_url
        self._budget = budget
        self._priority = Priority.INVOICES
        self._clock = clock

    @classmethod
    def build(
        cls,
        connection: QuickBooksConnection,
        tokens: QuickBooksTokens,
        budget: Budget,
        clock: ClockWatch | None = None,
    ) -> QuickBooksClient:
        """A client for this connection; nothing is sent yet."""
        return cls(
            connection=connection,
            tokens=tokens,
            budget=budget,
            clock=clock or ClockWatch(),
            company_id=connection.realm_id,
            minorversion=connection.minor_version,
            use_decimal=True,
        )

    def create_invoice(self, body: str, request_id: str) -> Body:
        """Create one invoice. The same `request_id` again gives the stored answer instead of a second invoice."""
        self._priority = Priority.INVOICES
        return self._library.create_object("Invoice", body, request_id=request_id)  # type: ignore[no-any-return]

    def create_credit_memo(self, body: str, request_id: str) -> Body:
        """Create one credit memo. The same `request_id` again gives the stored answer instead of a second one."""
        self._priority = Priority.INVOICES
        return self._library.create_object("CreditMemo", body, request_id=request_id)  # type: ignore[no-any-return]

    def void_invoice(self, body: str, request_id: str) -> Body:
        """Void the invoice that the body names; the library's own `void` has no request id."""
        self._priority = Priority.INVOICES
        asked = {"operation": "void"}
        return self._library.create_object("Invoice", body, request_id=request_id, params=asked)  # type: ignore[no-any-return]

    def update_master(self, entity: str, body: str) -> Body:
        """Change some fields of one customer or item. Its `SyncToken` lets it happen once: no request id."""
        self._priority = Priority.MASTERS
        return self._library.create_object(entity, body, request_id=None)  # type: ignore[no-any-return]

    def run_batch(self, body: str, batch_id: str) -> Body:
        """Run one batch. An item's identity is `batch_id` with its `bId`; the library's own batches have none."""
        self._priority = Priority.INVOICES
        self._budget.batches.acquire()
        return self._library.post(f"{self._company_url}/batch", body, request_id=batch_id, params={})  # type: ignore[no-any-return]

    def select(self, statement: str, priority: Priority) -> Body:
        """Run one query; literals in it were made by `query.literal`."""
        self._priority = priority
        return self._library.query(statement, params={})  # type: ignore[no-any-return]

    def read(self, resource: str) -> Body:
        """Read one resource of the company, such as `invoice/12` or `preferences`."""
        self._priority = Priority.PROBES
        return self._library.get(f"{self._company_url}/{resource}", params={})  # type: ignore[no-any-return]

    def changes(self, entities: Sequence[str], since: datetime) -> Body:
        """What changed of these entities at or after an instant; the library would drop the instant's offset."""
        self._priority = Priority.MASTERS
        stamp = since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        asked = {"entities": ",".join(entities), "changedSince": stamp}
        return self._library.get(f"{self._company_url}/cdc", params=asked)  # type: ignore[no-any-return]

    def process_request(
        self,
        request_type: str,
        url: str,
        headers: object = "",
        params: object = "",
        data: Any = "",
    ) -> requests.Response:
        """Where every call of the library passes: permission, pace, token, sending, and our reading of the answer."""
        operation = permit(request_type, self._resource(url), _mapping(params), data)
        request = requests.Request(request_type, url, headers=_mapping(headers), params=_mapping(params), data=data)
        response = self._send_with_renewal(request, operation)
        error = translate(self._read(response), write=operation.writes)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self._budget.requests.pause(error.retry_after)
        if error is not None:
            log.warning("QuickBooks %s %s: %s (%s)", request_type, operation.value, error.code, error.reason)
            raise error
        return response

    @property
    def _library(self) -> Any:
        """This object seen without types: the library has none."""
        return self

    def _resource(self, url: str) -> str:
        """The path below the company. The token never goes anywhere else."""
        company, _, resource = url.partition(f"{self._company_url}/")
        if company or not resource:
            raise Misconfigured("A call would leave the connected QuickBooks company.", reason="foreign_address")
        return resource

    def _send_with_renewal(self, request: requests.Request, operation: Operation) -> requests.Response:
        """Send; when the token is refused, which means that nothing was done, renew it and send once more."""
        token = self.http.access_token
        response = self._send(request, token, operation)
        if response.status_code != 401 or self._read(response).throttled:
            return response
        return self._send(request, self.http.renew(token), operation)

    def _send(self, request: requests.Request, token: str, operation: Operation) -> requests.Response:
        self._budget.requests.acquire(self._priority)
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            answer = self.http.send(self.http.prepare_request(request), allow_redirects=False)
        except requests.RequestException as error:
            raise network_error(error, write=operation.writes) from error
        self._clock.note(answer.headers.get("Date"), answer.elapsed, datetime.now(UTC))
        return answer

    def _read(self, response: requests.Response) -> Answer:
        """Read before the library does: it would drop the status, the headers and all errors but the first."""
        if "charset" not in response.headers.get("Content-Type", "").lower():
            response.encoding = "utf-8"  # else requests takes Latin-1 for any kind of text, or guesses
        self.last_trace = response.headers.get("intuit_tid")
        return read_answer(response.status_code, response.text, self.last_trace)


def _mapping(value: object) -> dict[str, Any]:
    """The library's empty value for headers and parameters is an empty text."""
    return dict(value) if isinstance(value, Mapping) else {}


class ClientPool:
    """One client for each thread that asks: neither the library nor its session promises to be thread-safe."""

    def __init__(self, connection: QuickBooksConnection, tokens: QuickBooksTokens, budget: Budget) -> None:
        self.clock = ClockWatch()
        self._parts = (connection, tokens, budget, self.clock)
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def current(self) -> QuickBooksClient:
        """The client of the calling thread."""
        client: QuickBooksClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = QuickBooksClient.build(*self._parts)
            with self._lock:
                self._sessions.add(client.http)
        return client

    def close(self) -> None:
        """Close the connections of all threads; a client opens new ones when it is used again."""
        with self._lock:
            for session in self._sessions:
                session.close()
