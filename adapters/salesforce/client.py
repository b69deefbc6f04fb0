"""Calls to one org through simple-salesforce, used in its direct mode: token, timeouts, repeats and errors are ours.

The library's own login recurses without end on a refused session, drops the caller's headers when it repeats, and waits
for ever; so it is given a token and a session and asked only to talk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import requests
from pydantic import SecretStr
from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import SFBulk2Type
from simple_salesforce.exceptions import SalesforceError, SalesforceOperationError

from adapters.salesforce.connection import SalesforceConnection
from adapters.salesforce.errors import SAFE_TO_REPEAT, classify, from_network, read_complaint
from adapters.salesforce.tokens import Grant, TokenKeeper
from adapters.salesforce.transport import ApiUsage, open_session
from adapters.salesforce.wire import encode
from domain.errors import GatewayError, NotAuthorized, TimedOut, Unavailable
from domain.master_seen import ClockWatch

Record = Mapping[str, Any]
Send = Callable[[Salesforce], Any]


class _Lane:
    """One connection, used by one thread at a time: a requests session is not promised to be thread-safe."""

    def __init__(
        self, connection: SalesforceConnection, on_usage: Callable[[ApiUsage], None], clock: ClockWatch
    ) -> None:
        self.session = open_session(connection, on_usage, clock)
        self._version = connection.api_version
        self._token: SecretStr | None = None
        self._api: Salesforce | None = None

    def api(self, grant: Grant) -> Salesforce:
        """The library's object for this grant; making one costs no call."""
        if self._api is None or self._token != grant.access_token:
            self._token = grant.access_token
            self._api = Salesforce(
                session_id=grant.access_token.get_secret_value(),
                instance_url=grant.instance_url,
                version=self._version,
                session=self.session,
                parse_float=Decimal,
                object_pairs_hook=dict,
            )
        return self._api


class SalesforceClient:
    """The calls that the adapter makes, at most `max_concurrency` at once.

    Thread-safe; every error that leaves it is one of the domain's tree.
    """

    def __init__(self, connection: SalesforceConnection, keeper: TokenKeeper) -> None:
        self._connection = connection
        self._keeper = keeper
        self.clock = ClockWatch()
        self._usage: ApiUsage | None = None
        self._guard = threading.Lock()
        self._lanes: list[_Lane] = []
        self._idle: queue.LifoQueue[_Lane | None] = queue.LifoQueue()
        for _ in range(connection.max_concurrency):
            self._idle.put(None)  # a place: its lane is opened when it is first needed

    @property
    def usage(self) -> ApiUsage | None:
        """The daily pool as the last answer stated it, or None before the first answer."""
        return self._usage

    @property
    def base(self) -> str:
        """The path of the data services, which subrequests have to spell out."""
        return f"/services/data/v{self._connection.api_version}"

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """Read a resource under `/services/data/vXX.X/`."""
        return self._call(
            lambda api: api.restful(path, headers=dict(headers or {}), allow_redirects=False), write=False
        )

    def write(self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        """Send a body that may safely be sent twice: an upsert, or an update by id with absolute values."""
        data = encode(body).encode()
        return self._call(
            lambda api: api.restful(path, method=method, data=data, headers=dict(headers or {}), allow_redirects=False),
            write=True,
        )

    def bulk(self, sobject: str, step: Callable[[SFBulk2Type], Any], *, write: bool) -> Any:
        """Do one step of a bulk job, one that may safely be sent twice, with the library's object for that."""
        return self._call(lambda api: step(getattr(api.bulk2, sobject)), write=write)  # it keeps the token it is given

    def pages(self, soql: str, *, include_deleted: bool = False, page_size: int = 2000) -> Iterator[list[Record]]:
        """The rows of a query, page by page; Salesforce takes 200 to 2000 as a wish and may give fewer."""
        options = {"Sforce-Query-Options": f"batchSize={page_size}"}
        page = self._call(
            lambda api: api.query(soql, include_deleted=include_deleted, headers=options, allow_redirects=False),
            write=False,
        )
        while True:
            rows, following = _read_page(page)
            yield rows
            if following is None:
                return
            page = self._call(_next_page(following, options), write=False)

    def rows(self, soql: str, *, include_deleted: bool = False) -> Iterator[Record]:
        """The rows of a query, one by one."""
        for page in self.pages(soql, include_deleted=include_deleted):
            yield from page

    def close(self) -> None:
        """Close every connection; calls in progress fail."""
        with self._guard:
            for lane in self._lanes:
                lane.session.close()

    def _call(self, send: Send, *, write: bool) -> Any:
        """Send once; after a refused session log in and send the very same request once more, headers included."""
        with self._lane() as lane:
            grant = self._keeper.current()
            answer, error = self._attempt(lane.api(grant), send, write=write)
            if isinstance(error, NotAuthorized) and error.reason in {"INVALID_SESSION_ID", "http_401"}:
                answer, error = self._attempt(lane.api(self._keeper.replace(grant)), send, write=write)
        if error is not None:
            raise error
        return answer

    def _attempt(self, api: Salesforce, send: Send, *, write: bool) -> tuple[Any, GatewayError | None]:
        """Send, and give the answer or what its failure means; errors are not chained, for they quote whole bodies."""
        answer, error, again = _once(api, send, write=write)
        if again:  # the server had closed a connection that was kept open; every call here may be sent twice
            answer, error, _ = _once(api, send, write=write)
        return answer, error

    @contextmanager
    def _lane(self) -> Iterator[_Lane]:
        patience = self._connection.connect_timeout + self._connection.read_timeout
        try:
            lane = self._idle.get(timeout=patience)
        except queue.Empty:
            raise TimedOut("All connections to Salesforce stayed busy.", reason="busy") from None
        try:
            if lane is None:
                lane = self._open()
            yield lane
        finally:
            self._idle.put(lane)

    def _open(self) -> _Lane:
        lane = _Lane(self._connection, self._note, self.clock)
        with self._guard:
            self._lanes.append(lane)
        return lane

    def _note(self, usage: ApiUsage) -> None:
        self._usage = usage


def _once(api: Salesforce, send: Send, *, write: bool) -> tuple[Any, GatewayError | None, bool]:
    try:
        return send(api), None, False
    except SalesforceError as refused:
        return None, classify(refused.status, read_complaint(refused.content)), False
    except SalesforceOperationError:  # the library's word for an upload that was not answered with 201
        return (
            None,
            Unavailable(f"Salesforce did not take the rows of a bulk job. {SAFE_TO_REPEAT}", reason="upload"),
            False,
        )
    except requests.RequestException as failed:
        dropped = isinstance(failed, requests.ConnectionError) and not isinstance(failed, requests.Timeout)
        return None, from_network(failed, write=write), dropped and not isinstance(failed, requests.exceptions.SSLError)


def _next_page(following: str, options: Mapping[str, str]) -> Send:
    return lambda api: api.query_more(following, True, headers=dict(options), allow_redirects=False)  # noqa: FBT003


def _read_page(page: object) -> tuple[list[Record], str | None]:
    rows = page.get("records") if isinstance(page, dict) else None
    if not isinstance(page, dict) or not isinstance(rows, list):
        raise Unavailable(
            "Salesforce answered a query with something that is not a page of records.", reason="not_json"
        )
    if page.get("done") is True:
        return rows, None
    following = page.get("nextRecordsUrl")
    if not isinstance(following, str) or not following.startswith("/"):
        raise Unavailable("Salesforce announced more records without saying where.", reason="no_next_page")
    return rows, following
