"""What Salesforce calls: hints that a record changed. No API key: a signature or a secret address stands in for it.

Salesforce cannot be given one of our keys for an outbound message, and a flow signs its body with the hook secret.
Neither is believed beyond the names of records, which are read again by our own road.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, SecretStr

from adapters.salesforce.hooks import ACK, Hint, check_secret, check_signature, hints_of_json, hints_of_message
from api.problems import ApiCode, Refused
from api.services import Services, Serving
from api.shapes import problems
from domain.errors import Malformed, NotAuthorized
from runtime import metrics

router = APIRouter(prefix="/hooks/salesforce", tags=["hooks"])


class Heard(BaseModel):
    """How many hints were new; those that were known did nothing."""

    hints: int
    new: int


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(401, 413, 422, 503), summary="Hint of a change")
async def hear_call(
    request: Request, serving: Serving, x_threeway_signature: Annotated[str | None, Header()] = None
) -> Heard:
    """A flow's call: `{"orgId", "object": "Order" | "OrderItem", "recordId" | "ids"}`, signed in `X-Threeway-Signature`
    with the hex HMAC-SHA256 of the raw body under the hook secret. 202 once the hints are durable; they are read again
    by their Id. A repeat does nothing."""
    body = await request.body()
    try:
        check_signature(body, x_threeway_signature, _secret(serving))
        hints = hints_of_json(body, serving.hooks.org_id)
    except NotAuthorized as error:
        raise _refused("call", error.detail) from error
    except Malformed:
        metrics.count("hooks", kind="call", outcome="malformed")
        raise
    return Heard(hints=len(hints), new=await _receive(serving, hints, "call"))


@router.post(
    "/outbound-message/{secret}",
    responses={200: {"content": {"text/xml": {}}, "description": "Acknowledged"}, **problems(401, 413, 422, 503)},
    response_class=Response,
    summary="Outbound message",
)
async def hear_message(secret: str, request: Request, serving: Serving) -> Response:
    """An outbound message in SOAP, at an address that holds the hook secret. `Ack` is true only once every notification
    is durable; anything else lets Salesforce send the message again, for a day."""
    body = await request.body()
    try:
        check_secret(secret, _secret(serving))
        hints = hints_of_message(body, serving.hooks.org_id)
    except NotAuthorized as error:
        raise _refused("message", error.detail) from error
    except Malformed:
        metrics.count("hooks", kind="message", outcome="malformed")
        raise
    await _receive(serving, hints, "message")
    return Response(ACK.format(ack="true"), media_type="text/xml")


def _secret(serving: Services) -> SecretStr:
    if serving.hooks.secret is None:
        detail = "No hook secret is set (THREEWAY_SALESFORCE_HOOK_SECRET), so nobody can be believed here."
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, ApiCode.HOOKS_OFF, detail)
    return serving.hooks.secret


def _refused(kind: str, detail: str) -> Refused:
    metrics.count("hooks", kind=kind, outcome="refused")
    return Refused(HTTPStatus.UNAUTHORIZED, ApiCode.SIGNATURE_REFUSED, detail)


async def _receive(serving: Services, hints: list[Hint], kind: str) -> int:
    return await serving.hooks.receiver.receive([(one.event_id, one.sobject, one.record_id) for one in hints], kind)
