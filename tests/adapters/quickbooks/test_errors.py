"""What answers and broken connections mean for the work (cases E11, E12, E13, M5, X2)."""

from __future__ import annotations

import socket
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import (
    Duplicate,
    GatewayError,
    Misconfigured,
    Missing,
    NotAuthorized,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    StaleToken,
    TimedOut,
    Transient,
    Unavailable,
)
from tests.adapters.quickbooks.support import (
    MemoryVault,
    Scripted,
    ScriptedServer,
    connection,
    draft,
    fault,
    invoice_json,
    refs,
    signed_in,
)

XML_THROTTLE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<IntuitResponse time="2016-05-11T10:33:42.513-07:00" xmlns="http://schema.intuit.com/finance/v3">'
    '<Fault type="SERVICE"><Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; '
    "statusCode=429</Message><Detail>The request limit was reached.  Try again later</Detail></Error></Fault>"
    "</IntuitResponse>"
)
LOWER_CASE = {
    "warnings": None,
    "fault": {
        "error": [
            {
                "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
                "detail": "Token expired: AB01secrettoken",
                "code": "3200",
                "element": None,
            }
        ],
        "type": "AUTHENTICATION",
    },
    "queryResponse": None,
    "time": 1730024394085,
}
LOCK = (
    "Business Validation Error: Sorry, another user was creating/editing/deleting a transaction "
    "with inventory products at exactly the same time."
)


def lower_case(code: str, words: str) -> dict[str, object]:
    return {"fault": {"error": [{"message": words, "detail": "", "code": code}], "type": "SERVICE"}}


def write(gateway: QuickBooksGateway) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        gateway.draft_invoice(draft(), refs())
    return caught.value


def read(gateway: QuickBooksGateway) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        gateway.find_by_doc_number("S-1001")
    return caught.value


CODES = [
    ("500", Misconfigured, "500"),
    ("610", Missing, "610"),
    ("2010", Misconfigured, "2010"),
    ("2020", Misconfigured, "2020"),
    ("2050", Rejected, "2050"),
    ("2130", Misconfigured, "2130"),
    ("2500", Missing, "2500"),
    ("4000", Misconfigured, "4000"),
    ("4001", Misconfigured, "4001"),
    ("5010", StaleToken, "5010"),
    ("5020", Misconfigured, "5020"),
    ("6000", Rejected, "6000"),
    ("6070", Rejected, "6070"),
    ("6100", Rejected, "6100"),
    ("6140", Duplicate, "6140"),
    ("6190", NotAuthorized, "6190"),
    ("6200", Rejected, "period_closed"),
    ("6210", Rejected, "period_closed"),
    ("6250", Missing, "6250"),
    ("6270", Rejected, "6270"),
    ("6420", Rejected, "6420"),
    ("7777", Rejected, "7777"),
]


@pytest.mark.parametrize("status", [400, 200])
@pytest.mark.parametrize(("code", "expected", "reason"), CODES)
def test_each_code_has_its_meaning(
    gateway: QuickBooksGateway,
    script: ScriptedServer,
    code: str,
    expected: type[GatewayError],
    reason: str,
    status: int,
) -> None:
    script.answers.append(Scripted(fault(code, "Words of the vendor", "and more"), status))

    error = write(gateway)

    assert type(error) is expected
    assert error.reason == reason
    assert error.context["trace"] == "tid-1"
    assert "Words of the vendor and more" in error.detail


