"""What is said of an order in words: on its record in Salesforce, and to the person who has to look at it."""

from __future__ import annotations

from domain.lifecycle import Walk
from domain.observations import Observation


def sentence_of(walk: Walk, label: str) -> str:
    """The state and what led into it, for the rep who looks at the order (feature G-I3)."""
    moves = [step for step in walk.steps if step.moved]
    note = moves[-1].observation.note if moves else ""
    return f"{label}. {note}".strip() if note else f"{label}."


def early_words(said: Observation, state: str) -> str:
    """An observation that has waited longer than its grace (cases O6, O7)."""
    what = f"{said.system} said {said.kind} {said.value} ({said.reference})"
    return f"{what}, which an order that is {state} does not allow. What has to come first has not come."


def unknown_words(said: Observation) -> str:
    """A value that the lifecycle does not declare."""
    return f"{said.system} says {said.kind} {said.value!r}, which lifecycle.toml does not declare."
