"""The failures of the org beside the common ones: locks, limits, dead sessions, a page of HTML where JSON belongs."""

import re
from collections.abc import Callable

from starlette.responses import HTMLResponse, JSONResponse, Response

from twins.quickbooks.fault_rules import Application, Exchange, FaultAnswers, FaultRule, Faults
from twins.salesforce.errors import lock_refused, trigger_failed
from twins.salesforce.ids import make_id
from twins.salesforce.rest import Trouble

JSON = "application/json;charset=UTF-8"
DAILY = "TotalRequests Limit exceeded."
CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
UNEXPECTED = (
    "An unexpected error occurred. Please include this ErrorId if you contact support: 1764057600000-12345 (12345)"
)
# Where a kind strikes when its rule names no path: calls of another sort never fail in that way.
_PLACES = {
    "lock_row": r"/services/data/v[\d.]+/(sobjects|composite)",
    "item_lock": r"/composite/(sobjects|graph)",
    "trigger_failure": r"/services/data/v[\d.]+/(sobjects|composite)",
    "request_limit": r"/services/data/v",
    "concurrent_limit": r"/services/data/v",
    "expired_token_once": r"/services/data/v",
    "html_200": r"/services/data/v",
}
_WRITES = {"lock_row", "item_lock", "trigger_failure"}
_ROWS = re.compile(r"/composite/(sobjects|graph)|/jobs/ingest")
_CODES = {500: "UNKNOWN_EXCEPTION", 503: "SERVER_UNAVAILABLE", 429: "REQUEST_LIMIT_EXCEEDED"}
_MESSAGES = {500: UNEXPECTED, 503: "Server Unavailable", 429: "Too many requests."}


class OrgFaults(Faults):
    """The shared rules, plus what befalls single rows of collections, graphs and bulk jobs: their handlers play it."""

    def add(self, rule: FaultRule) -> FaultRule:
        """Add a rule; a kind of the org that names no path gets the place where it can happen."""
        return super().add(rule.model_copy(update={"path": rule.path or _PLACES.get(rule.kind)}))

    async def serve(self, app: Application, exchange: Exchange, rule: FaultRule | None) -> None:
        """Serve a request as its rule says; a read meets no lock and gives the strike back."""
        if rule is None or rule.kind not in _WRITES:
            await super().serve(app, exchange, rule)
        elif exchange.scope["method"] == "GET":
            self._save(rule.model_copy(update={"matched": rule.matched - 1}))
            await exchange.run(app)
        elif rule.kind != "lock_row" and _ROWS.search(exchange.scope["path"]):
            text = rule.contains or ""
            exchange.scope["trouble"] = Trouble(locked=text) if rule.kind == "item_lock" else Trouble(poison=text)
            await exchange.run(app)
        else:
            await super().serve(app, exchange, rule)


def answers(end_sessions: Callable[[], None]) -> FaultAnswers:
    """The org's words for failures; `end_sessions` makes an expired session expire for good."""

    def expired(_rule: FaultRule) -> Response:
        end_sessions()
        return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")

    locked, failed = lock_refused(make_id("001", 1)), trigger_failed()
    return FaultAnswers(
        json_error=lambda status: refusal(
            status, _CODES.get(status, "UNKNOWN_EXCEPTION"), _MESSAGES.get(status, UNEXPECTED)
        ),
        kinds={
            "expired_token_once": expired,
            "lock_row": lambda _: JSONResponse(locked.body(), locked.status, media_type=JSON),
            "item_lock": lambda _: JSONResponse(locked.body(), locked.status, media_type=JSON),
            "trigger_failure": lambda _: JSONResponse(failed.body(), failed.status, media_type=JSON),
            "request_limit": lambda _: refusal(403, "REQUEST_LIMIT_EXCEEDED", DAILY),
            "concurrent_limit": lambda _: refusal(403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT),
            "html_200": lambda _: HTMLResponse("<html><body><h1>Down for maintenance</h1></body></html>", 200),
        },
    )


def refusal(status: int, code: str, message: str) -> Response:
    """An error answer of the API."""
    return JSONResponse([{"message": message, "errorCode": code}], status, media_type=JSON)
