"""Shapes that several routes answer with."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field

from store.paging import Page

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
AsOf = Annotated[
    AwareDatetime | None,
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
    422: "The request is not as it must be; `detail` names the place.",
    503: "The database or Temporal does not answer; `Retry-After` says when to try again.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declaration of the error answers of a route that takes no API key."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said = {**MEANINGS, 401: "It is not signed as it must be, or came to a wrong address."}
    return {status: {"content": content, "description": said[status]} for status in statuses}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declaration of error answers for OpenAPI: those of every route with a key, and these."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    every = sorted({401, 403, 422, 503, *statuses})
    return {status: {"content": content, "description": MEANINGS[status]} for status in every}


def bytes_body(description: str) -> dict[str, Any]:
    """The declaration of a body that is a file as it is."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": True, "description": description, "content": content}}
