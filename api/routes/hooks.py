"""What Salesforce calls: hints that a record changed, and whether such calls come at all.

The two that Salesforce calls take no API key. An outbound message can carry no header, so the secret stands in its
address; a flow signs its body, so that nobody who only reads along can say anything of their own. Neither is believed
beyond the Ids of records, which are read again by our own road: the worst that a forged hint could do is one more read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, SecretStr

from activities.hooks import ACK, Heard, Hint
from api.auth import Viewer
from api.problems import ApiCode, Refused
from api.services import Reading, Services, Serving
from api.shapes import problems, refusals
from api.uploads import whole_body
from domain.errors import Malformed, NotAuthorized
from runtime import metrics
from store import inbox

router = APIRouter(prefix="/hooks", tags=["hooks"])

CALL, MESSAGE = "call", "message"  # as the inbox and the metrics know them
CALL_BYTES = 256 << 10
MESSAGE_BYTES = 2 << 20  # a hundred notifications with room for the fields that somebody ticked

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
    """Whether Salesforce may call, and when it did last. `org_checked`: calls of other orgs are refused."""

    on: bool
    org_checked: bool
    last_call_at: datetime | None
    last_message_at: datetime | None


@router.get("", responses=problems(), summary="Do hints of Salesforce come?")
def read_hooks(session: Reading, serving: Serving, key: Viewer) -> HooksView:
    """A last time that is far away while orders come by the poll means that the hook is lost."""
    return HooksView(
        on=serving.hooks.secret is not None,
        org_checked=serving.hooks.sender.org_id is not None,
        last_call_at=inbox.latest_of_kind(session, CALL),
        last_message_at=inbox.latest_of_kind(session, MESSAGE),
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


def _secret(serving: Services) -> SecretStr:
    if serving.hooks.secret is None:
        detail = (
            "Calls of Salesforce are off: THREEWAY_SALESFORCE_HOOK_SECRET is not set, and without it nobody could be "
            "believed here. Orders come by the poll meanwhile."
        )
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, ApiCode.HOOKS_OFF, detail)
    return serving.hooks.secret


def _opened(kind: str, read: Callable[[], list[Hint]]) -> list[Hint]:
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
