"""What a lifecycle is declared of: states, events, what means them, and the moves (`config/lifecycle.toml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.sources import System

EVERY = "*"
CLOSED_BY_TIME = (System.GATEWAY, "order", "closed")  # what is observed when `closes_after_days` are over

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Action(StrEnum):
    """What the gateway sees to while an order stands in a state; each is done once, however often it is looked at."""

    RESERVE = "reserve"
    SEND = "send"
    RELEASE = "release"
    CANCEL = "cancel"


class State(BaseModel):
    """Where an order can stand.

    `shows` is the value of `Gateway_Status__c`; the empty text shows nothing. `person`: somebody has to act.
    `closed`: nothing is expected any more. `grace_minutes`: how long an early observation waits in this state before it
    becomes work for a person. `closes_after_days`: standing here so long, the order is closed (`gateway/order/closed`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Word
    label: Word
    shows: Annotated[str, StringConstraints(strip_whitespace=True)]
    does: tuple[Action, ...] = ()
    person: bool = False
    closed: bool = False
    grace_minutes: int | None = Field(default=None, ge=0)
    closes_after_days: int | None = Field(default=None, ge=1)


class Meaning(BaseModel):
    """One thing that a system can say. `optional`: the Salesforce org need not have this value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: System
    kind: Word
    value: Word
    optional: bool = False

    @property
    def said(self) -> tuple[System, str, str]:
        """What an observation has to say to mean it."""
        return (self.system, self.kind, self.value)


class Move(BaseModel):
    """From any of these states to that one. `*`: from every open state that the event does not name elsewhere.

    A move out of a closed state must say that it `reopens` the order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_states: tuple[Word, ...] = Field(alias="from", min_length=1)
    to: Word
    reopens: bool = False


class Event(BaseModel):
    """Something that can happen to an order: what means it, where it leads, and where it is only news.

    `stays`: states in which it is news without a move; `*`: all that are not named elsewhere. `waits`: states in which
    it comes too early. A state that is not named at all waits too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Word
    label: Word
    note: str = ""
    on: tuple[Meaning, ...] = Field(min_length=1)
    moves: tuple[Move, ...] = ()
    stays: tuple[Word, ...] = ()
    waits: tuple[Word, ...] = ()

    def named_states(self) -> Iterator[str]:
        """Every state that it names, each as often as it does; `*` is none."""
        for move in self.moves:
            yield from (one for one in (*move.from_states, move.to) if one != EVERY)
        yield from (one for one in (*self.stays, *self.waits) if one != EVERY)

    def placed_states(self) -> Iterator[str]:
        """The states for which it says what happens there."""
        for move in self.moves:
            yield from (one for one in move.from_states if one != EVERY)
        yield from (one for one in (*self.stays, *self.waits) if one != EVERY)


def reactions(event: Event, states: Mapping[str, State]) -> dict[str, str]:
    """Where an event leads, by the state it meets: to another state, or to the same one for news; else it waits."""
    placed = set(event.placed_states())
    left = [name for name in states if name not in placed]
    found: dict[str, str] = {}
    if EVERY in event.stays:
        found |= {name: name for name in left}
    for move in event.moves:
        if EVERY in move.from_states:
            found |= {name: move.to for name in left if not states[name].closed or name == move.to}
    for move in event.moves:
        found |= {name: move.to for name in move.from_states if name != EVERY}
    return found | {name: name for name in event.stays if name != EVERY}
