"""Work orders of the merge of master records: ids, counts and outcomes; the records' values never travel here."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from domain.links import LinkKind
from domain.sources import System
from domain.work import Message


class WriteState(StrEnum):
    """What became of a write: still to be done or unknown, done, refused for good, or given up for a new decision."""

    PLANNED = "planned"
    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


class MasterWork(Message):
    """Start of `customer/<number>`, `item/<sku>` or `terms/<code>`; `reason` is for the reader of a history."""

    kind: LinkKind
    key: str
    reason: str = ""


class MasterDecided(Message):
    """What a look at a record came to: writes to do by system, and whether a person is asked.

    `again`: a link was moved, so the sides have to be read once more.
    """

    writes: dict[System, int] = Field(default_factory=dict)
    waiting: int = 0
    again: bool = False
    unlinked: bool = False


class MasterRead(Message):
    """What reading one side came to; `linked`: that system has the record."""

    linked: bool = False


class MasterWrite(Message):
    """One write of the ledger to do."""

    write_id: int


class MasterWritten(Message):
    """What a write came to. `stale`: the record changed meanwhile, or nobody knows: decide again."""

    state: WriteState
    stale: bool = False


class MasterProgress(Message):
    """The answer to the `status` query of a record's flow."""

    kind: LinkKind
    key: str
    step: str
    waiting: int = 0
    rounds: int = 0


class MastersWork(Message):
    """Start of `masters-pull/...`."""

    reason: str = "schedule"


class MastersPulled(Message):
    """What one look at a system's changed masters came to: records read, adopted at first contact, and to merge."""

    read: int = 0
    adopted: int = 0
    changed: int = 0


class MastersLook(Message):
    """Wake the flows of marked records."""


class MastersWoken(Message):
    """How many flows were woken; `more`: there are further marks."""

    woken: int = 0
    more: bool = False
