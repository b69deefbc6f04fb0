"""HTTP sessions with timeouts, and what a failure on the wire says about a write."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from domain.errors import OutcomeUnknown, TimedOut, Transient, Unavailable
from runtime import metrics

POOL_SIZE = 4


class TimeoutAdapter(HTTPAdapter):
    """Give every request a connect and a read timeout in seconds: the library sets none and would wait for ever."""

    def __init__(self, timeouts: tuple[float, float]) -> None:
        self._timeouts = timeouts
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the signature of requests
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the signature of requests
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send with the timeouts of this adapter unless the caller gave others."""
        with metrics.vendor_call("quickbooks", operation_of(str(request.url))) as call:
            answer = super().send(request, stream, timeout or self._timeouts, verify, cert, dict(proxies or {}))
            call.outcome = f"{answer.status_code // 100}xx"
            return answer


def operation_of(url: str) -> str:
    """The resource of a call: `invoice`, `batch`, `query`, ...; `token` for anything outside the company's own tree."""
    parts = urlsplit(url).path.split("/")
    return parts[parts.index("company") + 2] if "company" in parts[:-2] else "token"


def prepare(session: requests.Session, timeouts: tuple[float, float]) -> None:
    """Make a session ours: timeouts on both schemes; no proxies, netrc or certificates taken from the surroundings."""
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, TimeoutAdapter(timeouts))


def network_error(error: requests.RequestException, *, write: bool) -> Transient:
    """Say what a failure on the wire means.

    A connection that never came about has carried nothing, so nothing happened. Any other failure of a write leaves its
    outcome unknown (case E13).
    """
    causes = list(_causes(error))
    if any(isinstance(cause, (ConnectTimeoutError, ssl.SSLCertVerificationError)) for cause in causes):
        return Unavailable("No connection to QuickBooks could be made and nothing was sent: check the network.")
    if write:
        return OutcomeUnknown(
            "The connection to QuickBooks broke before its answer came, so the write may have taken effect: "
            "probe before it is written again."
        )
    if any(isinstance(cause, (requests.Timeout, ReadTimeoutError)) for cause in causes):
        return TimedOut("QuickBooks did not answer in time: the read can be tried again.")
    return Unavailable("The connection to QuickBooks broke: the read can be tried again.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and every error inside it: requests and urllib3 wrap each other in arguments and in `reason`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__]
