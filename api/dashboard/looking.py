"""Looking for something: the search, the trace of one thing across all systems, and the feed of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from api.dashboard.pages import key_of, page_router
from api.dashboard.places import place
from api.dashboard.rendering import page, part, rendered
from api.dashboard.signing_in import Looking
from api.routes.overview import list_matches, read_feed
from api.routes.trace import read_trace
from api.services import Reading, Services, Serving
from store.feed import Feed, FeedFlow, feed
from store.search import LONGEST
from store.session import reading

router = page_router()

PAUSE: Final = 0.7  # seconds between two looks: what happens is on the page within two
STREAM_SECONDS: Final = 300.0  # then the browser asks again, and whether somebody is signed in is looked at again
LANES: Final[Mapping[str, str]] = {
    "erp": "ERP",
    "gateway": "Gateway",
    "quickbooks": "QuickBooks",
    "salesforce": "Salesforce",
}

Words = Annotated[str, Query(max_length=LONGEST)]


@router.get("/ui/search")
def show_search(request: Request, session: Reading, person: Looking, q: Words = "") -> Response:
    """What fits. Where it is exactly one number it is opened at once; a shipment's invoice may have the same one."""
    found = list_matches(session, key_of(person), q).items
    exact = [one for one in found if one.exact]
    if len({one.key for one in exact}) == 1:
        return RedirectResponse(place(exact[0].kind, exact[0].key), 303)
    return page(request, "search.html", person, q=q, found=found)


@router.get("/ui/search/matches")
def show_matches(request: Request, session: Reading, person: Looking, q: Words = "") -> Response:
    """What fits, for the box at the top while somebody types."""
    return part(request, "_matches.html", q=q, found=list_matches(session, key_of(person), q).items if q else [])


@router.get("/ui/trace/{trace_key:path}")
def show_trace(trace_key: str, request: Request, session: Reading, person: Looking) -> Response:
    """A lane for each system, the oldest event first."""
    found = read_trace(trace_key, session, key_of(person))
    return page(request, "trace.html", person, found=found, lanes=LANES)


@router.get("/ui/feed")
def show_feed(
    request: Request, session: Reading, person: Looking, flow: FeedFlow | None = None, live: str = "on"
) -> Response:
    """What happened last, and from then on what happens; `live=off` stands still."""
    found = read_feed(session, key_of(person), limit=200)
    events = [one for one in found.events if flow in {None, one.flow}]
    return page(
        request, "feed.html", person, found=found, events=events, flow=flow, flows=list(FeedFlow), live=live != "off"
    )


@router.get("/ui/feed/stream")
async def stream_feed(
    request: Request, serving: Serving, person: Looking, after: str = "", flow: FeedFlow | None = None
) -> Response:
    """Rows of the feed as server-sent events. What comes first is the position that the browser saw last."""
    del person  # they may look; whose eyes it is does not matter
    position = request.headers.get("last-event-id") or after or None
    begun = await asyncio.to_thread(_look, serving, position)
    return StreamingResponse(_stream(request, serving, begun, flow), media_type="text/event-stream")


async def _stream(request: Request, serving: Services, found: Feed, flow: FeedFlow | None) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + STREAM_SECONDS
    yield _event(request, found, flow)
    while loop.time() < ends and not await request.is_disconnected():
        await asyncio.sleep(PAUSE)
        found = await asyncio.to_thread(_look, serving, found.position)
        yield _event(request, found, flow)


def _look(serving: Services, position: str | None) -> Feed:
    with reading(serving.engine) as session:
        found = feed(session, position)
    return found if position else found.model_copy(update={"events": ()})


def _event(request: Request, found: Feed, flow: FeedFlow | None) -> str:
    """One message: its rows, the newest first, and the position after which a browser that was away goes on."""
    events = [one for one in found.events if flow in {None, one.flow}]
    if not events:
        return f"id: {found.position}\n\n"
    rows = rendered(request, "_events.html", events=events)
    return "".join(f"data: {line}\n" for line in rows.splitlines()) + f"id: {found.position}\n\n"
