"""Errors as RFC 9457 problem documents: one handler renders the whole error tree."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from domain.errors import (
    Duplicate,
    GatewayError,
    Malformed,
    Misconfigured,
    Missing,
    NeedsHuman,
    NotAuthorized,
    RateLimited,
    Rejected,
    Transient,
)
from runtime.logs import redact_text
from runtime.payloads import PayloadError

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[type[GatewayError], HTTPStatus] = {
    Malformed: HTTPStatus.UNPROCESSABLE_ENTITY,
    Missing: HTTPStatus.NOT_FOUND,
    Duplicate: HTTPStatus.CONFLICT,
    NeedsHuman: HTTPStatus.CONFLICT,
    Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAuthorized: HTTPStatus.BAD_GATEWAY,
    RateLimited: HTTPStatus.SERVICE_UNAVAILABLE,
    Transient: HTTPStatus.SERVICE_UNAVAILABLE,
    Misconfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
}
REASON_STATUSES = {"file_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address. /docs shows what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method; the Allow header lists those it takes.",
    HTTPStatus.BAD_REQUEST: "The request cannot be read.",
}
RETRY_SECONDS = 5


class ApiCode(StrEnum):
    """The codes that only the API has; docs/reference/api.md explains each."""

    BAD_REQUEST = "bad_request"
    CLIENT_GONE = "client_gone"
    KEY_MISSING = "key_missing"
    KEY_REFUSED = "key_refused"
    SCOPE_MISSING = "scope_missing"
    FOREIGN_FORM = "foreign_form"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UPLOAD_STALLED = "upload_stalled"
    TOO_LARGE = "too_large"
    INVALID_REQUEST = "invalid_request"
    SIGNATURE_REFUSED = "signature_refused"
    HOOKS_OFF = "hooks_off"
    STOCK_SHORT = "stock_short"
    HEADERS_TOO_LARGE = "headers_too_large"
    ADDRESS_TOO_LONG = "address_too_long"
    TOO_MANY_REQUESTS = "too_many_requests"
    KEY_REUSED = "key_reused"
    INTERNAL_ERROR = "internal_error"


KEY_CODES = frozenset({ApiCode.KEY_MISSING, ApiCode.KEY_REFUSED})

# What the web framework answers by itself; it knows no other status.
FRAMEWORK_CODES: Mapping[int, ApiCode] = {
    HTTPStatus.NOT_FOUND: ApiCode.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ApiCode.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ApiCode.TOO_LARGE,
}


class Refused(Exception):
    """A request that is refused and does nothing: not known, not allowed, not bounded, or not to be had."""

    def __init__(self, status: HTTPStatus, code: ApiCode, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more


def problem(
    request: Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem document; `type` is stable and ends in the code that logs, metrics and docs use."""
    body = {
        "type": f"urn:threeway:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": redact_text(request.url.path),
        "code": code,
        "trace_id": request.scope.get("trace_id"),
        **more,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: GatewayError) -> HTTPStatus:
    """The HTTP status of an error, by its own class or the nearest above it."""
    if error.reason in REASON_STATUSES:
        return REASON_STATUSES[error.reason]
    found = (STATUSES[one] for one in type(error).__mro__ if one in STATUSES)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - registered for it only
    headers = {}
    if isinstance(error, Transient):
        wait = error.retry_after.total_seconds() if error.retry_after else RETRY_SECONDS
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    more = {"reason": error.reason} if error.reason else {}
    code = ApiCode.TOO_LARGE if error.reason in REASON_STATUSES else error.code
    return problem(request, status_of(error), code, error.detail, headers, **more)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for it only
    headers = {"WWW-Authenticate": "ApiKey"} if error.code in KEY_CODES else {}
    return problem(request, error.status, error.code, error.detail, headers, **error.more)


async def _invalid(request: Request, error: Exception) -> Response:
    """Says where and what; never the value that was given, which may be private."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    errors = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
    first = errors[0] if errors else {"where": "request", "what": "it cannot be read"}
    detail = f"{first['where']}: {first['what']}."
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, ApiCode.INVALID_REQUEST, detail, errors=errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    status = HTTPStatus(error.status_code)
    fallback = ApiCode.INTERNAL_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiCode.BAD_REQUEST
    code = FRAMEWORK_CODES.get(status, fallback)
    headers = {"Allow": _allowed(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(request, status, code, SENTENCES.get(status, str(error.detail)), headers)


def _allowed(request: Request) -> str:
    """Every method of the address; the framework names only those of the first function that has it.

    Of several templates that fit, the one with the most text of its own is meant: `/orders/pull`, not an order `pull`.
    """
    found: dict[str, set[str]] = {}
    for route in iter_route_contexts(request.app.routes):
        if route.methods and compile_path(str(route.path))[0].match(request.url.path):
            found.setdefault(str(route.path), set()).update(route.methods)
    meant = max(found, key=lambda path: len(re.sub(r"{[^}]*}", "", path)), default="")
    return ", ".join(sorted(found.get(meant, set()) - {"HEAD"}))


async def _unreadable(request: Request, error: Exception) -> Response:
    """This process has other payload keys than those that wrote what it was to read."""
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, Misconfigured.code, str(error), reason="payload_key")


async def _client_gone(request: Request, _error: Exception) -> Response:
    """Nobody reads this; it ends the request without calling it our failure."""
    return problem(
        request, HTTPStatus.BAD_REQUEST, ApiCode.CLIENT_GONE, "The connection was closed before the body ended."
    )


def install(app: FastAPI) -> None:
    """Let the app answer every error as a problem document; what is in no tree is answered by the envelope."""
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(PayloadError, _unreadable)
    app.add_exception_handler(ClientDisconnect, _client_gone)
