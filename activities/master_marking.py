"""Waking the flows of marked masters, and marking those that were merged elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlmodel import Session
from temporalio import activity
from temporalio.client import Client

from activities.starting import wake_master
from domain.links import LinkKind
from domain.master_work import MastersLook, MastersWoken
from domain.sources import System
from store import links, master_marks, mastering
from store.causes import Cause, CauseSource
from store.master_marks import Mark
from store.session import reading, transaction

AT_ONCE = 8  # starts under way at Temporal at the same time
AT_A_TIME = 200  # a look: the next one follows within half a minute


class MasterMarking:
    """The step that wakes the flows of records of which something changed."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self._engine, self._client = engine, client

    @activity.defn
    async def wake_masters(self, _: MastersLook) -> MastersWoken:
        """Wake the flows of those that were marked first, and strike the marks once they are awake."""
        marks = await asyncio.to_thread(self._oldest)
        limit = asyncio.Semaphore(AT_ONCE)

        async def wake(mark: Mark) -> None:
            async with limit:
                await wake_master(self._client, mark[0], mark[1], "marked")
                activity.heartbeat()

        await asyncio.gather(*(wake(mark) for mark in marks))
        if marks:
            await asyncio.to_thread(self._strike, marks)
        return MastersWoken(woken=len(marks), more=len(marks) == AT_A_TIME)

    def _oldest(self) -> list[Mark]:
        with reading(self._engine) as session:
            return master_marks.oldest(session, AT_A_TIME)

    def _strike(self, marks: Sequence[Mark]) -> None:
        with transaction(self._engine, Cause(source=CauseSource.GATEWAY, actor="sweep")) as session:
            master_marks.strike(session, marks)


def mark_merged(session: Session, system: System, kind: LinkKind, loser_id: str, winner_id: str) -> list[str]:
    """A record is said to have been merged into another one there (case M5); answers our keys, which are marked.

    The link goes over once the loser is seen to be gone or inactive; until then nothing follows from the hint. Of a
    record that is nobody's own, those who are billed to it take notice (case M6).
    """
    keys = sorted(links.local_keys(session, system, kind, [loser_id]).values())
    if not keys:
        keys = [one.local_key for one in links.billed_to(session, system, kind, loser_id)]
        for key in keys:
            mastering.drop_side(session, kind, key, system)  # of a record that was their own once
    for key in keys:
        mastering.note_merged(session, kind, key, system, (loser_id, winner_id))
    master_marks.mark(session, kind, keys, f"merged in {system.value}")
    return keys
