"""What Temporal keeps encrypted, shown to people who may read it: the codec server of its Web UI and command line."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from temporalio.api.common.v1 import Payload

from api.auth import Viewer
from api.services import Serving
from api.shapes import problems
from domain.errors import Malformed
from runtime.payloads import PayloadError

router = APIRouter(prefix="/codec", tags=["payloads"])

EXAMPLE: Final[JsonDict] = {"payloads": [{"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "b3BhcXVl"}]}


class CodedPayload(BaseModel):
    """A payload in Temporal's JSON: bytes are base64."""

    metadata: dict[str, str] = Field(default_factory=dict)
    data: str = ""


class CodedPayloads(BaseModel):
    """What Temporal's Web UI asks with, and what it is answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    payloads: list[CodedPayload] = Field(max_length=10_000)


@router.post("/decode", responses=problems(422), summary="Decrypt payloads of Temporal")
async def decode_payloads(asked: CodedPayloads, serving: Serving, key: Viewer) -> CodedPayloads:
    """Decrypt what this gateway encrypted; what is in plain text is answered as it came.

    It needs a key, because a payload tells what `viewer` may read: whoever got hold of Temporal's database could
    otherwise have it decrypted here.
    """
    try:
        opened = await serving.payloads.decode([_payload(one) for one in asked.payloads])
    except PayloadError as error:
        raise Malformed(str(error), reason="payload_key") from error
    return CodedPayloads(payloads=[_coded(one) for one in opened])


def _payload(one: CodedPayload) -> Payload:
    try:
        metadata = {name: base64.b64decode(value, validate=True) for name, value in one.metadata.items()}
        return Payload(metadata=metadata, data=base64.b64decode(one.data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Malformed("A payload is not in Temporal's JSON: bytes are base64.", reason="payload") from error


def _coded(one: Payload) -> CodedPayload:
    metadata = {name: base64.b64encode(value).decode() for name, value in one.metadata.items()}
    return CodedPayload(metadata=metadata, data=base64.b64encode(one.data).decode())
