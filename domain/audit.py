"""The audit trail: what people decided, and the check that nothing was changed, removed or put between (G-B6)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

ANCHORED = "changes_anchored"  # the action of entries that hold a digest of the change log


class AuditEntry(BaseModel):
    """One entry with its place in the chain. `details` says what it was before and after, `cause` why it changed."""

    model_config = ConfigDict(frozen=True)

    position: int
    id: int
    at: datetime
    transaction_id: int
    action: str
    actor: str
    source: str
    record_type: str
    record_key: str
    details: dict[str, Any]
    cause: dict[str, Any] | None
    previous_hash: str
    hash: str


class ChainLink(BaseModel):
    """A place of the chain as the store has it; `texts` are the entry's columns as texts, None where it is gone."""

    model_config = ConfigDict(frozen=True)

    position: int
    entry_id: int
    previous_hash: str
    hash: str
    texts: tuple[str, ...] | None = None


class ChainEnd(BaseModel):
    """How far a chain is checked: position 0 and no hash before its first link."""

    model_config = ConfigDict(frozen=True)

    position: int = 0
    hash: str = ""


class BrokenLink(BaseModel):
    """The first place that is not as it was written, in words."""

    model_config = ConfigDict(frozen=True)

    position: int
    entry_id: int | None
    sentence: str


def link_hash(position: int, previous_hash: str, texts: Sequence[str]) -> str:
    """The hash of a link: SHA-256 of a JSON list of position, hash before, and the entry's columns, all as texts."""
    written = json.dumps([str(position), previous_hash, *texts], ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def check_chain(links: Iterable[ChainLink], end: ChainEnd) -> ChainEnd | BrokenLink:
    """Go on from a checked end over these links, in order; the first one that does not fit is named."""
    for link in links:
        wrong = _wrong(link, end)
        if wrong is not None:
            return BrokenLink(position=link.position, entry_id=link.entry_id, sentence=wrong)
        end = ChainEnd(position=link.position, hash=link.hash)
    return end


def _wrong(link: ChainLink, end: ChainEnd) -> str | None:
    if link.position != end.position + 1:
        return f"After place {end.position} comes place {link.position}: what was between is gone."
    if link.previous_hash != end.hash:
        return f"Place {link.position} does not continue place {end.position}: one of them was put there or changed."
    if link.texts is None:
        return f"The entry of place {link.position} is gone."
    if link_hash(link.position, link.previous_hash, link.texts) != link.hash:
        return f"The entry of place {link.position} is not what it was when it was written."
    return None
