"""What surrounds every request: a trace id, bounds, safe headers, its duration, and an answer when code fails."""

from __future__ import annotations

import re
from http import HTTPStatus
from time import monotonic
from uuid import uuid4

import structlog
from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import Limits
from api.problems import ApiCode, problem
from runtime import metrics

log = structlog.get_logger()

BODY_BYTES = 4 << 20  # some 30,000 links in one import
HEADER_BYTES = 32 << 10
ADDRESS_BYTES = 8 << 10
# Routes that stream a file bound it themselves.
STREAMING = frozenset({"/erp/files", "/layouts/check", "/layouts/preview"})
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
# A page that needs more (the API's own pages, the dashboard) says so itself.
SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
STRICT_TRANSPORT = "max-age=31536000"  # a year; said over https alone, where it means something


class Envelope:
    """Middleware around the whole app (plain ASGI, so that bodies keep streaming)."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what fails unexpectedly is logged once and answered as a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(scope, receive, send)
        with structlog.contextvars.bound_contextvars(trace_id=call.trace_id):
            try:
                await self._answer(scope, call)
            except Exception:
                log.exception("a request failed unexpectedly", path=scope["path"])
                if call.status is not None:
                    raise
                detail = "Something went wrong that should not. It is in the log under this trace_id."
                answer = problem(Request(scope), HTTPStatus.INTERNAL_SERVER_ERROR, ApiCode.INTERNAL_ERROR, detail)
                await answer(scope, receive, call.send)
            finally:
                call.observe()

    async def _answer(self, scope: Scope, call: _Call) -> None:
        refusal = _refusal(scope)
        if refusal is not None:
            await problem(Request(scope), *refusal)(scope, call.receive, call.send)
        elif wait := self._limits.wait(scope):
            await _too_many(scope, wait)(scope, call.receive, call.send)
        else:
            await self._app(scope, call.receive, call.send)


class _Call:
    """One request: its trace id, how many bytes came, and what it was answered."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started, self._bytes = monotonic(), 0
        self.status: int | None = None
        given = TRACEPARENT.fullmatch(Headers(scope=scope).get("traceparent", ""))
        self.trace_id = scope["trace_id"] = given[1] if given else uuid4().hex

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_BYTES and self._scope["path"] not in STREAMING:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have at most {BODY_BYTES} bytes.")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SAFE_HEADERS.items():
                headers.setdefault(name, value)
            if self._scope.get("scheme") == "https":
                headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
            headers["x-trace-id"] = self.trace_id
        await self._send(message)

    def observe(self) -> None:
        """Record the duration under the route's template: addresses themselves would be without number."""
        route = getattr(self._scope.get("route"), "path", None) or "none"
        metrics.observe("request_seconds", monotonic() - self._started, route=route, status=str(self.status or 499))


def _refusal(scope: Scope) -> tuple[HTTPStatus, str, str] | None:
    """What is refused by its outside alone: status, code and sentence."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > ADDRESS_BYTES:
        detail = f"The address may have at most {ADDRESS_BYTES} bytes."
        return HTTPStatus.REQUEST_URI_TOO_LONG, ApiCode.ADDRESS_TOO_LONG, detail
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
        detail = f"The headers may have at most {HEADER_BYTES} bytes."
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, ApiCode.HEADERS_TOO_LARGE, detail
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES and scope["path"] not in STREAMING:
        detail = f"A body may have at most {BODY_BYTES} bytes."
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, ApiCode.TOO_LARGE, detail
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", "The address holds a NUL character; no key has one."
    return None


def _too_many(scope: Scope, wait: int) -> Response:
    detail = f"These are more requests than are taken from one key or one address. Ask again in {wait} s."
    headers = {"Retry-After": str(wait)}
    return problem(Request(scope), HTTPStatus.TOO_MANY_REQUESTS, ApiCode.TOO_MANY_REQUESTS, detail, headers)
