"""What QuickBooks would send to the hook, in both forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx

from tests.api.served import Served
from tests.build import REALM

VERIFIER = "twin-verifier"  # that of the stand-in
PATH = "/hooks/quickbooks"
NO_KEY = {"X-API-Key": ""}


def signature(body: bytes, verifier: str = VERIFIER) -> str:
    return base64.b64encode(hmac.new(verifier.encode(), body, hashlib.sha256).digest()).decode()


def event(entity: str = "invoice", key: str = "1234", operation: str = "updated", **changes: Any) -> dict[str, Any]:
    """A CloudEvent."""
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=",
        "type": f"qbo.{entity}.{operation}.v1",
        "datacontenttype": "application/json",
        "time": "2026-11-26T09:30:00.179851517Z",
        "intuitentityid": key,
        "intuitaccountid": REALM,
        "data": {},
        **changes,
    }


def cloud(*events: object) -> bytes:
    return json.dumps(list(events)).encode()


def entity(name: str = "Invoice", key: str = "1234", operation: str = "Update", **changes: Any) -> dict[str, Any]:
    """An entity of the legacy form."""
    return {"name": name, "id": key, "operation": operation, "lastUpdated": "2026-11-26T09:30:00.000Z", **changes}


def legacy(*entities: object, realm: str = REALM) -> bytes:
    told = {"realmId": realm, "dataChangeEvent": {"entities": list(entities)}}
    return json.dumps({"eventNotifications": [told]}).encode()


async def post(served: Served, body: bytes, **headers: str) -> httpx.Response:
    """Send a body, signed, by somebody who has no key of ours."""
    given = {**NO_KEY, "intuit-signature": signature(body), "Content-Type": "application/json", **headers}
    return await served.client.post(PATH, content=body, headers=given)
