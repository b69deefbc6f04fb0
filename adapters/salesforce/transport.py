"""One HTTP session towards Salesforce: HTTPS only, bounded in time, blind to the environment, watching the API pool."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

import requests
from pydantic import BaseModel, ConfigDict
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from adapters.salesforce.connection import SalesforceConnection
from domain.master_seen import ClockWatch
from runtime import metrics

_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")

Timeouts = float | tuple[float, float] | tuple[float, None] | None


class ApiUsage(BaseModel):
    """How much of the org's daily pool of API calls is used, as Salesforce said last."""

    model_config = ConfigDict(frozen=True)

    used: int
    limit: int
    seen_at: datetime


def read_usage(header: str) -> ApiUsage | None:
    """Read a `Sforce-Limit-Info` header, whatever stands before or behind the org-wide counter."""
    found = _USAGE.search(header)
    if found is None:
        return None
    return ApiUsage(used=int(found[1]), limit=int(found[2]), seen_at=datetime.now(UTC))


class _Transport(HTTPAdapter):
    """Carries `https://` requests; with a stand-in it sends them there over plain HTTP and keeps the Host header.

    simple-salesforce writes `https://` into every URL, and neither it nor requests has a timeout of its own. Only
    making the connection is tried twice here: whether a sent request may be repeated is for its caller to say.
    """

    def __init__(self, timeouts: tuple[float, float], stand_in: SplitResult | None, pool: int) -> None:
        self._timeouts = timeouts
        self._stand_in = stand_in
        retries = Retry(total=1, connect=1, read=0, redirect=0, status=0, other=0)
        super().__init__(pool_connections=pool, pool_maxsize=pool, max_retries=retries)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the signature belongs to requests
        timeout: Timeouts = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - same
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        if self._stand_in is not None:
            logical = urlsplit(str(request.url))
            request.headers.setdefault("Host", logical.netloc)
            target = (self._stand_in.scheme, self._stand_in.netloc, logical.path, logical.query, "")
            request.url = urlunsplit(target)
        with metrics.vendor_call("salesforce", operation_of(str(request.url))) as call:
            answer = super().send(request, stream, timeout or self._timeouts, verify, cert, proxies)
            call.outcome = f"{answer.status_code // 100}xx"
            return answer


class _Session(requests.Session):
    """Follows no redirect, which leads to a page for people: the library's bulk calls cannot be told not to."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the signature belongs to requests
        return None


def operation_of(url: str) -> str:
    """The resource of a call: `query`, `queryAll`, `composite`, `sobjects`, ...; `token` outside the data services."""
    parts = urlsplit(url).path.split("/")
    return parts[4] if parts[1:3] == ["services", "data"] and len(parts) > 4 else "token"


def open_session(
    connection: SalesforceConnection, on_usage: Callable[[ApiUsage], None], clock: ClockWatch | None = None
) -> requests.Session:
    """Make a session for one thread at a time.

    It trusts nothing in the environment: a `.netrc` entry would replace the bearer token, proxies would catch loopback.
    """
    session = _Session()
    session.trust_env = False
    session.headers["User-Agent"] = "threeway"
    stand_in = urlsplit(connection.url) if connection.is_stand_in else None
    session.adapters.clear()
    session.mount("https://", _Transport((connection.connect_timeout, connection.read_timeout), stand_in, pool=2))

    def note(answer: requests.Response, *_args: object, **_kwargs: object) -> None:
        usage = read_usage(answer.headers.get("Sforce-Limit-Info", ""))
        if usage is not None:
            on_usage(usage)
        if clock is not None:
            clock.note(answer.headers.get("Date"), answer.elapsed, datetime.now(UTC))

    session.hooks["response"].append(note)
    return session
