"""The watched folder: whatever the ERP drops there is claimed, received like a posted file, and kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from activities.receiving import Received, Receiver
from adapters.erp.arrival import Claimed, Inbox, Landed
from domain.errors import Permanent

log = structlog.get_logger()

POLL_SECONDS = 1.0
ABANDONED_AFTER = timedelta(minutes=1)  # a claim this old belongs to no worker that is still at it
CHUNK_BYTES = 1 << 20
BY = "folder"


class FolderWatch:
    """Polls one folder; several workers may watch the same one, a claim is a rename and only one of them wins."""

    def __init__(self, receiver: Receiver, inbox: Inbox) -> None:
        self._receiver, self._inbox = receiver, inbox

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look()
            except OSError as error:
                log.warning("the watched folder cannot be read now", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> int:
        """One look: claim and receive what is complete, and what a crash left claimed; answers how many files."""
        left = await asyncio.to_thread(self._inbox.recover, ABANDONED_AFTER)
        received = [await self._tried(claimed) for claimed in left]
        for path in await asyncio.to_thread(self._inbox.ready):
            claimed = await asyncio.to_thread(self._inbox.claim, path)
            if claimed is not None:
                received.append(await self._tried(claimed))
        return sum(received)

    async def _tried(self, claimed: Claimed) -> bool:
        """Receive one file; what fails for now stays claimed and is taken up again after a while."""
        try:
            await self._receive(claimed)
        except FileNotFoundError:
            log.info("another worker took a file over", file=claimed.name)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, one file never ends the watch for the others
            log.warning("a file waits", file=claimed.name, error=f"{type(error).__name__}: {error}")
            with suppress(OSError):
                claimed.path.parent.touch()  # counts from now until it is taken up again
            return False
        return True

    async def _receive(self, claimed: Claimed) -> None:
        """Receive a claimed file; one that no layout fits is kept as refused, with an exception."""
        received = await asyncio.to_thread(self._commit, claimed)
        await asyncio.to_thread(self._inbox.done, claimed)
        if received is not None:
            log.info("a file was received", file=claimed.name, duplicate=received.duplicate)
            await self._receiver.start(received)

    def _commit(self, claimed: Claimed) -> Received | None:
        visible_at = datetime.fromtimestamp(claimed.path.stat().st_mtime, UTC)
        landed = None
        try:
            landed = self._receiver.land(_chunks(claimed.path))
            return self._receiver.commit(landed, shown_name(claimed.name), None, BY, min(visible_at, datetime.now(UTC)))
        except Permanent as error:
            log.warning("a file was refused", file=claimed.name, reason=error.detail)
            self._receiver.refuse(landed or _unkept(claimed.path), shown_name(claimed.name), BY, error.detail)
            return None


def _unkept(path: Path) -> Landed:
    """The identity of a file that is too large to be kept."""
    with path.open("rb") as file:
        return Landed(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size, path)


def shown_name(name: str) -> str:
    """A file's name as text that can be stored: bytes that are no UTF-8 are shown as such."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
