"""What Salesforce would send to the hooks, and what the store has kept of it."""

from __future__ import annotations

import hashlib
import hmac
import json
from itertools import count
from typing import Any

import httpx
from sqlalchemy import select

from runtime.settings import Settings
from store.tables.files import InboxRow
from tests.api.served import Served

SECRET = "a-hook-secret-of-these-tests"
ORG = "00DTW00000000012AA"
ORDER = "801000000000001AAA"
OTHER_ORDER = "801000000000002AAA"
LINE = "802000000000001AAA"
CALL = "/hooks/salesforce"
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)
NO_KEY = {"X-API-Key": ""}


_numbers = count(1000)


def fresh_order() -> str:
    """The Id of an order that no other test names: Temporal is shared, and knows flows by it."""
    return f"801{next(_numbers):012d}AAA"


def secret_of(settings: Settings) -> str:
    """The secret that an app of the tests takes."""
    assert settings.salesforce is not None
    assert settings.salesforce.hook_secret is not None
    return settings.salesforce.hook_secret.get_secret_value()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a flow's call."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {**NO_KEY, "X-Threeway-Signature": signature, "Content-Type": "application/json"}


def call(**changes: Any) -> bytes:
    """A flow's body."""
    return json.dumps({"orgId": ORG, "object": "Order", "recordId": ORDER, "event": "updated", **changes}).encode()


async def post_call(served: Served, body: bytes, **headers: str) -> httpx.Response:
    """Send a flow's body, signed."""
    return await served.client.post(CALL, content=body, headers={**signed(body, secret_of(served.settings)), **headers})


def notification(number: int, record: str | None = ORDER, kind: str = "Order") -> str:
    """One notification; without a record it was deleted meanwhile."""
    name = f"04l{number:012d}AAA"
    data = "" if record is None else f"<sf:Id>{record}</sf:Id><sf:Status>Activated</sf:Status>"
    opened = f'<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
    return f"<Notification><Id>{name}</Id>{opened}{data}</sObject></Notification>"


def message(*notifications: str, org: str = ORG) -> bytes:
    """An outbound message as Salesforce writes it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>04k000000000001AAA</ActionId>"
        '<SessionId xsi:nil="true"/><EnterpriseUrl>https://acme.my.salesforce.com/services/Soap/c/67.0</EnterpriseUrl>'
        "<PartnerUrl>https://acme.my.salesforce.com/services/Soap/u/67.0</PartnerUrl>"
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


async def post_message(served: Served, body: bytes, secret: str | None = None) -> httpx.Response:
    """Send an outbound message to its secret address."""
    path = f"{CALL}/outbound-message/{secret or secret_of(served.settings)}"
    return await served.client.post(path, content=body, headers={**NO_KEY, "Content-Type": "text/xml"})


def kept(served: Served) -> list[InboxRow]:
    """What lies in the inbox, oldest first."""
    with served.write() as session:
        rows = list(session.scalars(select(InboxRow).order_by(InboxRow.id)))
        session.expunge_all()
        return rows
