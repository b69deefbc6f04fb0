"""What QuickBooks calls us with: CloudEvents (an array) and the legacy form (an object), reduced to hints.

A payload is never believed: it names records, and those are read by their id. The signature is checked over the raw
bytes before anything is parsed. What cannot be read, or is about something else, is counted and left out: a call that
is refused for it would come again and again, and hold back every later one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from domain.book_changes import BookKind
from domain.errors import Malformed, NotAuthorized

TYPE = re.compile(r"qbo\.(?P<entity>[a-z]+)\.(?P<operation>[a-z]+)\.v\d+")
KINDS = {
    "invoice": BookKind.INVOICE,
    "creditmemo": BookKind.CREDIT_MEMO,
    "payment": BookKind.PAYMENT,
    "customer": BookKind.CUSTOMER,
    "item": BookKind.ITEM,
}
ID = re.compile(r"[0-9]{1,20}")
NAME_LIMIT = 200  # characters of an event's own id


class BookHint(BaseModel):
    """Something happened to this record. `event_id` names the event: the same one again is known.

    `merged_into`: the record that is said to be left of this one.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    kind: BookKind
    record_id: str
    merged_into: str | None = None


class Opened(BaseModel):
    """What a call held: hints about our company, events of other companies, and what says nothing to us."""

    model_config = ConfigDict(frozen=True)

    hints: tuple[BookHint, ...]
    other_companies: int = 0
    ignored: int = 0


def check_signature(body: bytes, signature: str | None, verifier: SecretStr) -> None:
    """Raise NotAuthorized unless it is the base64 of HMAC-SHA256 over the raw body; in constant time."""
    digest = hmac.new(verifier.get_secret_value().encode(), body, hashlib.sha256).digest()
    expected, given = base64.b64encode(digest), (signature or "").strip().encode(errors="replace")
    if not hmac.compare_digest(expected, given):
        raise NotAuthorized("intuit-signature does not fit the body.", reason="signature")


def hints_of(body: bytes, realm: str) -> Opened:
    """The hints of a call about one company, each record's as it was told. Raises Malformed for what is no call."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("The body is no JSON.", reason="body") from None
    if not isinstance(found, (list, dict)):
        raise Malformed("The body is neither an array of events nor an object with eventNotifications.", reason="body")
    if isinstance(found, dict) and not isinstance(found.get("eventNotifications"), list):
        raise Malformed("eventNotifications: is missing.", reason="body")
    events = list(_cloud_events(found) if isinstance(found, list) else _legacy_events(found["eventNotifications"]))
    ours = [told for company, *told in events if company == realm]
    strange = sum(1 for company, *_ in events if company not in {realm, ""})
    hints = tuple(hint for told in ours if (hint := _hint(*told)))
    return Opened(hints=hints, other_companies=strange, ignored=len(events) - strange - len(hints))


# Company, entity in lower case, the record's id, the event's own name, and the record that it was merged into.
Event = tuple[str, str, str, str, str]


def _cloud_events(found: list[Any]) -> Iterator[Event]:
    for one in found:
        event = one if isinstance(one, Mapping) else {}
        kind = TYPE.fullmatch(_text(event.get("type")))
        name = _text(event.get("id"))[:NAME_LIMIT]
        record_id = _text(event.get("intuitentityid"))
        entity = kind["entity"] if kind and name else ""
        yield _text(event.get("intuitaccountid")), entity, record_id, f"event {name}/{record_id}", ""


def _legacy_events(found: list[Any]) -> Iterator[Event]:
    """These have no name of their own: what is the same in every respect is the same event."""
    for notification in found:
        told = notification if isinstance(notification, Mapping) else {}
        realm, change = _text(told.get("realmId")), told.get("dataChangeEvent")
        entities = change.get("entities") if isinstance(change, Mapping) else None
        for one in entities if isinstance(entities, list) else [None]:
            entity = one if isinstance(one, Mapping) else {}
            parts = [_text(entity.get(name)) for name in ("name", "id", "operation", "lastUpdated")]
            digest = hashlib.sha256("|".join([realm, *parts]).encode(errors="replace")).hexdigest()
            yield realm, parts[0].lower(), parts[1], f"legacy {digest}", ""
            if entity.get("deletedId") is not None:  # a merge took this one away
                loser = _text(entity["deletedId"])
                yield realm, parts[0].lower(), loser, f"legacy {digest}/merged/{loser[:NAME_LIMIT]}", parts[1]


def _hint(entity: str, record_id: str, event_id: str, merged_into: str) -> BookHint | None:
    kind = KINDS.get(entity)
    if kind is None or not _is_id(record_id) or "\x00" in event_id:
        return None
    return BookHint(
        event_id=event_id.encode(errors="replace").decode(),
        kind=kind,
        record_id=record_id,
        merged_into=merged_into if _is_id(merged_into) and merged_into != record_id else None,
    )


def _is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None and text.isascii()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
