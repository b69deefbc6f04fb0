"""Lets the pages of Temporal's Web UI, and no others, call the codec server from a browser (CORS)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PATH: Final = "/codec/decode"
# What the Web UI sends, and the key, which a proxy before it may add or a client of ours sends itself.
HEADERS: Final = ("content-type", "x-namespace", "authorization", "x-api-key")


class CodecOrigin:
    """Middleware for one address: every other one is for the same origin and for programs."""

    def __init__(self, app: ASGIApp, ui_url: str) -> None:
        parts = urlsplit(ui_url)
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=[f"{parts.scheme}://{parts.netloc}"],
            allow_methods=["POST"],
            allow_headers=HEADERS,
            allow_credentials=True,  # the cookie of a proxy that knows people and adds the key
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        shared = scope["type"] == "http" and scope["path"] == PATH
        await (self._shared if shared else self._app)(scope, receive, send)
