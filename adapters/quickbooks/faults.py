"""Read what QuickBooks says went wrong, in all the shapes it says it: JSON in two spellings, XML, HTML, plain text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

THROTTLED = "3001"
EXCERPT_LIMIT = 300

_XML_ERROR = re.compile(r"<Error\b([^>]*)>(.*?)</Error>", re.DOTALL | re.IGNORECASE)
_XML_CODE = re.compile(r"""code\s*=\s*["']?(\d+)""", re.IGNORECASE)
_XML_TYPE = re.compile(r"""<Fault\b[^>]*type\s*=\s*["']([^"']*)""", re.IGNORECASE)
_CODE_IN_TEXT = re.compile(r"errorCode=0*(\d+)")
_OPAQUE = re.compile(r"[A-Za-z0-9_.~+/=-]{40,}")  # what looks like a token is never repeated


@dataclass(frozen=True)
class VendorError:
    """One error of a fault, in the vendor's words. `code` is digits without leading zeros, or empty."""

    code: str
    message: str = ""
    detail: str = ""
    element: str = ""
    fault_type: str = ""

    @property
    def text(self) -> str:
        """Message and detail, for rules that look at the words."""
        return f"{self.message} {self.detail}".strip()


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read once. `body` is None when it was no JSON object; `trace` is the vendor's support id."""

    status: int
    text: str
    body: Mapping[str, Any] | None
    errors: tuple[VendorError, ...]
    trace: str | None = None

    @property
    def succeeded(self) -> bool:
        """True for the only success there is: 200, a JSON object, no fault."""
        return self.status == 200 and self.body is not None and not self.errors

    @property
    def throttled(self) -> bool:
        """True when it asks us to slow down; old captures show that under other statuses than 429."""
        return self.status == 429 or any(error.code == THROTTLED for error in self.errors)


def read_answer(status: int, text: str, trace: str | None = None) -> Answer:
    """Read an answer of any form; never raises."""
    body = _json_object(text)
    errors = tuple(errors_in(body)) if body is not None else tuple(_errors_in_text(text))
    return Answer(status=status, text=text, body=body, errors=errors, trace=trace)


def errors_in(body: Mapping[str, Any]) -> Iterator[VendorError]:
    """The errors of a JSON answer or of one item of a batch answer, in the vendor's order."""
    fault = body.get("Fault") or body.get("fault")
    if not isinstance(fault, Mapping):
        return
    listed = fault.get("Error") or fault.get("error") or [{}]
    for error in listed if isinstance(listed, list) else [listed]:
        yield _json_error(error if isinstance(error, Mapping) else {}, str(fault.get("type") or ""))


def excerpt(text: str, limit: int = EXCERPT_LIMIT) -> str:
    """The beginning of a vendor text, on one line, without anything that could be a token."""
    line = " ".join(_OPAQUE.sub("[...]", text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _json_object(text: str) -> Mapping[str, Any] | None:
    try:
        body = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, Mapping) else None


def _json_error(error: Mapping[str, Any], fault_type: str) -> VendorError:
    def word(name: str) -> str:
        return str(error.get(name) or error.get(name.lower()) or "")

    return VendorError(
        code=_code(word("code"), word("Message")),
        message=word("Message"),
        detail=word("Detail"),
        element=word("element"),
        fault_type=fault_type,
    )


def _code(stated: str, message: str) -> str:
    if stated.strip().isdigit():
        return stated.strip().lstrip("0") or "0"
    found = _CODE_IN_TEXT.search(message)
    return found.group(1) if found else ""


def _errors_in_text(text: str) -> Iterator[VendorError]:
    fault_type = _XML_TYPE.search(text)
    found = False
    for attributes, inner in _XML_ERROR.findall(text):
        found = True
        stated = _XML_CODE.search(attributes)
        message = _xml_word("Message", inner)
        yield VendorError(
            code=_code(stated.group(1) if stated else "", message),
            message=message,
            detail=_xml_word("Detail", inner),
            fault_type=fault_type.group(1) if fault_type else "",
        )
    if not found and "ThrottleExceeded" in text:
        yield VendorError(code=THROTTLED, message="ThrottleExceeded")


def _xml_word(name: str, text: str) -> str:
    found = re.search(rf"<{name}\b[^>]*>(.*?)</{name}>", text, re.DOTALL | re.IGNORECASE)
    return html.unescape(found.group(1)).strip() if found else ""
