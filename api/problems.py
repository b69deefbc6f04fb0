"""Errors as RFC 9457 problem documents: one handler renders the whole error tree."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

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

log = structlog.get_logger()

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


class Refused(Exception):
    """A request that is refused before any work: not known, or not allowed."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def problem(
    request: Request, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem document; `type` is stable and ends in the code that logs, metrics and docs use."""
    body = {
        "type": f"urn:threeway:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.url.path,
        "code": code,
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
        wait = error.retry_after.total_seconds() if error.retry_after else 5
        headers["Retry-After"] = str(int(wait))
    more = {"reason": error.reason} if error.reason else {}
    return problem(request, status_of(error), error.code, error.detail, headers, **more)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for it only
    headers = {"WWW-Authenticate": "ApiKey"} if error.status is HTTPStatus.UNAUTHORIZED else {}
    return problem(request, error.status, error.code, error.detail, headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    errors = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
    first = errors[0] if errors else {"where": "request", "what": "it cannot be read"}
    detail = f"{first['where']}: {first['what']}."
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    code = HTTPStatus(error.status_code).name.lower()
    return problem(request, error.status_code, code, str(error.detail), error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("a request failed unexpectedly", path=request.url.path, exc_info=error)
    detail = "Something went wrong that should not. It is in the log; nothing was half done."
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def install(app: FastAPI) -> None:
    """Let the app answer every error as a problem document."""
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
