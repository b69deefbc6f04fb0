"""Shapes that several routes answer with."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, Strict

from store.paging import Page

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
# Its format says that it is no text of one's own: only what an answer called `next`. Blank: the first page.
Place = Annotated[str, Field(json_schema_extra={"format": "cursor"})]
Cursor = Annotated[
    Place | None, BeforeValidator(lambda given: given or None), Query(description="`next` of the page before.")
]
# A bare number is no time: nobody who sends one means seconds since 1970.
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _stated(value: object) -> object:
    if not isinstance(value, datetime | None) and not INSTANT.match(str(value)):
        raise ValueError("give a time as 2026-11-20T12:00:00Z")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("give a whole number")  # noqa: TRY004 - pydantic reads this one
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_stated)]
# What JSON calls true or false, and a whole number: not 1, "yes" or "7".
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, BeforeValidator(_whole)]
AsOf = Annotated[
    Instant | None,
    Query(
        description="How it stood at this time, with its zone: `2026-11-20T12:00:00Z`. A cursor holds for one time.",
        examples=["2026-11-20T12:00:00Z"],
    ),
]


class Listing(BaseModel, Generic[T]):
    """A page of a list; give `next` as `cursor` for the following one, null: this is the last."""

    items: list[T]
    next: str | None = None


def listing(page: Page[T]) -> Listing[T]:
    """A store's page in the API's words."""
    return Listing(items=list(page.items), next=page.next_cursor)


class Started(BaseModel):
    """Work that was started; `status_url` tells how far it is."""

    workflow_id: str
    status_url: str


class FieldProblem(BaseModel):
    """One place of a request that is not as it must be."""

    where: str = Field(examples=["body.reason"])
    what: str


class Problem(BaseModel):
    """An RFC 9457 problem document (`application/problem+json`)."""

    type: str = Field(examples=["urn:threeway:problem:missing"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What is wrong and what to do, for a person.")
    instance: str = Field(examples=["/shipments/S0001"])
    code: str = Field(description="Stable, as in logs, metrics and docs.", examples=["missing"])
    trace_id: str | None = Field(description="What the log has about this request stands under it.")
    reason: str | None = Field(default=None, description="The rule's or the other system's own code.")
    errors: list[FieldProblem] | None = Field(default=None, description="With `invalid_request`: each place.")


MEANINGS = {
    400: "The request cannot be read.",
    401: "No key was given, or one that is unknown, revoked or expired.",
    403: "The key lacks the scope.",
    404: "It is not there.",
    408: "The body stopped coming.",
    409: "It is decided, taken or in use already.",
    413: "The body is too large.",
    414: "The address is too long.",
    422: "The request is not as it must be; `detail` names the place.",
    429: "More requests than are taken; `Retry-After` says when to ask again.",
    431: "The headers are too large.",
    503: "The database or Temporal does not answer; `Retry-After` says when to try again.",
}
RETRIED = (429, 503)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declaration of the error answers of a route that takes no API key."""
    unsigned = {"description": "It is not signed as it must be, or came to a wrong address."}
    return {status: declared(status) | (unsigned if status == 401 else {}) for status in statuses}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declaration of error answers for OpenAPI: those of every route with a key, and these."""
    return {status: declared(status) for status in sorted({401, 403, 422, 503, *statuses})}


def declared(status: int) -> dict[str, Any]:
    """The declaration of one error answer."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said: dict[str, Any] = {"content": content, "description": MEANINGS[status]}
    if status in RETRIED:
        said["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
    return said


def bytes_body(description: str) -> dict[str, Any]:
    """The declaration of a body that is a file as it is."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": True, "description": description, "content": content}}
