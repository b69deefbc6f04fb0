"""Layouts: check one, and preview a file through one, before anything is used for real."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field

from activities.layouts import preview_of, problems_of
from api.auth import Operator, Viewer
from api.services import Serving
from api.shapes import Listing, bytes_body, problems
from api.uploads import refuse_larger, shown_name, too_large
from domain.errors import Malformed

router = APIRouter(prefix="/layouts", tags=["layouts"])

LAYOUT_BYTES = 1 << 20
PREVIEW_BYTES = 256 << 20  # the beginning is enough to look at


class LayoutSummary(BaseModel):
    """A layout that is in use."""

    name: str
    version: int
    entity: str
    direction: str = Field(description="`in`: such files are read; `out`: the gateway writes them.")
    digest: str


class LayoutCheck(BaseModel):
    """What is wrong with a layout file; `ok` when nothing is."""

    ok: bool
    problems: list[str]


class Preview(BaseModel):
    """The first records of a file as decoded, each with its line, values and problems."""

    records: list[dict[str, Any]]


@router.get("", responses=problems(), summary="List layouts")
def list_layouts(serving: Serving, key: Viewer) -> Listing[LayoutSummary]:
    """The layouts in use, by name."""
    found = (
        LayoutSummary(
            name=one.name,
            version=one.layout.version,
            entity=one.layout.entity,
            direction=one.layout.direction,
            digest=one.digest,
        )
        for one in serving.receiver.layouts
    )
    return Listing(items=sorted(found, key=lambda one: one.name))


@router.post(
    "/check",
    responses=problems(408, 413),
    openapi_extra=bytes_body("The layout file."),
    summary="Check a layout file",
)
async def check_layout(request: Request, key: Operator) -> LayoutCheck:
    """The body is a layout in YAML. It is checked as at start, with its examples; nothing is kept."""
    refuse_larger(request, LAYOUT_BYTES)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LAYOUT_BYTES:
            raise too_large(LAYOUT_BYTES)
    if not content:
        raise Malformed("There are no bytes: the body is a layout in YAML.", reason="file_empty")
    found = await asyncio.to_thread(problems_of, bytes(content))
    return LayoutCheck(ok=not found, problems=found)


@router.post(
    "/preview",
    responses=problems(404, 408, 413),
    openapi_extra=bytes_body("The file, or its beginning."),
    summary="Preview a file",
)
async def preview_file(
    request: Request,
    serving: Serving,
    key: Operator,
    filename: Annotated[str, Header(alias="X-Filename")] = "unnamed",
    layout: Annotated[str | None, Query(description="The layout's name; else it is recognised.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Preview:
    """The body is a file. Its first records are shown as the layout reads them; nothing is applied."""
    refuse_larger(request, PREVIEW_BYTES)
    looked_at = partial(
        preview_of,
        serving.receiver,
        serving.uploads.chunks(request),
        shown_name(filename),
        layout,
        limit,
        PREVIEW_BYTES,
    )
    return Preview(records=await serving.uploads.run(looked_at))