def test_e11_a_taken_number_says_who_has_it(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    detail = "This number has already been used. DocNumber=S-1001 is assigned to TxnType=Invoice with TxnId=17984"
    script.answers.append(Scripted(fault("6140", "Duplicate Document Number Error", detail), 400))
    script.answers.append(Scripted(fault("6210", "Duplicate Document Number Error", detail), 400))

    for error in (write(gateway), write(gateway)):
        assert type(error) is Duplicate
        assert error.context["txn_id"] == "17984"


def test_e12_a_closed_period_is_known_by_its_words_too(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    words = "The account period has closed and the account books cannot be updated through the QBO Services API."
    script.answers.append(Scripted(fault("5010", "Account Period Closed", words), 400))

    error = write(gateway)

    assert type(error) is Rejected
    assert error.reason == "period_closed"


def test_the_inventory_lock_passes_by_itself(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers.append(Scripted(fault("6000", "A business validation error has occurred", LOCK), 400))

    error = write(gateway)

    assert type(error) is Unavailable
    assert error.retry_after == timedelta(seconds=5)


def test_several_errors_are_all_told_and_the_most_binding_decides(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    errors = [{"Message": m, "Detail": "", "code": c} for c, m in (("5010", "Stale"), ("2500", "Bad ref"), ("", "?"))]
    script.answers.append(Scripted({"Fault": {"Error": errors, "type": "ValidationFault"}}, 400))

    error = write(gateway)

    assert type(error) is Missing
    assert "2500, 5010, unknown" in error.detail


THROTTLES = [
    Scripted(XML_THROTTLE, 429, "application/xml"),
    Scripted(XML_THROTTLE, 403, "application/xml"),
    Scripted(fault("3001", "ThrottleExceeded", "", "SERVICE"), 429),
    Scripted(fault("003001", "ThrottleExceeded", "", "SERVICE"), 200),
    Scripted(lower_case("3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429"), 429),
    Scripted(lower_case("", "message=ThrottleExceeded; errorCode=003001; statusCode=429"), 401),
    Scripted("", 429, "text/html"),
    Scripted("message=ThrottleExceeded", 503, "text/plain"),
]


@pytest.mark.parametrize("answer", THROTTLES)
@pytest.mark.parametrize("call", [write, read])
def test_a_throttle_is_one_in_any_form_and_stops_every_later_call(
    gateway: QuickBooksGateway, script: ScriptedServer, answer: Scripted, call: object
) -> None:
    script.answers.append(answer)

    error = write(gateway) if call is write else read(gateway)

    assert type(error) is RateLimited
    assert error.retry_after == timedelta(seconds=60)
    later = write(gateway)
    assert type(later) is RateLimited
    assert later.reason == "local_budget"
    assert later.retry_after is not None
    assert later.retry_after > timedelta(seconds=55)
    assert len(script.received) == 1


SILENCES = [
    (
        Scripted(fault("10000", "An application error", "java.lang.NullPointerException", "SystemFault"), 500),
        Unavailable,
    ),
    (Scripted(fault("10000", "An application error", "", "SystemFault"), 200), Unavailable),
    (Scripted(fault("77", "An application error", "", "SystemFault"), 200), Unavailable),
    (Scripted("<html>Bad gateway</html>", 502, "text/html"), Unavailable),
    (Scripted("", 503, "text/html"), Unavailable),
    (Scripted("", 504, "text/html"), TimedOut),
    (Scripted("stream timeout", 200, "text/plain"), TimedOut),
    (Scripted("<html>ok</html>", 200, "text/html"), Unavailable),
    (Scripted("[1]", 200), Unavailable),
    (Scripted('{"Invoice":', 200), Unavailable),
    (Scripted({"Invoice": {}}, 201), Unavailable),
    (Scripted("", 302, headers={"Location": "/elsewhere"}), Unavailable),
    (Scripted(reset=True), Unavailable),
    (Scripted(delay=1.3), TimedOut),
]


@pytest.mark.parametrize(("answer", "on_read"), SILENCES)
def test_e13_silence_leaves_the_outcome_of_a_write_open_but_not_of_a_read(
    gateway: QuickBooksGateway, script: ScriptedServer, answer: Scripted, on_read: type[Transient]
) -> None:
    script.answers += [answer, answer]

    assert type(write(gateway)) is OutcomeUnknown
    assert type(read(gateway)) is on_read
    assert len(script.received) == 2  # neither call repeats itself: the caller decides


@pytest.mark.parametrize("answer", [{"time": "x"}, {"Invoice": {"Id": "1"}}, {"Invoice": None}])
def test_e13_a_success_without_the_invoice_is_uncertain(
    gateway: QuickBooksGateway, script: ScriptedServer, answer: object
) -> None:
    script.answers.append(Scripted(answer))
    assert type(write(gateway)) is OutcomeUnknown


def test_e13_nothing_happened_when_no_connection_came_about() -> None:
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        gateway = QuickBooksGateway(connection(root), MemoryVault(signed_in()))
        assert type(write(gateway)) is Unavailable
        assert type(read(gateway)) is Unavailable
        gateway.close()


def test_an_unknown_address_is_our_mistake(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    detail = "System Failure Error: Could not find resource for relative : /v3/company/1/invoice"
    script.answers.append(Scripted(fault("10000", "An application error", detail, "SystemFault"), 500))
    script.answers.append(Scripted("<html>Not found</html>", 404, "text/html"))

    assert type(write(gateway)) is Misconfigured
    assert type(write(gateway)) is Misconfigured


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(lower_case("3100", "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"), 403),
        Scripted("<html>Forbidden</html>", 403, "text/html"),
    ],
)
def test_a_company_that_shuts_us_out(gateway: QuickBooksGateway, script: ScriptedServer, answer: Scripted) -> None:
    script.answers.append(answer)

    error = write(gateway)

    assert type(error) is NotAuthorized
    assert "connect QuickBooks again" in error.detail
    assert len(script.token_requests) == 1  # a new token would not help


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(LOWER_CASE, 401),
        Scripted('<Fault type="AuthenticationFault"><Error code="100"><Message>General</Message></Error></Fault>', 401),
        Scripted("", 401, "text/html"),
    ],
)
def test_x2_a_refused_token_is_renewed_once_and_never_told(
    gateway: QuickBooksGateway, script: ScriptedServer, answer: Scripted
) -> None:
    script.answers += [answer, answer]

    error = write(gateway)

    assert type(error) is NotAuthorized
    assert "connect QuickBooks again" in error.detail
    assert "AB01" not in error.detail
    assert [request.headers["Authorization"] for request in script.received] == ["Bearer access-1", "Bearer access-2"]


def test_x2_after_a_renewal_the_same_call_goes_on(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    one = draft()
    script.answers += [Scripted(LOWER_CASE, 401), Scripted({"Invoice": invoice_json(one)})]

    assert gateway.draft_invoice(one, refs()).total == Decimal("377.00")
    assert script.received[0].query == script.received[1].query
    assert script.received[0].body == script.received[1].body


def test_details_are_short_and_hold_nothing_that_looks_like_a_token(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    secret = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0" * 2
    script.answers.append(Scripted(fault("6000", f"Bearer {secret}", "long " * 400), 400))

    error = write(gateway)

    assert secret[:40] not in error.detail
    assert len(error.detail) < 450


def test_a_read_of_what_is_gone_is_none(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers.append(Scripted(fault("610", "Object Not Found", "Another user has deleted this transaction."), 400))
    assert gateway.read_invoice("12") is None


@pytest.mark.parametrize("body", [{"time": "x"}, {"Invoice": None}, {"Invoice": {"Id": "12", "TotalAmt": "much"}}])
def test_an_unreadable_read_is_no_answer(gateway: QuickBooksGateway, script: ScriptedServer, body: object) -> None:
    script.answers.append(Scripted(body))
    with pytest.raises(Unavailable):
        gateway.read_invoice("12")
