"""The words of QuickBooks' webhooks: CloudEvents (an array) and the legacy form (an object), and their signature."""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

CLOUD, LEGACY = "cloudevents", "legacy"
TYPES = {CLOUD: "application/cloudevents+json", LEGACY: "application/json"}
_PAST = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Emailed": "emailed",
    "Merge": "merged",
}


class Event(NamedTuple):
    """One thing that happened; `deleted_key` is what a merge took away."""

    id: str
    realm: str
    entity: str
    key: str
    operation: str
    deleted_key: str | None
    at: str


def payload(form: str, events: Sequence[Event]) -> bytes:
    """The body of one notification in one of the two forms."""
    body = [_cloud(event) for event in events] if form == CLOUD else _legacy(events)
    return json.dumps(body, separators=(",", ":")).encode()


def signature(body: bytes, verifier: str) -> str:
    """The value of `intuit-signature`: base64 of HMAC-SHA256 over the raw body, under the app's verifier token."""
    return base64.b64encode(hmac.new(verifier.encode(), body, hashlib.sha256).digest()).decode()


def _cloud(event: Event) -> dict[str, object]:
    source = hashlib.sha256(event.realm.encode()).hexdigest()[:20]
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"intuit.{source}",
        "type": f"qbo.{event.entity.lower()}.{_PAST[event.operation]}.v1",
        "datacontenttype": "application/json",
        "time": _nine_digits(event.at),
        "intuitentityid": event.key,
        "intuitaccountid": event.realm,
        "data": {},
    }


def _nine_digits(at: str) -> str:
    """Intuit's own stamps have nine digits after the second."""
    stamp = datetime.fromisoformat(at)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond:06d}179Z"


def _legacy(events: Sequence[Event]) -> dict[str, object]:
    by_realm: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for event in events:
        entity = {"name": event.entity, "id": event.key, "operation": event.operation}
        stamp = datetime.fromisoformat(event.at)
        entity["lastUpdated"] = f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d}Z"
        by_realm[event.realm].append(entity | ({"deletedId": event.deleted_key} if event.deleted_key else {}))
    return {
        "eventNotifications": [
            {"realmId": realm, "dataChangeEvent": {"entities": entities}} for realm, entities in by_realm.items()
        ]
    }
