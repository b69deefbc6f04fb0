"""What each of Salesforce's errors means for the work."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from adapters.salesforce.errors import classify, from_network, read_complaint
from domain import errors


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", "unavailable"),
        (500, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", "unavailable"),
        (400, "MALFORMED_QUERY", "unexpected token", "misconfigured"),
        (400, "INVALID_TYPE", "sObject type 'X' is not supported.", "misconfigured"),
        (400, "INVALID_FIELD", "No such column 'x' on sobject of type Order", "misconfigured"),
        (400, "INVALID_FIELD", "Foreign key external ID: x not found for field F in entity E", "missing"),
        (404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "missing"),
        (404, "ENTITY_IS_DELETED", "entity is deleted", "missing"),
        (404, "NOT_FOUND", "The requested resource does not exist", "misconfigured"),
        (400, "DUPLICATE_VALUE", "duplicate value found", "duplicate"),
        (400, "DUPLICATES_DETECTED", "Use one of these records?", "duplicate"),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on Fridays", "rejected"),
        (400, "SOMETHING_NEW", "?", "rejected"),
        (401, "INVALID_SESSION_ID", "Session expired or invalid", "not_authorized"),
        (400, "INVALID_QUERY_LOCATOR", "invalid query locator", "unavailable"),
        (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId :", "unavailable"),
        (503, "SERVER_UNAVAILABLE", "Server Unavailable", "unavailable"),
        (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", "misconfigured"),
        (200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "rejected"),
    ],
)
def test_a_code_means_the_same_in_a_call_and_in_a_row(status: int, code: str, message: str, kind: str) -> None:
    for word in ("errorCode", "statusCode"):
        error = classify(status, read_complaint([{word: code, "message": message, "fields": []}]))
        assert (error.code, error.reason) == (kind, code)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (300, ["/services/data/v67.0/sobjects/Account/001"], "duplicate"),
        (302, "", "misconfigured"),
        (401, "", "not_authorized"),
        (401, {"message": "odd"}, "not_authorized"),
        (410, [], "misconfigured"),
        (412, None, "stale_token"),
        (420, "", "unavailable"),
        (429, {"message": "slow down"}, "rate_limited"),
        (502, "<html>edge</html>", "unavailable"),
        (503, "<html>maintenance</html>", "unavailable"),
        (504, "", "timed_out"),
    ],
)
def test_a_body_without_a_code_is_judged_by_its_status(status: int, body: object, kind: str) -> None:
    error = classify(status, read_complaint(body))
    assert (error.code, error.reason) == (kind, f"http_{status}")


def test_pauses_differ_by_limit() -> None:
    daily = classify(403, read_complaint([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit"}]))
    burst = classify(403, read_complaint([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests"}]))
    assert isinstance(daily, errors.RateLimited)
    assert (daily.reason, daily.retry_after) == ("daily_limit", timedelta(minutes=15))
    assert isinstance(burst, errors.RateLimited)
    assert (burst.reason, burst.retry_after) == ("concurrent_limit", timedelta(seconds=30))


def test_at_most_200_characters_of_a_message_are_kept_and_no_body() -> None:
    error = classify(
        400, read_complaint([{"errorCode": "STRING_TOO_LONG", "message": "x" * 5000, "fields": ["Secret"]}])
    )
    assert error.detail.count("x") == 200
    assert "Secret" not in error.detail
    html = classify(503, read_complaint("<html>Jane Doe, 5 Elm St</html>"))
    assert "Jane" not in html.detail


def test_a_lost_answer_to_a_write_may_be_repeated() -> None:
    lost = from_network(requests.ConnectionError("https://acme/?q=SELECT"), write=True)
    late = from_network(requests.ReadTimeout("https://acme/?q=SELECT"), write=True)
    assert isinstance(lost, errors.Unavailable)
    assert isinstance(late, errors.TimedOut)
    for error in (lost, late):
        assert "safe" in error.detail
        assert "SELECT" not in error.detail
    assert "safe" not in from_network(requests.ReadTimeout(), write=False).detail
