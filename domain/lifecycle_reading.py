"""From the text of `lifecycle.toml` to a checked declaration, or to a report with every problem in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.declarations import Part, misconfigured, part
from domain.lifecycle_declarations import Event, State, Word
from domain.lifecycle_problems import problems_of, unknown_states


class Declaration(BaseModel):
    """A lifecycle as it is written down. `grace_minutes` holds where a state names none."""

    model_config = ConfigDict(frozen=True)

    version: str
    start: str
    grace_minutes: int
    states: Mapping[str, State]
    events: Mapping[str, Event]


class Head(BaseModel):
    """What stands above the tables. `grace_minutes`: how long an early observation waits where a state says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Word
    start: Word
    grace_minutes: int = Field(default=60, ge=0)


def read(text: str) -> Declaration:
    """Read and check a lifecycle. Raises Misconfigured with every problem at once, one a line."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise misconfigured("The lifecycle has", [f"it is not TOML: {error}"], "lifecycle") from error
    problems: list[str] = []
    raw_states, raw_events = _tables(table, "states", problems), _tables(table, "events", problems)
    states = _parts(State, "state", raw_states, problems)
    events = _parts(Event, "event", raw_events, problems)
    head = part(Head, "at the top", table, problems)
    if head is None or problems:
        # What cannot be read leads nowhere: what is reachable would be guesswork, names can be compared all the same.
        problems += unknown_states(head.start if head else None, raw_states.keys(), events)
        raise misconfigured("The lifecycle has", problems, "lifecycle")
    problems += problems_of(head.start, states, events)
    if problems:
        raise misconfigured("The lifecycle has", problems, "lifecycle")
    return Declaration(**head.model_dump(), states=states, events=events)


def _tables(table: dict[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    found = table.pop(name, None)
    if isinstance(found, dict) and found:
        return found
    problems.append(f"there are no {name}: declare each as [{name}.its_name]")
    return {}


def _parts(kind: type[Part], word: str, tables: Mapping[str, Any], problems: list[str]) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            problems.append(f"{word} {name}: it must be a table")
            continue
        made = part(kind, f"{word} {name}", {**table, "name": name}, problems)
        if made is not None:
            found[name] = made
    return found
