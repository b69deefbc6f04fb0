"""Shapes that several routes answer with."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from store.paging import Page

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]


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


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(examples=["urn:threeway:problem:missing"])
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do, for a person.")
    instance: str
    code: str = Field(description="Stable, as in logs, metrics and docs.")
    reason: str | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declaration of error answers for OpenAPI."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"content": content, "description": "A problem document."} for status in (401, 403, *statuses)}
