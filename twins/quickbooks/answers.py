"""How QuickBooks Online words its answers: business faults, gateway faults, throttling and system failures."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import PlainTextResponse, Response

from twins.web import FaultAnswers, FaultRule, JsonObject, dump_json

JSON_TYPE = "application/json;charset=UTF-8"
MESSAGES = {
    500: "Unsupported Operation",
    610: "Object Not Found",
    1040: "Batch size exceeded",
    2010: "Request has invalid or unsupported property",
    2020: "Required param missing, need to supply the required value for the API",
    2040: "Invalid String. Found one or more unsupported characters.",
    2050: "String length is either shorter or longer than supported by specification",
    2130: "Invalid Request Id Format",
    2170: "Invalid Enumeration",
    2500: "Invalid Reference Id",
    4000: "Error parsing query",
    4001: "Invalid query",
    5010: "Stale Object Error",
    5030: "Feature Not Supported",
    6000: "A business validation error has occurred while processing your request",
    6070: "Amount calculation incorrect in the request",
    6090: "Discount line incomplete",
    6100: "Invalid Line TaxCode",
    6140: "Duplicate Document Number Error",
    6200: "Account Period Closed",
    6210: "Account Period Closed, Cannot Update Through Services API",
    6220: "Account/customer has an open balance",
    6240: "Duplicate Name Exists Error",
    6270: "Transaction date is prior to start date for inventory item",
    6420: "Email address missing",
    6520: "Missing Inventory Item Quantity",
}
INVENTORY_LOCK = (
    "Business Validation Error: Sorry, your transaction was not saved: another user was creating/editing/deleting"
    " a transaction with inventory products at exactly the same time. Please try again."
)
INACTIVE = (
    "Object Not Found : Something you're trying to use has been made inactive."
    " Check the fields with accounts, customers, items, vendors or employees."
)


class BusinessFault(Exception):
    """A refusal with QuickBooks' own code; HTTP 400 (500 for a system fault)."""

    def __init__(self, code: int, detail: str, element: str | None = None) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code
        self.detail = detail
        self.element = element

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return 500 if self.code >= 10000 else 400

    def body(self) -> JsonObject:
        """Return the `Fault` object."""
        if self.code >= 10000:
            return _system_fault(self.detail)
        error = {"Message": MESSAGES[self.code], "Detail": self.detail, "code": str(self.code)}
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": "ValidationFault"}


def missing(name: str) -> BusinessFault:
    """Build the fault for a required parameter that was not sent."""
    return BusinessFault(2020, f"Required parameter {name} is missing in the request", name)


def unsupported(name: str) -> BusinessFault:
    """Build the fault for a property that is unknown or has a value of the wrong kind."""
    return BusinessFault(2010, f"Property Name:{name} specified is unsupported or invalid", name)


def no_resource(path: str) -> BusinessFault:
    """Build the fault for a path that QuickBooks does not have."""
    return BusinessFault(10000, f"System Failure Error: Could not find resource for relative : {path}")


def respond(text: str, status: int = 200, media_type: str = JSON_TYPE) -> Response:
    """Send a body with the headers that every QuickBooks answer has."""
    headers = {"intuit_tid": f"1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}", "QBO-Version": "1992.170"}
    return Response(text, status, headers, media_type=media_type)


def gateway(status: int) -> Response:
    """Answer as the gateway in front of QuickBooks does: lower-case fault, 401 or 403."""
    name, code, kind, detail = (
        ("AuthenticationFailed", "3200", "AUTHENTICATION", "Token expired: AB01...")
        if status == 401
        else ("ApplicationAuthorizationFailed", "3100", "SERVICE", "The application is not authorized for this company")
    )
    return _gateway_body(status, name, code, kind, detail)


def throttled(form: str) -> Response:
    """Answer 429 in one of the forms seen in the wild: `xml`, `json` (a Fault) or `gateway` (lower case)."""
    detail = "The request limit was reached.  Try again later"
    message = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    if form == "gateway":
        return _gateway_body(429, "ThrottleExceeded", "3001", "SERVICE", detail)
    if form == "json":
        error = {"Message": message, "Detail": detail, "code": "3001", "element": ""}
        return respond(dump_json({"Fault": {"Error": [error], "type": "SERVICE"}}), 429)
    xml = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        '<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="3001">'
        f"<Message>{message}</Message><Detail>{detail}</Detail></Error></Fault></IntuitResponse>"
    )
    return respond(xml, 429, "application/xml")


def fault_answers(throttle_form: Callable[[], str]) -> FaultAnswers:
    """Name the fault kinds that only QuickBooks has, and its JSON errors."""

    def json_error(status: int) -> Response:
        if status == 429:
            return throttled(throttle_form())
        if status in (401, 403):
            return gateway(status)
        return respond(
            dump_json({"Fault": _system_fault("System Failure Error: java.lang.NullPointerException")}), status
        )

    def stream_timeout(_rule: FaultRule) -> Response:
        return PlainTextResponse("stream timeout", 200)

    kinds: Mapping[str, Callable[[FaultRule], Response]] = {
        "expired_token_once": lambda _rule: gateway(401),
        "inventory_lock": lambda _rule: respond(
            dump_json({"Fault": BusinessFault(6000, INVENTORY_LOCK, "").body()}), 400
        ),
        "fault_in_200": lambda _rule: json_error_in_200(),
        "stream_timeout": stream_timeout,
    }
    return FaultAnswers(json_error, kinds)


def json_error_in_200() -> Response:
    """Answer 200 with a system fault in the body, as QuickBooks sometimes does."""
    return respond(dump_json({"Fault": _system_fault("System Failure Error: java.lang.NullPointerException")}))


def _system_fault(detail: str) -> JsonObject:
    error = {
        "Message": "An application error has occurred while processing your request",
        "Detail": detail,
        "code": "10000",
        "element": "SystemFailureError",
    }
    return {"Error": [error], "type": "SystemFault"}


def _gateway_body(status: int, name: str, code: str, kind: str, detail: str) -> Response:
    message = f"message={name}; errorCode={code.zfill(6)}; statusCode={status}"
    error: dict[str, Any] = {"message": message, "detail": detail, "code": code, "element": None}
    body: JsonObject = {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": kind},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(time.time() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return respond(dump_json(body), status)
