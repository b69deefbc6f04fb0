"""The watched folder: whatever the ERP drops there is claimed, received like a posted file, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from activities.receiving import Received, Receiver
from adapters.erp.arrival import Claimed, Inbox
from domain.errors import GatewayError, Permanent

log = structlog.get_logger()

POLL_SECONDS = 1.0
CHUNK_BYTES = 1 << 20
BY = "folder"


class FolderWatch:
    """Polls one folder; several workers may watch the same one, a claim is a rename and only one of them wins."""

    def __init__(self, receiver: Receiver, inbox: Inbox) -> None:
        self._receiver, self._inbox = receiver, inbox

    async def run(self) -> None:
        """Watch until cancelled. Claims that a crash left behind come first."""
        for claimed in await asyncio.to_thread(self._inbox.recover):
            await self._receive(claimed)
        while True:
            try:
                await self.look()
            except (GatewayError, OSError) as error:
                log.warning("the watched folder cannot be worked on now", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> int:
        """One look: claim and receive what is complete; answers how many files that were."""
        received = 0
        for path in await asyncio.to_thread(self._inbox.ready):
            claimed = await asyncio.to_thread(self._inbox.claim, path)
            if claimed is not None:
                await self._receive(claimed)
                received += 1
        return received

    async def _receive(self, claimed: Claimed) -> None:
        """Receive a claimed file; one that no layout fits is kept as refused, with an exception."""
        received = await asyncio.to_thread(self._commit, claimed)
        await asyncio.to_thread(self._inbox.done, claimed)
        if received is not None:
            log.info("a file was received", file=claimed.name, duplicate=received.duplicate)
            await self._receiver.start(received)

    def _commit(self, claimed: Claimed) -> Received | None:
        landed = self._receiver.land(_chunks(claimed.path))
        visible_at = datetime.fromtimestamp(claimed.path.stat().st_mtime, UTC)
        try:
            return self._receiver.commit(landed, claimed.name, None, BY, min(visible_at, datetime.now(UTC)))
        except Permanent as error:
            log.warning("a file was refused", file=claimed.name, reason=error.detail)
            self._receiver.refuse(landed, claimed.name, BY, error.detail)
            return None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
