"""Files that come as the body of a request: streamed to a thread of a bounded pool, under a name that is only shown."""

from __future__ import annotations

import asyncio
import contextvars
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import unquote

from fastapi import Request

from api.problems import ApiCode, Refused
from domain.errors import Unavailable

T = TypeVar("T")

AT_ONCE = 16
STALLED_SECONDS = 60.0
FILENAME_LIMIT = 200
ENDING_KEPT = 40  # of a name that is too long: layouts may look at its ending


class Uploads:
    """Threads for uploads alone: slow senders cannot hold the threads that everything else needs."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="upload")
        self._lock = threading.Lock()
        self._awaited: set[Future[bytes | None]] = set()
        self._closing = False
        self.count = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run what reads a body in a thread; with all of them busy, raise Unavailable."""
        with self._lock:
            if self.count >= self._at_once:
                detail = f"{self._at_once} files are being received already. Try again in a moment."
                raise Unavailable(detail, reason="uploads_busy", retry_after=timedelta(seconds=5))
            self.count += 1

        def counted() -> T:
            try:
                return work()
            finally:
                with self._lock:
                    self.count -= 1

        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: context.run(counted))

    def chunks(self, request: Request) -> Iterator[bytes]:
        """The body of a request, for a thread that reads it while the event loop receives it: never whole in memory.

        Raises Refused (408) when nothing comes for so long, and ClientDisconnect when the sender goes away.
        """
        loop = asyncio.get_running_loop()
        stream = request.stream()

        async def next_chunk() -> bytes | None:
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    return await anext(stream, None)
            except TimeoutError:
                raise _stalled() from None

        def chunks() -> Iterator[bytes]:
            while (chunk := self._result(asyncio.run_coroutine_threadsafe(next_chunk(), loop))) is not None:
                yield chunk

        return chunks()

    def _result(self, awaited: Future[bytes | None]) -> bytes | None:
        with self._lock:
            self._awaited.add(awaited)
            if self._closing:
                awaited.cancel()
        try:
            return awaited.result()
        finally:
            with self._lock:
                self._awaited.discard(awaited)

    def close(self) -> None:
        """Break off what is still coming, so that it is cleared away, and let what has come be committed."""
        with self._lock:
            self._closing = True
            awaited = list(self._awaited)
        for one in awaited:
            one.cancel()
        self._pool.shutdown()


async def whole_body(request: Request, limit: int) -> bytes:
    """A small body, whole. Raises Refused for one with more bytes (413), and when it stops coming (408)."""
    refuse_larger(request, limit)
    body = bytearray()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise _stalled() from None
        if chunk is None:
            return bytes(body)
        body += chunk
        if len(body) > limit:
            raise too_large(limit)


def _stalled() -> Refused:
    detail = f"Nothing of the body came for {STALLED_SECONDS:g} s. Send it again."
    return Refused(HTTPStatus.REQUEST_TIMEOUT, ApiCode.UPLOAD_STALLED, detail)


def refuse_larger(request: Request, limit: int) -> None:
    """Refuse a body that announces more bytes than are taken, before any of it is read."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)


def too_large(limit: int) -> Refused:
    """The refusal of a body with too many bytes."""
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, ApiCode.TOO_LARGE, f"The body may have at most {limit} bytes here."
    )


def shown_name(header: str) -> str:
    """The name that a sender gives its file, without folders and control characters; it is never opened.

    Headers are read as Latin-1 by the server: a name in UTF-8 is read again, as is the form `UTF-8''%C3%BC` (RFC 8187).
    """
    last = re.split(r"[\\/]", _decoded(header))[-1]
    kept = "".join(char for char in last if char.isprintable()).strip()
    if len(kept) > FILENAME_LIMIT:
        kept = f"{kept[: FILENAME_LIMIT - ENDING_KEPT]}…{kept[1 - ENDING_KEPT :]}"
    return kept if kept.strip(". ") else "unnamed"


def _decoded(header: str) -> str:
    encoded = re.fullmatch(r"(?i)utf-8'[\w-]*'(.*)", header)
    if encoded:
        return unquote(encoded[1], errors="replace")
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
