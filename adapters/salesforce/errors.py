"""What Salesforce's errors mean for the work: one table, by error code first and by HTTP status where there is no code.

Every write of this adapter is an upsert by external id or an update by id with absolute values. Repeating one is safe,
so an answer that never came is `TimedOut` or `Unavailable` and never `OutcomeUnknown`: nobody has to probe first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import requests

from domain.errors import (
    Duplicate,
    GatewayError,
    Misconfigured,
    Missing,
    NotAuthorized,
    Permanent,
    RateLimited,
    Rejected,
    StaleToken,
    TimedOut,
    Transient,
    Unavailable,
)

LOCKED_ROW = "UNABLE_TO_LOCK_ROW"
DUPLICATE_VALUE = "DUPLICATE_VALUE"
DAILY_PAUSE = timedelta(minutes=15)
CONCURRENCY_PAUSE = timedelta(seconds=30)
_SHOWN = 200

SAFE_TO_REPEAT = (
    "Whether it took effect is not known; sending it again is safe, as rows are found by their external id."
)

_TRANSIENT: Mapping[str, type[Transient]] = {
    LOCKED_ROW: Unavailable,
    "SERVER_UNAVAILABLE": Unavailable,
    "UNKNOWN_EXCEPTION": Unavailable,
    "INVALID_QUERY_LOCATOR": Unavailable,  # the pages of a query are kept for a while only: ask again from the start
    "PROCESSING_HALTED": Unavailable,
    "BATCH_PROCESSING_HALTED": Unavailable,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Unavailable,
    "QUERY_TIMEOUT": TimedOut,
    "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE": StaleToken,
}

_PERMANENT: Mapping[str, type[Permanent]] = {
    "INVALID_CROSS_REFERENCE_KEY": Missing,
    "ENTITY_IS_DELETED": Missing,
    DUPLICATE_VALUE: Duplicate,
    "DUPLICATE_EXTERNAL_ID": Duplicate,
    "DUPLICATES_DETECTED": Duplicate,
    "INVALID_SESSION_ID": NotAuthorized,
    "INVALID_AUTH_HEADER": NotAuthorized,
    "INVALID_FIELD": Misconfigured,
    "INVALID_TYPE": Misconfigured,
    "MALFORMED_QUERY": Misconfigured,
    "MALFORMED_ID": Misconfigured,
    "NOT_FOUND": Misconfigured,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Misconfigured,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Misconfigured,
    "JSON_PARSER_ERROR": Misconfigured,
    "METHOD_NOT_ALLOWED": Misconfigured,
    "UNSUPPORTED_MEDIA_TYPE": Misconfigured,
    "UNSUPPORTED_API_VERSION": Misconfigured,
    "API_DISABLED_FOR_ORG": Misconfigured,
    "API_CURRENTLY_DISABLED": Misconfigured,
    "FUNCTIONALITY_NOT_ENABLED": Misconfigured,
    "INSUFFICIENT_ACCESS": Misconfigured,
    "INSUFFICIENT_ACCESS_OR_READONLY": Misconfigured,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Misconfigured,
}

_REMEDY: Mapping[str, str] = {
    "INVALID_SESSION_ID": "A new login did not help: check the API permission of the integration user and the URL.",
    "INVALID_FIELD": "Deploy the gateway's fields and give the integration user access to them.",
    "INVALID_TYPE": "Deploy the gateway's objects and give the integration user access to them.",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "Give the integration user write access to these fields.",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "Add the value to the picklist, or change the lifecycle settings.",
    "INSUFFICIENT_ACCESS": "Assign the gateway's permission set to the integration user.",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Assign the gateway's permission set to the integration user.",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "Share the record it points to with the integration user.",
    "API_DISABLED_FOR_ORG": "Enable API access for the org and its integration user.",
}

_STATUS: Mapping[int, type[GatewayError]] = {
    300: Duplicate,
    401: NotAuthorized,
    403: NotAuthorized,
    408: TimedOut,
    412: StaleToken,
    420: Unavailable,
    504: TimedOut,
}

_WRONG_ADDRESS = frozenset({301, 302, 303, 307, 308, 404, 405, 410, 414, 415, 431})


class Complaint(NamedTuple):
    """One error as Salesforce words it; `code` is empty when the body has none."""

    code: str
    message: str

    @property
    def sentence(self) -> str:
        """At most 200 characters of the message, on one line; never a body."""
        return " ".join(self.message.split())[:_SHOWN]


def read_complaint(content: object) -> Complaint:
    """Find the first error in a body: a list, a dict, text, HTML or nothing at all."""
    first = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, Mapping):
        return Complaint("", "")  # HTML and plain text are not shown: they may hold anything
    code = first.get("errorCode") or first.get("statusCode") or first.get("error") or ""
    message = first.get("message") or first.get("error_description") or ""
    return Complaint(str(code)[:80], str(message))


def classify(status: int, complaint: Complaint) -> GatewayError:
    """Turn an answer into an error of the tree; `status` is 200 for one row of a call that succeeded."""
    if complaint.code == "REQUEST_LIMIT_EXCEEDED":
        return _limit(complaint)
    if complaint.code in _TRANSIENT:
        return _TRANSIENT[complaint.code](_words(status, complaint), reason=complaint.code)
    if complaint.code in _PERMANENT:
        return _permanent(complaint)(_words(status, complaint), reason=complaint.code)
    return _by_status(status, complaint)


def is_missing_parent(complaint: Complaint) -> bool:
    """True for the one INVALID_FIELD that speaks of data: the record that a relationship names does not exist."""
    return complaint.code == "INVALID_FIELD" and complaint.message.startswith("Foreign key external ID")


def _permanent(complaint: Complaint) -> type[Permanent]:
    return Missing if is_missing_parent(complaint) else _PERMANENT[complaint.code]


def _limit(complaint: Complaint) -> RateLimited:
    """The only error whose message must be read: one code stands for two limits (facts on REQUEST_LIMIT_EXCEEDED)."""
    if "concurrent" in complaint.message.lower():
        text = "Too many long Salesforce calls run at once."
        return RateLimited(text, reason="concurrent_limit", retry_after=CONCURRENCY_PAUSE)
    text = "Salesforce's daily pool of API calls is used up."
    return RateLimited(text, reason="daily_limit", retry_after=DAILY_PAUSE)


def _by_status(status: int, complaint: Complaint) -> GatewayError:
    words = _words(status, complaint)
    reason = complaint.code or f"http_{status}"
    if status == 429:
        return RateLimited(words, reason=reason, retry_after=CONCURRENCY_PAUSE)
    if status in _STATUS:
        return _STATUS[status](words, reason=reason)
    if status >= 500:
        return Unavailable(words, reason=reason)
    if status in _WRONG_ADDRESS:
        remedy = "Check the Salesforce URL (My Domain) and the API version."
        return Misconfigured(f"{words} {remedy}", reason=reason)
    return Rejected(words, reason=reason)


def _words(status: int, complaint: Complaint) -> str:
    if not complaint.code:
        return f"Salesforce answered with status {status} and no reason that can be read."
    text = f"Salesforce answered {complaint.code}: {complaint.sentence}"
    remedy = "" if is_missing_parent(complaint) else _REMEDY.get(complaint.code, "")
    return f"{text} {remedy}".rstrip()


def from_network(error: requests.RequestException, *, write: bool) -> GatewayError:
    """Turn a failure without a usable answer into an error of the tree; the URL (it may hold SOQL) is left out."""
    after = f" {SAFE_TO_REPEAT}" if write else ""
    if isinstance(error, requests.Timeout):
        return TimedOut(f"Salesforce did not answer in time.{after}", reason=type(error).__name__)
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return Unavailable(f"Salesforce answered something that is not JSON.{after}", reason="not_json")
    if isinstance(error, requests.exceptions.SSLError):
        return Unavailable("No trusted connection to Salesforce could be made.", reason="SSLError")
    return Unavailable(f"The connection to Salesforce failed.{after}", reason=type(error).__name__)
