"""A lifecycle with mistakes is refused with every one of them, in words that say where."""

from __future__ import annotations

import pytest

from domain.errors import Misconfigured
from domain.lifecycle import Lifecycle
from tests.domain.lifecycle_world import project_sales, said, wholesale

SOUND = """
version = "1"
start = "new"

[states.new]
label = "New"
shows = "New"

[states.done]
label = "Done"
shows = "Done"
closed = true

[events.finish]
label = "Finished"
on = [{ system = "erp", kind = "order", value = "finished" }]
moves = [{ from = ["new"], to = "done" }]
stays = ["done"]
"""
STATE = '\n[states.{name}]\nlabel = "{name}"\nshows = "{name}"\n{more}\n'
EVENT = '\n[events.{name}]\nlabel = "{name}"\non = [{{ system = "erp", kind = "x", value = "{name}" }}]\n{more}\n'


def problems(text: str) -> list[str]:
    """What the report lists."""
    with pytest.raises(Misconfigured) as refused:
        Lifecycle.parse(text)
    assert refused.value.reason == "lifecycle"
    head, *lines = refused.value.detail.splitlines()
    assert head.startswith("The lifecycle has ")
    return [line.removeprefix("- ") for line in lines]


def test_a_sound_one_is_read() -> None:
    lifecycle = Lifecycle.parse(SOUND)
    assert (lifecycle.start, lifecycle.grace_minutes, list(lifecycle.states)) == ("new", 60, ["new", "done"])


def state(name: str, more: str = "") -> str:
    return STATE.format(name=name, more=more)


def event(name: str, more: str) -> str:
    return EVENT.format(name=name, more=more)


CASES = {
    "start: there is no state old": SOUND.replace('start = "new"', 'start = "old"'),
    "at the top: start is missing": SOUND.replace('start = "new"', ""),
    "at the top: tempo is not a key that is known here": f"tempo = 3\n{SOUND}",
    "at the top: grace_minutes: input should be greater than or equal to 0": f"grace_minutes = -1\n{SOUND}",
    "event finish: there is no state gone": SOUND.replace('to = "done"', 'to = "gone"'),
    "state new: shows is missing": SOUND.replace('shows = "New"', ""),
    "state new: label: string should have at least 1 character": SOUND.replace('label = "New"', 'label = " "'),
    "state new: does.0: input should be 'reserve', 'send', 'release' or 'cancel'": SOUND.replace(
        'shows = "New"', 'shows = "New"\ndoes = ["ship"]'
    ),
    "event finish: on.0.system: input should be 'erp', 'quickbooks', 'salesforce' or 'gateway'": SOUND.replace(
        'system = "erp"', 'system = "sap"'
    ),
    "event finish: moves.0.from is missing": SOUND.replace('from = ["new"], ', ""),
    "state far cannot be reached from new": SOUND
    + state("far")
    + event("home", 'moves = [{ from = ["far"], to = "done" }]'),
    "no closed state can be reached from state stuck": SOUND
    + state("stuck")
    + event("jam", 'moves = [{ from = ["new"], to = "stuck" }]'),
    "no state is closed: declare closed = true where nothing more is expected": SOUND.replace("closed = true", ""),
    "event idle has no effect: it neither moves nor stays": SOUND + event("idle", ""),
    "event finish is declared more than once for state new": SOUND.replace(
        'moves = [{ from = ["new"], to = "done" }]',
        'moves = [{ from = ["new"], to = "done" }, { from = ["new"], to = "other" }]',
    )
    + state("other", "closed = true"),
    "event finish is declared more than once for state done": SOUND.replace(
        'stays = ["done"]', 'stays = ["done", "done"]'
    ),
    "event wide uses * more than once": SOUND + event("wide", 'moves = [{ from = ["*"], to = "done" }]\nstays = ["*"]'),
    "event wide: what is not named waits anyway, so waits cannot be *": SOUND
    + event("wide", 'stays = ["new"]\nwaits = ["*"]'),
    "event wide: a move leads to * instead of to one state": SOUND
    + event("wide", 'moves = [{ from = ["new"], to = "*" }]'),
    "event undo leaves the closed state done: declare reopens = true, or drop it": SOUND
    + event("undo", 'moves = [{ from = ["done"], to = "new" }]'),
    "event redo declares that it reopens, and leaves no closed state": SOUND
    + event("redo", 'moves = [{ from = ["new"], to = "done", reopens = true }]'),
    "event again moves new to itself: list it under stays": SOUND
    + event("again", 'moves = [{ from = ["new"], to = "new" }]'),
    "state done is closed and still does send": SOUND.replace("closed = true", 'closed = true\ndoes = ["send"]'),
    "state done is closed and still asks for a person": SOUND.replace("closed = true", "closed = true\nperson = true"),
    "state done is closed already: closes_after_days has no meaning there": SOUND.replace(
        "closed = true", "closed = true\ncloses_after_days = 3"
    ),
    "state new closes after days, and no event on gateway / order / closed moves it to a closed state": SOUND.replace(
        'shows = "New"', 'shows = "New"\ncloses_after_days = 3'
    ),
    "two states have the label New": SOUND.replace('label = "Done"', 'label = "New"'),
    "two events have the label Finished": SOUND
    + event("other", 'stays = ["new"]').replace('label = "other"', 'label = "Finished"'),
    "erp / order / finished means more than one event: finish, late": SOUND
    + event("late", 'stays = ["new"]').replace('kind = "x", value = "late"', 'kind = "order", value = "finished"'),
    "there are no events: declare each as [events.its_name]": SOUND.split("[events", 1)[0],
    "state odd: it must be a table": SOUND.replace("[states.new]", '[states]\nodd = "x"\n\n[states.new]'),
}


