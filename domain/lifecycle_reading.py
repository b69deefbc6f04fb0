"""From the text of `lifecycle.toml` to a checked declaration, or to a report with every problem in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import Misconfigured
from domain.lifecycle_declarations import Event, State, Word
from domain.lifecycle_problems import problems_of, unknown_states

Part = TypeVar("Part", bound=BaseModel)


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
        raise _misconfigured([f"it is not TOML: {error}"]) from error
    problems: list[str] = []
    raw_states, raw_events = _tables(table, "states", problems), _tables(table, "events", problems)
    states = _parts(State, "state", raw_states, problems)
    events = _parts(Event, "event", raw_events, problems)
    head = _part(Head, "at the top", table, problems)
    if head is None or problems:
        # What cannot be read leads nowhere: what is reachable would be guesswork, names can be compared all the same.
        problems += unknown_states(head.start if head else None, raw_states.keys(), events)
        raise _misconfigured(problems)
    problems += problems_of(head.start, states, events)
    if problems:
        raise _misconfigured(problems)
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
        part = _part(kind, f"{word} {name}", {**table, "name": name}, problems)
        if part is not None:
            found[name] = part
    return found


def _part(kind: type[Part], where: str, table: Mapping[str, Any], problems: list[str]) -> Part | None:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        problems += [f"{where}: {said}" for said in _in_words(error)]
        return None


def _in_words(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in one["loc"])
        if one["type"] == "missing":
            yield f"{place} is missing"
        elif one["type"] == "extra_forbidden":
            yield f"{place} is not a key that is known here"
        else:
            yield f"{place}: {one['msg'][:1].lower()}{one['msg'][1:]}"


def _misconfigured(problems: list[str]) -> Misconfigured:
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = "".join(f"\n- {one}" for one in problems)
    return Misconfigured(f"The lifecycle has {count}:{lines}", reason="lifecycle")
