"""Decisions made again from what was stored: every one is to come out the same bit for bit (feature G-C8)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Viewer
from api.services import Reading, Serving
from api.shapes import problems
from domain.errors import Malformed
from domain.reruns import Rerun
from store import reruns
from store.paging import Page
from store.what_ifs import BLOCK, stretch

router = APIRouter(prefix="/decisions", tags=["decisions"])


class VerifiedPart(BaseModel):
    """Decisions of one kind that were made again, and those of them that came out otherwise."""

    decision: str
    checked: int
    differ: int
    differing: list[Rerun]
    next: str | None = Field(description="Give it as `after` for the next part, null: this was the last.")


@router.get("/verify", responses=problems(), summary="Make stored decisions again")
def check_decisions(
    session: Reading,
    serving: Serving,
    key: Viewer,
    kind: Annotated[str | None, Query(max_length=40, description="Only decisions of this kind.")] = None,
    after: Annotated[str | None, Query(max_length=600, description="`next` of the part before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many to make again at most.")] = BLOCK,
) -> VerifiedPart:
    """Make the next part of what was decided again from its inputs, now; nothing is kept, no work is opened."""
    if kind is not None and kind not in reruns.ALL_KINDS:
        detail = f"There are no decisions of the kind {kind}. There are: {', '.join(reruns.ALL_KINDS)}."
        raise Malformed(detail, reason="kind")

    def read(one: str, cursor: str | None) -> Page[Rerun]:
        return reruns.again(session, one, serving.lifecycle, limit=limit, cursor=cursor)

    found = stretch(reruns.ALL_KINDS if kind is None else (kind,), read, after)
    wrong = [one for one in found.made if not one.same]
    return VerifiedPart(
        decision=found.kind, checked=len(found.made), differ=len(wrong), differing=wrong, next=found.place
    )
