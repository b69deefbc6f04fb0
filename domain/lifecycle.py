"""The lifecycle of an order: its state is a function of what was observed, never of the order in which it was learned.

Why every order of arrival ends alike: `walk` looks at a set. Repetitions fall together by their identity, the rest is
put into one total order (instant, place of the event in the declaration, reference), and from there every choice is
forced: an event moves or stays by one declared rule, or waits; after each move those that wait are tried again, the
earliest first, until none fits. Each step takes one observation away, so it ends. Nothing else is looked at: no clock,
no earlier walk. So any subset that was known before only decided what was shown meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.lifecycle_declarations import CLOSED_BY_TIME, Event, State, reactions
from domain.lifecycle_reading import Declaration, read
from domain.observations import Observation
from domain.sources import System


class Step(BaseModel):
    """One observation that took effect. `effective_at` is its own instant, or that of the later one it waited for.

    `told`: it belongs among the order's events in Salesforce; `note` is the observation's, or else the event's.
    """

    model_config = ConfigDict(frozen=True)

    event: str
    label: str
    from_state: str
    to_state: str
    effective_at: AwareDatetime
    observation: Observation
    told: bool = True
    note: str = ""

    @property
    def moved(self) -> bool:
        """False for news without a move."""
        return self.from_state != self.to_state


class Walk(BaseModel):
    """Where the observations lead. `since`: when the state was entered, None for the first one.

    `waiting`: known events that are not allowed yet (cases O6, O7). `unknown`: values that no event declares.
    """

    model_config = ConfigDict(frozen=True)

    state: str
    since: AwareDatetime | None
    steps: tuple[Step, ...]
    waiting: tuple[Observation, ...]
    unknown: tuple[Observation, ...]


class Outlook(BaseModel):
    """What time makes of a walk.

    `overdue`: waiting observations that are over their grace and need a person. `closing`: the observation by which the
    order closes now because its time is over, to be recorded like any other. `look_at`: when to look next, None if time
    alone changes nothing any more.
    """

    model_config = ConfigDict(frozen=True)

    overdue: tuple[Observation, ...]
    closing: Observation | None
    look_at: AwareDatetime | None


class Lifecycle(Declaration):
    """The states, events and moves that one distributor declares, and where observations lead in them."""

    @classmethod
    def parse(cls, text: str) -> Lifecycle:
        """Read the text of `lifecycle.toml`. Raises Misconfigured with every problem that it has, one a line."""
        return cls.model_validate(dict(read(text)))

    @cached_property
    def named_version(self) -> str:
        """The version and a digest of the declaration: changed moves under an old version are still told apart."""
        digest = hashlib.sha256(self.model_dump_json(exclude={"version"}).encode()).hexdigest()
        return f"{self.version}@{digest[:8]}"

    def state(self, name: str) -> State:
        """A state by its name; one that is not declared is a KeyError."""
        return self.states[name]

    def event_of(self, said: Observation) -> Event | None:
        """The event that an observation means, None when nothing declares it."""
        return self._meanings.get(said.meaning)

    def reaction(self, event: str, state: str) -> str | None:
        """Where an event leads from a state: another state, the same one for news, None where it has to wait."""
        return self._reactions.get((event, state))

    def walk(self, observations: Iterable[Observation]) -> Walk:
        """Derive the state from everything that was observed; pure, and independent of order and repetition."""
        known: list[tuple[Event, Observation]] = []
        unknown: list[Observation] = []
        for one in _once(observations):
            event = self.event_of(one)
            if event is None:
                unknown.append(one)
            else:
                known.append((event, one))
        known.sort(key=lambda pair: self._place(*pair))
        return self._applied(known, tuple(sorted(unknown, key=lambda one: (one.occurred_at, one.identity))))

    def outlook(self, walk: Walk, seen_at: Mapping[str, datetime], at: datetime) -> Outlook:
        """Say what is over its grace at an instant, whether the order closes by time, and when to look next.

        `seen_at` is when each observation reached the gateway, by its `key`; without an entry its own instant counts.
        """
        state = self.state(walk.state)
        minutes = self.grace_minutes if state.grace_minutes is None else state.grace_minutes
        grace = timedelta(minutes=minutes)
        deadlines = {one.key: seen_at.get(one.key, one.occurred_at) + grace for one in walk.waiting}
        later = [due for due in deadlines.values() if due > at]
        closes_at = self._closes_at(walk)
        is_over = closes_at is not None and closes_at <= at
        if closes_at is not None and not is_over:
            later.append(closes_at)
        return Outlook(
            overdue=tuple(one for one in walk.waiting if deadlines[one.key] <= at),
            closing=_closing(walk, closes_at) if closes_at is not None and is_over else None,
            look_at=min(later, default=None),
        )

    def _closes_at(self, walk: Walk) -> datetime | None:
        days = self.state(walk.state).closes_after_days
        return walk.since + timedelta(days=days) if days is not None and walk.since is not None else None

    def _place(self, event: Event, said: Observation) -> tuple[object, ...]:
        return (said.occurred_at, self._order[event.name], said.reference, said.identity)

    def _applied(self, known: list[tuple[Event, Observation]], unknown: tuple[Observation, ...]) -> Walk:
        walking = _Walking(self)
        for event, said in known:
            walking.meet(event, said)
        waiting = tuple(said for _, said in walking.waiting)
        return Walk(
            state=walking.state, since=walking.since, steps=tuple(walking.steps), waiting=waiting, unknown=unknown
        )

    @cached_property
    def _order(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.events)}

    @cached_property
    def _meanings(self) -> dict[tuple[System, str, str], Event]:
        return {meaning.said: event for event in self.events.values() for meaning in event.on}

    @cached_property
    def _reactions(self) -> dict[tuple[str, str], str]:
        return {
            (event.name, state): to
            for event in self.events.values()
            for state, to in reactions(event, self.states).items()
        }


class _Walking:
    """A walk under way: the state so far, and what waits, earliest first."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self.state = lifecycle.start
        self.since: datetime | None = None
        self.steps: list[Step] = []
        self.waiting: list[tuple[Event, Observation]] = []
        self._reached: datetime | None = None

    def meet(self, event: Event, said: Observation) -> None:
        """Let one observation take effect, or wait; after a move, those that wait are tried again."""
        moved = self._take(event, said)
        if moved is None:
            self.waiting.append((event, said))
        while moved:
            moved = self._release_one()

    def _release_one(self) -> bool:
        """Let the earliest waiting one that fits take effect; news does not help others, so the next one is tried."""
        for pair in list(self.waiting):
            moved = self._take(*pair)
            if moved is not None:
                self.waiting.remove(pair)
            if moved:
                return True
        return False

    def _take(self, event: Event, said: Observation) -> bool | None:
        """Apply it: True for a move, False for news, None when it is not allowed here."""
        to = self._lifecycle.reaction(event.name, self.state)
        if to is None:
            return None
        self._reached = said.occurred_at if self._reached is None else max(self._reached, said.occurred_at)
        step = Step(
            event=event.name,
            label=event.label,
            from_state=self.state,
            to_state=to,
            effective_at=self._reached,
            observation=said,
            told=to != self.state or not event.quiet,
            note=said.note or event.note,
        )
        self.steps.append(step)
        if step.moved:
            self.state, self.since = to, self._reached
        return step.moved


def _once(observations: Iterable[Observation]) -> list[Observation]:
    """Each observation once; of two that differ only in instant or note, the one with the earlier instant counts."""
    first: dict[tuple[str, str, str, str], Observation] = {}
    for one in observations:
        known = first.get(one.identity)
        if known is None or (one.occurred_at, one.note) < (known.occurred_at, known.note):
            first[one.identity] = one
    return list(first.values())


def _closing(walk: Walk, at: datetime) -> Observation:
    """The observation by which time closes an order: the same one from whoever makes it."""
    system, kind, value = CLOSED_BY_TIME
    reference = f"{walk.state}@{at.astimezone(UTC).isoformat()}"
    return Observation(system=system, kind=kind, value=value, reference=reference, occurred_at=at)
