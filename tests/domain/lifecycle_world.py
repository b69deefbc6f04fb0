"""Lifecycles that ship, and observations as a test writes them: `said(5, "erp shipment whole", "SH1")`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from domain.lifecycle import Lifecycle, Walk
from domain.observations import Observation
from domain.sources import System
from tests.architecture.project import ROOT

T0 = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
DEFAULT = ROOT / "config" / "lifecycle.toml"
PROJECT_SALES = ROOT / "config" / "examples" / "lifecycle-project-sales.toml"


@cache
def wholesale() -> Lifecycle:
    """The lifecycle that ships."""
    return Lifecycle.parse(DEFAULT.read_text(encoding="utf-8"))


@cache
def project_sales() -> Lifecycle:
    """The very different one that ships as an example."""
    return Lifecycle.parse(PROJECT_SALES.read_text(encoding="utf-8"))


def at(minutes: int) -> datetime:
    """The instant so many minutes after T0."""
    return T0 + timedelta(minutes=minutes)


def said(minutes: int, words: str, reference: str | None = None) -> Observation:
    """An observation: system, kind and value (which may have blanks); its reference is the minute unless given."""
    system, kind, value = words.split(" ", 2)
    return Observation(
        system=System(system),
        kind=kind,
        value=value,
        reference=reference or str(minutes),
        occurred_at=at(minutes),
    )


def story(*words: str) -> list[Observation]:
    """Observations ten minutes apart."""
    return [said(10 * place, one) for place, one in enumerate(words, start=1)]


def states(walk: Walk) -> list[str]:
    """The states that a walk passes, one after the other."""
    return [step.to_state for step in walk.steps if step.moved]


def shown(lifecycle: Lifecycle, *words: str) -> str:
    """What Salesforce shows after a story; nothing of it may be left waiting or unknown."""
    walk = lifecycle.walk(story(*words))
    assert (walk.waiting, walk.unknown) == ((), ())
    return lifecycle.state(walk.state).shows
