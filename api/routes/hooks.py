"""What Salesforce and QuickBooks call: hints that a record changed, and whether such calls come at all.

What they call takes no API key. An outbound message can carry no header, so the secret stands in its address; a flow
and QuickBooks sign their bodies, so that nobody who only reads along can say anything of their own. None is believed
beyond the ids of records, which are read again by our own road: the worst that a forged hint could do is one more read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, SecretStr

from activities.book_hooks import EVENT, EventsHeard
from activities.hooks import ACK, Heard, Hint
from activities.payments import CHANGES
from api.auth import Viewer
from api.problems import ApiCode, Refused
from api.services import Reading, Services, Serving
from api.shapes import problems, refusals
from api.uploads import whole_body
from domain.errors import Malformed, NotAuthorized
from runtime import metrics
from store import cursors, inbox

T = TypeVar("T")

router = APIRouter(prefix="/hooks", tags=["hooks"])

CALL, MESSAGE = "call", "message"  # as the inbox and the metrics know them
CALL_BYTES = 256 << 10
EVENTS_BYTES = 1 << 20
MESSAGE_BYTES = 2 << 20  # a hundred notifications with room for the fields that somebody ticked

EVENTS_SIGNATURE_HELP = "Base64 HMAC-SHA256 of the raw body under the app's verifier token."
EVENTS_EXAMPLE = [
    {
        "specversion": "1.0",
        "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "source": "intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=",
        "type": "qbo.invoice.updated.v1",
        "time": "2026-11-26T09:30:00.179851517Z",
        "intuitentityid": "1234",
        "intuitaccountid": "9130357849016486",
        "data": {},
    }
]
LEGACY_ENTITY = {"name": "Invoice", "id": "1234", "operation": "Update", "lastUpdated": "2026-11-26T09:30:00.000Z"}
LEGACY_EXAMPLE = {
    "eventNotifications": [{"realmId": "9130357849016486", "dataChangeEvent": {"entities": [LEGACY_ENTITY]}}]
}
SIGNATURE_HELP = "Hex HMAC-SHA256 of the raw body under the hook secret."
EXAMPLE = {
    "orgId": "00DTW00000000012AA",
    "object": "Order",
    "recordId": "801TW00000000012AA",
    "event": "updated",
    "occurredAt": "2026-11-26T09:30:00Z",
}
CALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["object"],
    "properties": {
        "orgId": {"type": "string", "description": "Needed where THREEWAY_SALESFORCE_ORG_ID is set."},
        "object": {"type": "string", "description": "Order or OrderItem."},
        "recordId": {"type": "string"},
        "ids": {"type": "array", "items": {"type": "string"}, "maxItems": 200},
        "event": {"type": "string", "description": "Not looked at: what happened is read from the record."},
        "occurredAt": {"type": "string", "format": "date-time"},
    },
}


class HooksView(BaseModel):
    """Whether Salesforce may call, and when it did last. `org_checked`: calls of other orgs are refused.

    The same of QuickBooks' events; `last_look_at` is QuickBooks' time of the last look by change data capture.
    """

    on: bool
    org_checked: bool
    last_call_at: datetime | None
    last_message_at: datetime | None
    events_on: bool
    last_event_at: datetime | None
    last_look_at: datetime | None


@router.get("", responses=problems(), summary="Do hints come?")
def read_hooks(session: Reading, serving: Serving, key: Viewer) -> HooksView:
    """A last time that is far away while orders come by the poll means that the hook is lost."""
    return HooksView(
        on=serving.hooks.secret is not None,
        org_checked=serving.hooks.sender.org_id is not None,
        last_call_at=inbox.latest_of_kind(session, CALL),
        last_message_at=inbox.latest_of_kind(session, MESSAGE),
        events_on=serving.book_hooks.verifier is not None,
        last_event_at=inbox.latest_of_kind(session, EVENT),
        last_look_at=cursors.position(session, CHANGES),
    )


@router.post(
    "/salesforce",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(401, 408, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": CALL_SCHEMA, "example": EXAMPLE}},
        }
    },
    summary="Hint of a flow that records changed",
)
async def receive_call(
    request: Request,
    serving: Serving,
    signature: Annotated[str | None, Header(alias="X-Threeway-Signature", description=SIGNATURE_HELP)] = None,
) -> Heard:
    """202 once the hints are durable; the records are read again by their Id. The same body again does nothing."""
    secret = _secret(serving)
    body = await whole_body(request, CALL_BYTES)
    hints = _opened(CALL, lambda: serving.hooks.of_call(body, signature, secret))
    return await _receive(serving, hints, CALL)


@router.post(
    "/salesforce/outbound-message/{secret}",
    responses={
        200: {"content": {"text/xml": {"schema": {"type": "string"}}}, "description": "`Ack` is true: it is durable."},
        **refusals(401, 408, 413, 422, 503),
    },
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": {"text/xml": {"schema": {"type": "string"}}}}},
    summary="Outbound message",
)
async def receive_message(secret: str, request: Request, serving: Serving) -> Response:
    """SOAP, at an address that ends in the hook secret. Acknowledged only once every notification is durable; after any
    other answer Salesforce sends the message again, for a day."""
    ours = _secret(serving)
    body = await whole_body(request, MESSAGE_BYTES)
    hints = _opened(MESSAGE, lambda: serving.hooks.of_message(body, secret, ours))
    await _receive(serving, hints, MESSAGE)
    return Response(ACK, media_type="text/xml")


@router.post(
    "/quickbooks",
    responses=refusals(401, 408, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": {"type": "array"}, "example": EVENTS_EXAMPLE},
                "application/json": {"schema": {"type": "object"}, "example": LEGACY_EXAMPLE},
            },
        }
    },
    summary="Events of QuickBooks",
)
async def receive_events(
    request: Request,
    serving: Serving,
    signature: Annotated[str | None, Header(alias="intuit-signature", description=EVENTS_SIGNATURE_HELP)] = None,
) -> EventsHeard:
    """CloudEvents or the legacy form, whatever the content type says. 200 once what is new is durable: the records are
    read again by their id. Events of another company and about other things are counted and not kept."""
    receiver = serving.book_hooks
    if receiver.verifier is None:
        detail = (
            "Events of QuickBooks are off: THREEWAY_QUICKBOOKS_WEBHOOK_VERIFIER is not set, and without it nobody could"
            " be believed here. What changes is seen by change data capture meanwhile."
        )
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, ApiCode.HOOKS_OFF, detail)
    verifier = receiver.verifier
    body = await whole_body(request, EVENTS_BYTES)
    opened = _opened(EVENT, lambda: receiver.open(body, signature, verifier))
    heard = await receiver.receive(opened)
    outcomes = {"other_company": heard.other_companies, **heard.model_dump(include={"new", "known", "ignored"})}
    for outcome, number in outcomes.items():
        metrics.count("hooks", number, kind=EVENT, outcome=outcome)
    return heard


def _secret(serving: Services) -> SecretStr:
    if serving.hooks.secret is None:
        detail = (
            "Calls of Salesforce are off: THREEWAY_SALESFORCE_HOOK_SECRET is not set, and without it nobody could be "
            "believed here. Orders come by the poll meanwhile."
        )
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, ApiCode.HOOKS_OFF, detail)
    return serving.hooks.secret


def _opened(kind: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except NotAuthorized as error:
        metrics.count("hooks", kind=kind, outcome="refused")
        raise Refused(HTTPStatus.UNAUTHORIZED, ApiCode.SIGNATURE_REFUSED, error.detail) from None
    except Malformed:
        metrics.count("hooks", kind=kind, outcome="malformed")
        raise


async def _receive(serving: Services, hints: list[Hint], kind: str) -> Heard:
    heard = await serving.hooks.receive(hints, kind)
    metrics.count("hooks", heard.new, kind=kind, outcome="new")
    metrics.count("hooks", heard.hints - heard.new, kind=kind, outcome="known")
    return heard
