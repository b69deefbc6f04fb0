"""What is wrong with a declared lifecycle, each problem in one sentence that names where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from domain.lifecycle_declarations import CLOSED_BY_TIME, EVERY, Action, Event, State, reactions

Edges = Mapping[str, set[str]]
WORK = (Action.RESERVE, Action.SEND, Action.CANCEL)


def problems_of(start: str, states: Mapping[str, State], events: Mapping[str, Event]) -> list[str]:
    """Everything that is wrong with a lifecycle whose parts could be read; none means that it can be walked."""
    unknown = unknown_states(start, states.keys(), events)
    problems = [*unknown, *_repeated(states, events), *_contradictions(states, events), *_ends(states)]
    if unknown:
        return problems
    edges = _edges(states, events)
    return [*problems, *_unreachable(start, states, edges), *_endless(states, edges), *_never_closing(states, events)]


def unknown_states(start: str | None, known: Collection[str], events: Mapping[str, Event]) -> list[str]:
    """Names of states that nothing declares."""
    found = [f"start: there is no state {start}"] if start is not None and start not in known else []
    for event in events.values():
        strange = dict.fromkeys(name for name in event.named_states() if name not in known)
        found += [f"event {event.name}: there is no state {name}" for name in strange]
        found += [f"event {event.name}: a move leads to * instead of to one state" for _ in _moves_to_all(event)]
    return found


def _moves_to_all(event: Event) -> list[str]:
    return [move.to for move in event.moves if move.to == EVERY]


def _repeated(states: Mapping[str, State], events: Mapping[str, Event]) -> Iterator[str]:
    """Two things under one name, or two meanings of one value."""
    for word, labels in (
        ("states", [one.label for one in states.values()]),
        ("events", [one.label for one in events.values()]),
    ):
        yield from (f"two {word} have the label {label}" for label in _twice(labels))
    said: dict[tuple[str, str, str], list[str]] = {}
    for event in events.values():
        for meaning in event.on:
            said.setdefault(meaning.said, []).append(event.name)
    for (system, kind, value), names in said.items():
        if len(names) > 1:
            yield f"{system} / {kind} / {value} means more than one event: {', '.join(names)}"


def _contradictions(states: Mapping[str, State], events: Mapping[str, Event]) -> Iterator[str]:
    """Events that do nothing, or that do two things in one state."""
    for event in events.values():
        if not event.moves and not event.stays:
            yield f"event {event.name} has no effect: it neither moves nor stays"
        for name in _twice(event.placed_states()):
            yield f"event {event.name} is declared more than once for state {name}"
        every = sum(EVERY in move.from_states for move in event.moves) + (EVERY in event.stays)
        if every > 1:
            yield f"event {event.name} uses * more than once"
        if EVERY in event.waits:
            yield f"event {event.name}: what is not named waits anyway, so waits cannot be *"
        yield from _reopenings(event, states)


def _reopenings(event: Event, states: Mapping[str, State]) -> Iterator[str]:
    for move in event.moves:
        closed = [name for name in move.from_states if name in states and states[name].closed]
        if closed and not move.reopens:
            yield f"event {event.name} leaves the closed state {', '.join(closed)}: declare reopens = true, or drop it"
        if move.reopens and not closed:
            yield f"event {event.name} declares that it reopens, and leaves no closed state"
        if move.to in move.from_states:
            yield f"event {event.name} moves {move.to} to itself: list it under stays"


def _ends(states: Mapping[str, State]) -> Iterator[str]:
    """States that contradict themselves."""
    if not any(state.closed for state in states.values()):
        yield "no state is closed: declare closed = true where nothing more is expected"
    for state in states.values():
        work = sorted(set(state.does) & set(WORK))
        if state.closed and work:
            yield f"state {state.name} is closed and still does {', '.join(work)}"
        if state.closed and state.closes_after_days is not None:
            yield f"state {state.name} is closed already: closes_after_days has no meaning there"
        if state.closed and state.person:
            yield f"state {state.name} is closed and still asks for a person"


def _edges(states: Mapping[str, State], events: Mapping[str, Event]) -> Edges:
    edges: dict[str, set[str]] = {name: set() for name in states}
    for event in events.values():
        for name, to in reactions(event, states).items():
            edges[name].add(to)
    return edges


def _unreachable(start: str, states: Mapping[str, State], edges: Edges) -> Iterator[str]:
    reached = _reached([start], edges)
    yield from (f"state {name} cannot be reached from {start}" for name in states if name not in reached)


def _endless(states: Mapping[str, State], edges: Edges) -> Iterator[str]:
    """States from which no closed state can be reached."""
    ends = [name for name, state in states.items() if state.closed]
    backwards: dict[str, set[str]] = {name: set() for name in states}
    for name, targets in edges.items():
        for target in targets:
            backwards[target].add(name)
    ending = _reached(ends, backwards)
    if ends:
        yield from (f"no closed state can be reached from state {name}" for name in states if name not in ending)


def _never_closing(states: Mapping[str, State], events: Mapping[str, Event]) -> Iterator[str]:
    """States that close by time, where time's own event leads nowhere."""
    closing = [event for event in events.values() if any(one.said == CLOSED_BY_TIME for one in event.on)]
    led = {name for event in closing for name, to in reactions(event, states).items() if states[to].closed}
    for state in states.values():
        if state.closes_after_days is not None and state.name not in led:
            said = " / ".join(CLOSED_BY_TIME)
            yield f"state {state.name} closes after days, and no event on {said} moves it to a closed state"


def _reached(start: Iterable[str], edges: Edges) -> set[str]:
    seen = set(start)
    left = list(seen)
    while left:
        for name in edges[left.pop()] - seen:
            seen.add(name)
            left.append(name)
    return seen


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
