"""Layouts: check one, and preview a file through one, before anything is used for real."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel

from activities.layouts import preview_of, problems_of
from api.auth import Operator, Viewer
from api.operations import safe_filename
from api.routes.files import body_chunks
from api.services import Serving
from api.shapes import problems
from domain.errors import Rejected

router = APIRouter(prefix="/layouts", tags=["layouts"])

LAYOUT_BYTES = 1 << 20


class LayoutSummary(BaseModel):
    """A layout that is in use."""

    name: str
    version: int
    entity: str
    digest: str


class LayoutCheck(BaseModel):
    """What is wrong with a layout file; `ok` when nothing is."""

    ok: bool
    problems: list[str]


class Preview(BaseModel):
    """The first records of a file as decoded, each with its line, values and problems."""

    records: list[dict[str, Any]]


@router.get("", responses=problems(), summary="List layouts")
def list_layouts(serving: Serving, key: Viewer) -> list[LayoutSummary]:
    """The layouts in use, by name."""
    return [
        LayoutSummary(name=one.name, version=one.layout.version, entity=one.layout.entity, digest=one.digest)
        for one in serving.receiver.layouts
    ]


@router.post("/check", responses=problems(413), summary="Check a layout file")
async def check(request: Request, key: Operator) -> LayoutCheck:
    """The body is a layout in YAML. It is checked as at start, with its examples; nothing is kept."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LAYOUT_BYTES:
            raise Rejected(f"A layout file has at most {LAYOUT_BYTES} bytes.", reason="file_too_large")
    found = await asyncio.to_thread(problems_of, bytes(content))
    return LayoutCheck(ok=not found, problems=found)


@router.post("/preview", responses=problems(404, 413, 422), summary="Preview a file")
async def preview(
    request: Request,
    serving: Serving,
    key: Operator,
    filename: Annotated[str, Header(alias="X-Filename")] = "unnamed",
    layout: Annotated[str | None, Query(description="The layout's name; else it is recognised.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Preview:
    """The body is a file. Its first records are shown as the layout reads them; nothing is applied."""
    chunks = body_chunks(request)
    name = safe_filename(filename)
    return Preview(records=await asyncio.to_thread(preview_of, serving.receiver, chunks, name, layout, limit))
