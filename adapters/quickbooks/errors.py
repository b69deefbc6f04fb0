"""What the vendor's codes mean for the work: a table, a few rules on words, and the HTTP status without a code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.quickbooks.faults import THROTTLED, Answer, VendorError, excerpt
from domain.errors import (
    Duplicate,
    GatewayError,
    Misconfigured,
    Missing,
    NotAuthorized,
    OutcomeUnknown,
    Permanent,
    RateLimited,
    Rejected,
    StaleToken,
    TimedOut,
    Transient,
    Unavailable,
)

THROTTLE_PAUSE = timedelta(seconds=60)  # the vendor's advice; it sends no Retry-After
INVENTORY_LOCK_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True)
class Meaning:
    """What one code means: the kind of error, the sentence with the remedy, our reason where it is not the code."""

    error: type[GatewayError]
    remedy: str
    reason: str | None = None
    retry_after: timedelta | None = None
    quote: bool = True  # false where the vendor's words can hold a token


_RECONNECT = "QuickBooks refuses our access: connect QuickBooks again."
_BUG = "QuickBooks does not understand this request of ours: report it, trying again cannot help."
_LINK = (
    "QuickBooks does not know a record that this call names, or it is inactive: activate it or confirm another link."
)

UNCERTAIN = Meaning(
    OutcomeUnknown,
    "QuickBooks failed while it handled a write, which may have taken effect: probe before it is written again.",
)
FAILING = Meaning(Unavailable, "QuickBooks is failing: the read can be tried again.")
SLOW = Meaning(TimedOut, "QuickBooks did not answer in time: the read can be tried again.")
ACCESS_REFUSED = Meaning(NotAuthorized, _RECONNECT, quote=False)
COMPANY_REFUSED = Meaning(
    NotAuthorized,
    "QuickBooks does not let us into this company: check realm id and environment, then connect QuickBooks again.",
    quote=False,
)
THROTTLE = Meaning(
    RateLimited, "QuickBooks asks us to slow down: the call is made again later.", retry_after=THROTTLE_PAUSE
)
PERIOD_CLOSED = Meaning(
    Rejected,
    "The books are closed for this date: choose a date in an open period or open the period in QuickBooks.",
    reason="period_closed",
)
INVENTORY_LOCK = Meaning(
    Unavailable,
    "Somebody else was changing inventory in QuickBooks at the same moment: the call is made again shortly.",
    retry_after=INVENTORY_LOCK_PAUSE,
)
NUMBER_TAKEN = Meaning(
    Duplicate, "This document number is taken in QuickBooks: compare that transaction, then adopt it or bill by hand."
)
NO_SUCH_ADDRESS = Meaning(Misconfigured, "QuickBooks knows no such address: check the API address of the connection.")
REFUSED = Meaning(Rejected, "QuickBooks refuses this: correct what it names and try again.")
REFUSED_WITHOUT_WORDS = Meaning(
    Misconfigured, "QuickBooks refuses this request and gives no reason: check the API address of the connection."
)

MEANINGS: dict[str, Meaning] = {
    "100": ACCESS_REFUSED,
    "120": Meaning(
        NotAuthorized,
        "The QuickBooks user who connected us is no longer an administrator: "
        "restore that right, or connect QuickBooks again.",
        quote=False,
    ),
    "500": Meaning(Misconfigured, _BUG),
    "600": Meaning(Misconfigured, _BUG),
    "610": Meaning(Missing, _LINK),
    "1040": Meaning(Misconfigured, "A batch holds at most 30 items: report it, trying again cannot help."),
    "2010": Meaning(Misconfigured, _BUG),
    "2020": Meaning(Misconfigured, _BUG),
    "2050": Meaning(Rejected, "A text is longer than QuickBooks allows: shorten the field that it names."),
    "2130": Meaning(Misconfigured, _BUG),
    "2170": Meaning(Misconfigured, _BUG),
    "2500": Meaning(Missing, _LINK),
    THROTTLED: THROTTLE,
    "3100": COMPANY_REFUSED,
    "3200": ACCESS_REFUSED,
    "4000": Meaning(Misconfigured, _BUG),
    "4001": Meaning(Misconfigured, _BUG),
    "5010": Meaning(
        StaleToken, "The record changed in QuickBooks since it was read: read it again, then decide again."
    ),
    "5020": Meaning(Misconfigured, "The QuickBooks user who connected us lacks a right: grant it in QuickBooks."),
    "5030": Meaning(
        Misconfigured, "The QuickBooks plan or its settings lack this feature: switch it on in QuickBooks."
    ),
    "6070": Meaning(Rejected, "A line's amount is not its quantity times its price: correct the line."),
    "6100": Meaning(
        Rejected, "A line's tax code is not one of TAX and NON: correct the line or the company's tax mode."
    ),
    "6140": NUMBER_TAKEN,
    "6190": Meaning(NotAuthorized, "The QuickBooks subscription does not allow changes: renew it, then connect again."),
    "6200": PERIOD_CLOSED,
    "6210": PERIOD_CLOSED,
    "6240": Meaning(Duplicate, "This name is taken in QuickBooks: confirm a link to the record that has it."),
    "6250": Meaning(Missing, "The customer is missing or inactive in QuickBooks: activate it or confirm another link."),
    "6270": Meaning(
        Rejected, "The date is before the item's inventory start date in QuickBooks: correct one of the two."
    ),
    "10000": UNCERTAIN,
}

# Words win over codes: 6210 is used for closed periods and for taken numbers, and 5010 was seen for a closed period.
WORDS: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (re.compile(r"period\s+(has\s+)?closed", re.IGNORECASE), PERIOD_CLOSED),
    (re.compile(r"number has already been used|duplicate document number", re.IGNORECASE), NUMBER_TAKEN),
    (re.compile(r"inventory\b.*\bexactly the same time", re.IGNORECASE | re.DOTALL), INVENTORY_LOCK),
    (re.compile(r"could not find resource for relative", re.IGNORECASE), NO_SUCH_ADDRESS),
)

_HOLDER = re.compile(r"\b(?:TxnId|Id)=(\d+)")


def translate(answer: Answer, *, write: bool) -> GatewayError | None:
    """The typed error of an answer, None when it succeeded. The HTTP status decides first, then the fault."""
    if answer.succeeded:
        return None
    found = _by_status(answer, write=write)
    if found is not None:
        return _build(found, answer.errors, answer, write=write)
    if answer.errors:
        return translate_errors(answer.errors, write=write, trace=answer.trace)
    return _build(_without_words(answer, write=write), (), answer, write=write)


def translate_errors(errors: Sequence[VendorError], *, write: bool, trace: str | None = None) -> GatewayError:
    """The typed error of one fault. With several errors the most binding decides and all codes stay in the detail."""
    leading = min(errors, key=lambda error: _weight(meaning_of(error)))
    ordered = [leading, *(error for error in errors if error is not leading)]
    answer = Answer(status=200, text="", body={}, errors=tuple(ordered), trace=trace)
    return _build(meaning_of(leading), ordered, answer, write=write)


def meaning_of(error: VendorError) -> Meaning:
    """The meaning of one vendor error: by its words, then by its code, then by the type of its fault."""
    for pattern, meaning in WORDS:
        if pattern.search(error.text):
            return meaning
    if error.code in MEANINGS:
        return MEANINGS[error.code]
    return UNCERTAIN if error.fault_type.lower() in {"systemfault", "system"} else REFUSED


def _by_status(answer: Answer, *, write: bool) -> Meaning | None:
    meanings = [meaning_of(error) for error in answer.errors]
    if answer.throttled:
        return THROTTLE
    if answer.status in {401, 403}:
        fallback = ACCESS_REFUSED if answer.status == 401 else COMPANY_REFUSED
        return next((meaning for meaning in meanings if meaning.error is NotAuthorized), fallback)
    if answer.status >= 500 and NO_SUCH_ADDRESS not in meanings:
        return _silence(answer, write=write)
    return None


def _without_words(answer: Answer, *, write: bool) -> Meaning:
    if 400 <= answer.status < 500 and answer.status != 408:
        return REFUSED_WITHOUT_WORDS
    return _silence(answer, write=write)


def _silence(answer: Answer, *, write: bool) -> Meaning:
    if write:
        return UNCERTAIN
    timed_out = answer.status in {408, 504} or "stream timeout" in answer.text[:100].lower()
    return SLOW if timed_out else FAILING


def _weight(meaning: Meaning) -> int:
    """Which of several errors decides: a doubt about the outcome, then what no retry mends, then the rest."""
    if meaning.error is OutcomeUnknown:
        return 0
    return 1 if issubclass(meaning.error, Permanent) else 2


def _build(meaning: Meaning, errors: Sequence[VendorError], answer: Answer, *, write: bool) -> GatewayError:
    if meaning.error is OutcomeUnknown and not write:
        meaning = FAILING
    code = errors[0].code if errors else ""
    detail = f"{meaning.remedy} ({_said(meaning, errors, answer)})"
    reason = meaning.reason or code or f"http_{answer.status}"
    holder = _HOLDER.search(errors[0].text) if errors and issubclass(meaning.error, Duplicate) else None
    context: dict[str, str | int | None] = {"trace": answer.trace, "txn_id": holder.group(1) if holder else None}
    if issubclass(meaning.error, Transient):
        return meaning.error(detail, reason=reason, retry_after=meaning.retry_after, **context)
    return meaning.error(detail, reason=reason, **context)


def _said(meaning: Meaning, errors: Sequence[VendorError], answer: Answer) -> str:
    if not errors:
        words = excerpt(answer.text, 100) if meaning.quote else ""
        return f"HTTP {answer.status}" + (f": {words}" if words else "")
    codes = "code " + ", ".join(error.code or "unknown" for error in errors)
    if not meaning.quote:
        return codes
    named = f" at {errors[0].element}" if errors[0].element else ""
    return f"{codes}{named}: {excerpt(errors[0].text)}"