@pytest.mark.parametrize("problem", CASES)
def test_a_mistake_is_named(problem: str) -> None:
    assert problem in problems(CASES[problem])


@pytest.mark.parametrize("text", ["version = ", SOUND + "\n[states.new]\n", SOUND + "\n[events.finish]\n"])
def test_a_name_that_is_given_twice_is_no_toml(text: str) -> None:
    [problem] = problems(text)
    assert problem.startswith("it is not TOML: ")


def test_every_mistake_is_listed_at_once() -> None:
    text = SOUND.replace('shows = "New"', "").replace('to = "done"', 'to = "gone"').replace('version = "1"', "")
    assert problems(text) == [
        "state new: shows is missing",
        "at the top: version is missing",
        "event finish: there is no state gone",
    ]
    text = SOUND + state("far") + state("left") + event("idle", "")
    assert problems(text) == [
        "event idle has no effect: it neither moves nor stays",
        *("state far cannot be reached from new", "state left cannot be reached from new"),
        *("no closed state can be reached from state far", "no closed state can be reached from state left"),
    ]


def test_the_star_means_every_open_state_that_is_not_named_elsewhere() -> None:
    text = (
        SOUND
        + state("hold")
        + event("stop", 'moves = [{ from = ["*"], to = "hold" }]\nwaits = ["new"]')
        + event("go", 'moves = [{ from = ["hold"], to = "done" }]\nstays = ["*"]')
        + event("on", 'moves = [{ from = ["new"], to = "hold" }]')
    )
    lifecycle = Lifecycle.parse(text)
    assert [lifecycle.reaction("stop", one) for one in ("new", "hold", "done")] == [None, "hold", None]
    assert [lifecycle.reaction("go", one) for one in ("new", "hold", "done")] == ["new", "done", "done"]


@pytest.mark.parametrize("lifecycle", [wholesale(), project_sales()], ids=["wholesale", "project sales"])
def test_what_ships_is_sound_and_survives_being_stored(lifecycle: Lifecycle) -> None:
    again = Lifecycle.model_validate_json(lifecycle.model_dump_json())
    assert again == lifecycle
    assert again.named_version == lifecycle.named_version
    told = [said(1, "salesforce order_status Activated"), said(2, "erp shipment whole")]
    assert again.walk(told) == lifecycle.walk(told)


def test_another_move_under_the_same_version_is_another_lifecycle() -> None:
    changed = Lifecycle.parse(SOUND.replace('stays = ["done"]', ""))
    assert changed.version == Lifecycle.parse(SOUND).version
    assert changed.named_version != Lifecycle.parse(SOUND).named_version
