"""The words of outbound messages and of a flow's call: envelope, acknowledgement, signed JSON."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from twins.salesforce.values import number_token

OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
# What the outbound messages of the package carry; the Id comes first, as the platform puts it.
FIELDS = {
    "Order": ("Id", "ERP_Order_Id__c", "LastModifiedById", "LastModifiedDate", "Status"),
    "OrderItem": ("Id", "LastModifiedById", "LastModifiedDate", "OrderId"),
}
VERSION = "67.0"


class Notice(NamedTuple):
    """One thing to tell, with the record as it is now (None: it is gone)."""

    id: str
    record: str
    event: str
    at: str
    now: Mapping[str, object] | None


class Org(NamedTuple):
    """Who sends: the org's id, the id of its action, and its address."""

    id: str
    action: str
    url: str


def envelope(org: Org, sobject: str, notices: Sequence[Notice]) -> bytes:
    """The SOAP envelope of an outbound message: no session, fields without a value left out."""
    shown = "".join(_notification(sobject, notice) for notice in notices)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f' <soapenv:Body>\n  <notifications xmlns="{OUTBOUND}">\n'
        f"   <OrganizationId>{org.id}</OrganizationId>\n   <ActionId>{org.action}</ActionId>\n"
        '   <SessionId xsi:nil="true"/>\n'
        f"   <EnterpriseUrl>{escape(org.url)}/services/Soap/c/{VERSION}/{org.id[:15]}</EnterpriseUrl>\n"
        f"   <PartnerUrl>{escape(org.url)}/services/Soap/u/{VERSION}/{org.id[:15]}</PartnerUrl>\n"
        f"{shown}  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
    ).encode()


def _notification(sobject: str, notice: Notice) -> str:
    if notice.now is None:
        return f"   <Notification>\n    <Id>{notice.id}</Id>\n   </Notification>\n"
    values = ((name, notice.now.get(name)) for name in FIELDS[sobject])
    fields = "".join(
        f"     <sf:{name}>{escape(_text(value))}</sf:{name}>\n" for name, value in values if value is not None
    )
    return (
        f"   <Notification>\n    <Id>{notice.id}</Id>\n"
        f'    <sObject xsi:type="sf:{sobject}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
        f"{fields}    </sObject>\n   </Notification>\n"
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return number_token(value)
    return str(value).removesuffix("+0000") + "Z" if str(value).endswith(".000+0000") else str(value)


def is_acknowledged(status: int, content: bytes) -> bool:
    """True for a 200 whose envelope says `<Ack>true</Ack>`; everything else is a failure."""
    if status != 200:
        return False
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        return False
    ack = root.findtext(f"{{{SOAP}}}Body/{{{OUTBOUND}}}notificationsResponse/{{{OUTBOUND}}}Ack")
    return ack is not None and ack.strip() == "true"


def call_body(org: str, sobject: str, notices: Sequence[Notice]) -> bytes:
    """The JSON of a flow's call: one record by `recordId`, several by `ids`."""
    records = list(dict.fromkeys(notice.record for notice in notices))
    events = {notice.event for notice in notices}
    named = {"recordId": records[0]} if len(records) == 1 else {"ids": records}
    body = {
        "orgId": org,
        "object": sobject,
        **named,
        "event": events.pop() if len(events) == 1 else "changed",
        "occurredAt": _text(notices[0].at),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def signature(body: bytes, secret: str) -> str:
    """The hex HMAC-SHA256 of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
