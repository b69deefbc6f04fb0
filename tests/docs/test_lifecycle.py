"""The page about the lifecycle explains every key, and its tables are the lifecycle that ships."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from domain.errors import Misconfigured
from domain.lifecycle import Lifecycle
from domain.lifecycle_declarations import EVERY, Action, Event, Meaning, Move, State
from domain.lifecycle_reading import Head
from tests.architecture.project import ROOT
from tests.domain.lifecycle_world import DEFAULT, wholesale

PAGE = (ROOT / "docs" / "reference" / "lifecycle.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "At the top": Head,
    "[states.NAME]": State,
    "[events.NAME]": Event,
    "on": Meaning,
    "moves": Move,
}


def section(title: str) -> str:
    """The text under a heading of the second level."""
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[str]:
    """The rows of the tables in a section, without their heads."""
    return [line for line in section(title).splitlines() if line.startswith("| `")]


def keys(model: type[BaseModel]) -> set[str]:
    """What a person may write; the name of a state or an event stands in its heading."""
    return {field.alias or name for name, field in model.model_fields.items()} - {"name"}


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_explained_and_no_other(title: str) -> None:
    told = [re.match(r"\| `(\w+)` \| ", row) for row in rows(title)]
    assert {one[1] for one in told if one} == keys(SECTIONS[title])


def test_every_action_is_explained() -> None:
    assert [row.split("`")[1] for row in rows("What the gateway does in a state")] == [*Action]


def test_the_states_are_those_that_ship() -> None:
    assert rows("The states that ship") == state_rows(wholesale())


def test_the_events_are_those_that_ship() -> None:
    assert rows("The events that ship") == event_rows(wholesale())


def state_rows(lifecycle: Lifecycle) -> list[str]:
    """Each state as the page shows it."""
    return [
        f"| `{state.name}` | {state.label} | {state.shows or 'nothing'} | {', '.join(state.does)} | {_marks(state)} |"
        for state in lifecycle.states.values()
    ]


def _marks(state: State) -> str:
    marks = [word for word, holds in (("person", state.person), ("closed", state.closed)) if holds]
    marks += [f"grace {state.grace_minutes} min"] if state.grace_minutes is not None else []
    marks += [f"closes after {state.closes_after_days} days"] if state.closes_after_days is not None else []
    return ", ".join(marks)


def event_rows(lifecycle: Lifecycle) -> list[str]:
    """Each event as the page shows it."""
    return [_event_row(lifecycle, event) for event in lifecycle.events.values()]


def _event_row(lifecycle: Lifecycle, event: Event) -> str:
    means = ", ".join(f"{one.system} / {one.kind} / {one.value}" for one in event.on)
    moves = "; ".join(
        f"{', '.join(move.from_states)} → {move.to}{' (reopens)' if move.reopens else ''}" for move in event.moves
    )
    waits = [name for name in lifecycle.states if lifecycle.reaction(event.name, name) is None]
    news = "elsewhere" if EVERY in event.stays else ", ".join(event.stays)
    return f"| `{event.name}` | {event.label} | {means} | {moves} | {news} | {', '.join(waits)} |"


def test_the_steps_of_the_guide_make_a_sound_lifecycle() -> None:
    """The state and the event that the guide adds, and the moves that it says have to go on from there."""
    guide = (ROOT / "docs" / "howto" / "change-the-lifecycle.md").read_text(encoding="utf-8")
    state, event = re.findall(r"```\n(\[.*?)```", guide, re.DOTALL)
    shipped = DEFAULT.read_text(encoding="utf-8")
    with pytest.raises(Misconfigured, match="no closed state can be reached from state inspection"):
        Lifecycle.parse(f"{shipped}\n{state}\n{event}")
    onward = re.findall(r"`(\w+)`", guide.split("of every event that can follow: here", 1)[1].split(".", 1)[0])
    for name in onward:
        head, found, rest = shipped.partition(f"[events.{name}]\n")
        assert found, name
        # The move that leaves the state of goods that are allocated: inspected ones go the same way.
        shipped = head + found + rest.replace('"allocated"', '"allocated", "inspection"', 1)
    lifecycle = Lifecycle.parse(f"{shipped}\n{state}\n{event}")
    assert {
        name for name in lifecycle.events if lifecycle.reaction(name, "inspection") not in {None, "inspection"}
    } == {*onward}


def test_the_page_names_every_kind_and_value_that_ships() -> None:
    told = {
        (*row.split(" | ")[0].strip("| ").split(" / "), value)
        for row in section("on").splitlines()
        if row.startswith(("| salesforce /", "| gateway /", "| erp /", "| quickbooks /"))
        for value in re.findall(r"`([\w ]+)`", row.split(" | ")[1])
    }
    meant = {
        (str(one.system), one.kind, one.value)
        for event in wholesale().events.values()
        for one in event.on
        if one.kind != "order_status"  # any value of the org's own picklist
    }
    assert told - {("salesforce", "order_status", "Order.Status"), ("salesforce", "order_status", "deleted")} == meant
