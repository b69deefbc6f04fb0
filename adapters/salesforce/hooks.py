"""What Salesforce calls us with: a flow's JSON and outbound messages in SOAP, reduced to hints of what to read again.

A payload is never believed: it names records, and those are read by their Id. Signatures are checked over the raw
bytes before anything is parsed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import BaseModel, ConfigDict, SecretStr

from domain.errors import Malformed, NotAuthorized

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
RECORD_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
OBJECTS = ("Order", "OrderItem")
HINTS = 200  # records that one call may name
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{ack}</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


class Hint(BaseModel):
    """Something happened to this record. `event_id` names the call's part: the same one again is known.

    `record_id` None: the record was gone when the message was sent; the poll finds out what became of it.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    sobject: str
    record_id: str | None


def check_signature(body: bytes, signature: str | None, secret: SecretStr) -> None:
    """Raise NotAuthorized unless the signature is the hex HMAC-SHA256 of the raw body; in constant time."""
    expected = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), (signature or "").strip().lower().encode()):
        raise NotAuthorized("The signature does not fit the body.", reason="signature")


def check_secret(given: str, secret: SecretStr) -> None:
    """Raise NotAuthorized unless the secret in an address is ours; in constant time."""
    if not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
        raise NotAuthorized("This address is not ours.", reason="secret")


def hints_of_json(body: bytes, org_id: str | None) -> list[Hint]:
    """The hints of a flow's call: `{orgId, object, recordId | ids}`. Raises Malformed where it is none of ours.

    The same body again gives the same `event_id`.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is no JSON.", reason="body") from error
    if not isinstance(given, dict):
        raise Malformed("The body is no JSON object.", reason="body")
    _check_org(given.get("orgId"), org_id)
    sobject = given.get("object")
    if sobject not in OBJECTS:
        raise Malformed(f"object: give one of {', '.join(OBJECTS)}.", reason="object")
    digest = hashlib.sha256(body).hexdigest()[:32]
    return [Hint(event_id=f"call {digest}/{one}", sobject=str(sobject), record_id=one) for one in _ids(given)]


def _ids(given: dict[str, Any]) -> list[str]:
    named = given["ids"] if "ids" in given else [given.get("recordId")]
    if not isinstance(named, list) or not 1 <= len(named) <= HINTS:
        raise Malformed(f"ids: give a list of 1 to {HINTS} record ids.", reason="ids")
    for one in named:
        if not isinstance(one, str) or not RECORD_ID.fullmatch(one):
            raise Malformed("A record id has 15 or 18 letters and digits.", reason="ids")
    return list(dict.fromkeys(named))


def hints_of_message(body: bytes, org_id: str | None) -> list[Hint]:
    """The hints of an outbound message, one a notification. Raises Malformed for what is no message of our org."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise Malformed("The body is no XML that can be read safely.", reason="body") from error
    message = root.find(f"{ENVELOPE}Body/{OUTBOUND}notifications")
    if message is None:
        raise Malformed("The body is no outbound message.", reason="body")
    _check_org(message.findtext(f"{OUTBOUND}OrganizationId"), org_id)
    found = list(_notifications(message))
    if not found:
        raise Malformed("The message holds no notification.", reason="body")
    return found


def _notifications(message: Element) -> Iterator[Hint]:
    for one in message.findall(f"{OUTBOUND}Notification"):
        event_id = (one.findtext(f"{OUTBOUND}Id") or "").strip()
        if not RECORD_ID.fullmatch(event_id):
            raise Malformed("A notification has no Id.", reason="body")
        record = one.find(f"{OUTBOUND}sObject")
        sobject, record_id = _record(record) if record is not None else (OBJECTS[0], None)
        yield Hint(event_id=f"notification {event_id}", sobject=sobject, record_id=record_id)


def _record(record: Element) -> tuple[str, str | None]:
    kind = record.get("{http://www.w3.org/2001/XMLSchema-instance}type", "").rpartition(":")[2]
    if kind not in OBJECTS:
        raise Malformed(f"A notification is about {kind or 'nothing'}: send {', '.join(OBJECTS)}.", reason="object")
    record_id = next((child.text for child in record if child.tag.rpartition("}")[2] == "Id"), None)
    if record_id is not None and not RECORD_ID.fullmatch(record_id.strip()):
        raise Malformed("A record id has 15 or 18 letters and digits.", reason="ids")
    return kind, record_id.strip() if record_id else None


def _check_org(given: object, org_id: str | None) -> None:
    """Ids of 15 and of 18 characters name the same org."""
    if org_id is not None and (not isinstance(given, str) or given[:15] != org_id[:15]):
        raise Malformed("This comes from another org.", reason="org")
