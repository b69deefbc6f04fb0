"""Whatever is observed, in whatever order and however often, ends in one declared state; random lifecycles end too."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Misconfigured
from domain.lifecycle import Lifecycle, Walk
from domain.lifecycle_declarations import Event
from domain.observations import Observation
from domain.sources import System
from tests.domain.lifecycle_world import at, project_sales, said, wholesale

LIFECYCLES = {"wholesale": wholesale(), "project sales": project_sales()}
HAPPY = (
    "salesforce order_status Activated",
    "gateway order numbered",
    "gateway order sent",
    "erp acknowledgement accepted",
    "erp allocation part",
    "erp allocation whole",
    "erp acknowledgement picking",
    "erp shipment part",
    "quickbooks invoice part",
    "erp shipment whole",
    "quickbooks invoice whole",
    "quickbooks payment part",
    "quickbooks payment whole",
)
BEFORE_SHIPPING = {"received", "accepted", "exposed", "sent", "rejected", "cancelled", "deleted", "cancelling"}
every_lifecycle = pytest.mark.parametrize("lifecycle", LIFECYCLES.values(), ids=list(LIFECYCLES))


@st.composite
def observed(draw: st.DrawFn, events: tuple[Event, ...]) -> list[Observation]:
    """Anything that a lifecycle declares, at any instant, some of it said more than once, and some nonsense."""
    meanings = [one.said for event in events for one in event.on]
    found = []
    for _ in range(draw(st.integers(0, 14))):
        system, kind, value = draw(st.sampled_from([*meanings, (System.ERP, "shipment", "lost")]))
        found.append(
            Observation(
                system=system,
                kind=kind,
                value=value,
                reference=draw(st.sampled_from(["A", "B", "C"])),
                occurred_at=at(draw(st.integers(0, 20))),
                note=draw(st.sampled_from(["", "again"])),
            )
        )
    return found


def walks(lifecycle: Lifecycle) -> st.SearchStrategy[list[Observation]]:
    return observed(tuple(lifecycle.events.values()))


@every_lifecycle
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_arrival_order_repetition_and_delay_do_not_matter(lifecycle: Lifecycle, data: st.DataObject) -> None:
    told = data.draw(walks(lifecycle))
    expected = lifecycle.walk(told)
    arrived = data.draw(st.permutations(told + told[: len(told) // 2]))
    assert lifecycle.walk(arrived) == expected
    # Known in two portions, the second one late: what was decided in between leaves no trace.
    cut = data.draw(st.integers(0, len(arrived)))
    lifecycle.walk(arrived[:cut])
    assert lifecycle.walk(iter(arrived)) == expected


@every_lifecycle
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_every_step_is_declared_and_nothing_is_lost(lifecycle: Lifecycle, data: st.DataObject) -> None:
    told = data.draw(walks(lifecycle))
    walk = lifecycle.walk(told)
    here = lifecycle.start
    for step in walk.steps:
        assert step.from_state == here
        assert lifecycle.reaction(step.event, here) == step.to_state
        here = step.to_state
    assert here == walk.state
    assert walk.state in lifecycle.states
    parts = [*(step.observation for step in walk.steps), *walk.waiting, *walk.unknown]
    assert sorted(one.identity for one in parts) == sorted({one.identity for one in told})
    assert all(first.effective_at <= then.effective_at for first, then in itertools.pairwise(walk.steps))
    assert all(_is_stuck(lifecycle, walk, one) for one in walk.waiting)


def _is_stuck(lifecycle: Lifecycle, walk: Walk, one: Observation) -> bool:
    event = lifecycle.event_of(one)
    return event is not None and lifecycle.reaction(event.name, walk.state) is None


@given(instants=st.permutations(range(len(HAPPY))))
@settings(max_examples=500, deadline=None)
def test_a_whole_story_ends_paid_whatever_the_clocks_of_the_systems_say(instants: list[int]) -> None:
    """Cases O6, O7: early and late events end alike, and none is left for a person."""
    told = [said(minute, words, words) for minute, words in zip(instants, HAPPY, strict=True)]
    walk = wholesale().walk(told)
    assert (walk.state, walk.waiting, walk.unknown) == ("paid", (), ())


@given(data=st.data())
@settings(max_examples=500, deadline=None)
def test_an_order_of_which_goods_have_left_never_looks_as_if_none_had(data: st.DataObject) -> None:
    """Cases O9, O17: cancelled, rejected or deleted, what shipped is billed."""
    told = data.draw(walks(wholesale()))
    walk = wholesale().walk(told)
    shipped = [step for step in walk.steps if step.event in {"partly_shipped", "shipped"}]
    taken_back = {"shipment_cancelled", "credited", "invoice_voided"}  # the last two settle a shipment taken back
    if shipped and not any(step.event in taken_back for step in walk.steps):
        assert walk.state not in BEFORE_SHIPPING


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_needs_the_erp_is_never_asked_of_an_order_that_is_closed(data: st.DataObject) -> None:
    walk = wholesale().walk(data.draw(walks(wholesale())))
    state = wholesale().state(walk.state)
    assert not (state.closed and {"send", "cancel", "reserve"} & set(state.does))


@every_lifecycle
@given(data=st.data(), now=st.integers(0, 200_000))
@settings(max_examples=200, deadline=None)
def test_looking_when_told_to_finds_everything_that_time_brings(
    lifecycle: Lifecycle, data: st.DataObject, now: int
) -> None:
    told = data.draw(walks(lifecycle))
    walk = lifecycle.walk(told)
    seen = {one.key: at(data.draw(st.integers(0, 50))) for one in told}
    outlook = lifecycle.outlook(walk, seen, at(now))
    if outlook.look_at is None:
        assert len(outlook.overdue) == len(walk.waiting)
        return
    assert outlook.look_at > at(now)
    then = lifecycle.outlook(walk, seen, outlook.look_at)
    assert then.closing is not None or len(then.overdue) > len(outlook.overdue)


# --- Random lifecycles.

NAMES = ("a", "b", "c", "d")


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A lifecycle that may be sound or not, as a person might write it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    lines = ['version = "random"', f'start = "{draw(st.sampled_from(NAMES[:2]))}"']
    for name in names:
        closed = str(draw(st.booleans())).lower()
        lines += [f"[states.{name}]", f'label = "{name}"', f'shows = "{name.upper()}"', f"closed = {closed}"]
    for number in range(draw(st.integers(1, 4))):
        lines += _event(draw, number)
    return "\n".join(lines)


def _event(draw: st.DrawFn, number: int) -> list[str]:
    stars = st.sampled_from([*NAMES, "*"])
    moves = [
        f"{{ from = {_list(draw(st.lists(stars, min_size=1, max_size=2)))}, to = {_text(draw(st.sampled_from(NAMES)))},"
        f" reopens = {str(draw(st.booleans())).lower()} }}"
        for _ in range(draw(st.integers(0, 2)))
    ]
    return [
        f"[events.e{number}]",
        f'label = "E{number}"',
        f'on = [{{ system = "erp", kind = "k", value = "v{number}" }}]',
        f"moves = [{', '.join(moves)}]",
        f"stays = {_list(draw(st.lists(stars, max_size=2)))}",
        f"waits = {_list(draw(st.lists(st.sampled_from(NAMES), max_size=1)))}",
    ]


def _text(value: str) -> str:
    return f'"{value}"'


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


@given(text=texts(), data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_lifecycle_is_refused_with_a_report_or_walks_to_an_end(text: str, data: st.DataObject) -> None:
    try:
        lifecycle = Lifecycle.parse(text)
    except Misconfigured as refused:
        report = refused.detail.splitlines()
        if len(report) < 2:
            pytest.fail(f"a refusal without a problem: {refused.detail}")
        return
    told = data.draw(walks(lifecycle))
    walk = lifecycle.walk(told)
    assert walk.state in lifecycle.states
    assert lifecycle.walk(reversed(told)) == walk
    assert Lifecycle.model_validate_json(lifecycle.model_dump_json()) == lifecycle


@given(names=st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_sound_lifecycle_reads_as_it_was_written(names: list[str], data: st.DataObject) -> None:
    """A chain of states with shortcuts forward is sound, and comes out as it went in."""
    extra = data.draw(st.sets(st.integers(0, len(names) - 2)))
    lines = ['version = "chain"', f'start = "{names[0]}"', "grace_minutes = 7"]
    for place, name in enumerate(names):
        closed = str(place == len(names) - 1).lower()
        lines += [f"[states.{name}]", f'label = "{name}"', f'shows = "{name.upper()}"', f"closed = {closed}"]
    for place, (name, then) in enumerate(itertools.pairwise(names)):
        last = f', {{ from = ["{name}"], to = "{names[-1]}" }}' if place in extra and then != names[-1] else ""
        lines += [f"[events.to_{then}]", f'label = "to {then}"']
        lines += [f'on = [{{ system = "erp", kind = "k", value = "{then}" }}]']
        lines += [f'moves = [{{ from = ["{name}"], to = "{then}" }}]', f"stays = {_list(names[place + 1 :])}"]
        if last:
            lines += [f"[events.jump_{name}]", f'label = "jump {name}"']
            lines += [f'on = [{{ system = "erp", kind = "jump", value = "{name}" }}]', f"moves = [{last[2:]}]"]
    lifecycle = Lifecycle.parse("\n".join(lines))
    assert (list(lifecycle.states), lifecycle.start, lifecycle.grace_minutes) == (names, names[0], 7)
    told: list[Any] = [said(place, f"erp k {name}") for place, name in enumerate(names[1:])]
    assert lifecycle.walk(reversed(told)).state == names[-1]
