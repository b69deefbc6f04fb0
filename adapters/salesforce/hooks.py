"""What Salesforce calls us with: a flow's JSON and outbound messages in SOAP, reduced to hints of what to read again.

A payload is never believed: it names records, and those are read by their Id. Signatures and secrets are checked
before anything is parsed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.ids import full_id
from domain.errors import Malformed, NotAuthorized
from domain.links import LinkKind

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
SCHEMA_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
HINTS = 200  # records that one call may name: as many as one query reads
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


class Hint(BaseModel):
    """Something happened to this record. `event_id` names the call's part: the same one again is known.

    `record_id` None: the record was gone when the message was sent; the poll finds out what became of it.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    record_id: str | None
    is_line: bool = False
    master: LinkKind | None = None  # of a customer or an item, which have flows of their own


class Sender(BaseModel):
    """Who may send: the org (None: any), and how far a call's own time may be from ours."""

    model_config = ConfigDict(frozen=True)

    org_id: str | None = None
    window: timedelta = timedelta(days=1)
    names: SalesforceNames = SalesforceNames()


class _Call(BaseModel):
    """A flow's call; what else it holds is not looked at."""

    model_config = ConfigDict(hide_input_in_errors=True)

    org_id: str | None = Field(default=None, alias="orgId")
    sobject: str = Field(alias="object")
    record_id: str | None = Field(default=None, alias="recordId")
    ids: Annotated[list[str], Field(max_length=HINTS)] = []
    occurred_at: AwareDatetime | None = Field(default=None, alias="occurredAt")


def check_signature(body: bytes, signature: str | None, secret: SecretStr) -> None:
    """Raise NotAuthorized unless the signature is the hex HMAC-SHA256 of the raw body; in constant time."""
    expected = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    if not _equal(expected, (signature or "").strip().lower()):
        raise NotAuthorized("X-Threeway-Signature does not fit the body.", reason="signature")


def check_secret(given: str, secret: SecretStr) -> None:
    """Raise NotAuthorized unless the secret in an address is ours; in constant time."""
    if not _equal(given, secret.get_secret_value()):
        raise NotAuthorized("The secret in this address is not ours.", reason="secret")


def hints_of_call(body: bytes, sender: Sender, now: datetime) -> list[Hint]:
    """The hints of a flow's call, one a record. Raises Malformed for what is none of this sender.

    The same body again gives the same `event_id`.
    """
    try:
        call = _Call.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(error) from None
    _check_org(call.org_id, sender)
    is_line, master = _what(call.sobject, sender.names)
    if call.occurred_at is not None and abs(now - call.occurred_at) > sender.window:
        detail = f"occurredAt: it is more than {sender.window} away from now. The poll has seen it, or will."
        raise Malformed(detail, reason="late")
    named = [*call.ids, *([call.record_id] if call.record_id is not None else [])]
    if not named:
        raise Malformed("recordId: name a record, or several in ids.", reason="record")
    digest = hashlib.sha256(body).hexdigest()
    return [
        Hint(event_id=f"call {digest}/{one}", record_id=one, is_line=is_line, master=master)
        for one in dict.fromkeys(map(_id, named))
    ]


def hints_of_message(body: bytes, sender: Sender) -> list[Hint]:
    """The hints of an outbound message, one a notification. Raises Malformed for what is no message of this sender."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise Malformed("The body is no XML that can be read safely.", reason="body") from None
    message = root.find(f"{ENVELOPE}Body/{OUTBOUND}notifications") if root.tag == f"{ENVELOPE}Envelope" else None
    if message is None:
        raise Malformed("The body is no outbound message.", reason="body")
    _check_org(message.findtext(f"{OUTBOUND}OrganizationId"), sender)
    found = list(_notifications(message, sender.names))
    if not 1 <= len(found) <= HINTS:
        raise Malformed(f"A message holds 1 to {HINTS} notifications.", reason="body")
    return found


def _notifications(message: Element, names: SalesforceNames) -> Iterator[Hint]:
    for one in message.findall(f"{OUTBOUND}Notification"):
        event_id = full_id((one.findtext(f"{OUTBOUND}Id") or "").strip())
        if event_id is None:
            raise Malformed("A notification has no Id.", reason="body")
        record = one.find(f"{OUTBOUND}sObject")
        found = None if record is None else _text_of(record, "Id")
        if record is None or not found:
            yield Hint(event_id=f"notification {event_id}", record_id=None)
        else:
            is_line, master = _what(record.get(SCHEMA_TYPE, "").rpartition(":")[2], names)
            yield Hint(event_id=f"notification {event_id}", record_id=_id(found), is_line=is_line, master=master)


def _text_of(record: Element, field: str) -> str:
    """A field's text whatever its namespace is: that of the enterprise and of the partner API differ."""
    return next((child.text or "" for child in record if child.tag.rpartition("}")[2] == field), "").strip()


def _id(given: str) -> str:
    found = full_id(given)
    if found is None:
        raise Malformed("A record id has 15 or 18 letters and digits, of which the last three fit.", reason="record")
    return found


def _what(sobject: str, names: SalesforceNames) -> tuple[bool, LinkKind | None]:
    """Whether the object is a line of orders, and what kind of master it is, if it is one."""
    masters = {names.account.sobject: LinkKind.CUSTOMER, names.product.sobject: LinkKind.ITEM}
    wanted = (names.order.sobject, names.order_item.sobject, *masters)
    if sobject not in wanted:
        raise Malformed(f"object: the gateway reads {', '.join(wanted)} again, no other.", reason="object")
    return sobject == names.order_item.sobject, masters.get(sobject)


def _check_org(given: str | None, sender: Sender) -> None:
    """Ids of 15 and of 18 characters name the same org; a sandbox's copy of the metadata is another one."""
    if sender.org_id is not None and (given or "").strip()[:15] != sender.org_id[:15]:
        raise Malformed("orgId: this comes from another org, or from none.", reason="org")


def _unreadable(error: ValidationError) -> Malformed:
    """Say where and what, never the value that was given."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return Malformed(f"{where}: {first['msg']}.", reason="body")


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))
