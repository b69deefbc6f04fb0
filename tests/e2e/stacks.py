"""Whole gateways for tests: every process of the product on ports of its own, and an end that wastes no time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import plan
from console.stack import Stack
from runtime.embedded.ports import free_port
from runtime.embedded.processes import ProcessError
from runtime.settings import Settings
from tests.e2e.gateway import Gateway
from tests.folders import own_folder

ATTEMPTS = 3
OURS = ("THREEWAY_", "TEMPORAL_")


class StackedGateway(Gateway):
    """A gateway whose processes the test can kill and start."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.api_url, stack.admin_key, stack.twin_urls)
        self.stack = stack

    @property
    def inbox(self) -> Path:
        """The watched folder."""
        return self.stack.settings.erp.inbox_dir


@contextmanager
def stacked_gateway(**variables: str) -> Iterator[StackedGateway]:
    """A gateway with empty books for as long as the body runs; `variables` are set for its processes."""
    with own_folder("e2e") as folder:
        with without_our_variables(folder), pytest.MonkeyPatch.context() as surroundings, ports_of_the_systems_choice():
            for name, value in variables.items():
                surroundings.setenv(name, value)
            stack = _up(folder)
        try:
            with StackedGateway(stack) as gateway:
                yield gateway
        finally:
            _end(stack)


@contextmanager
def without_our_variables(folder: Path) -> Iterator[None]:
    """What the surroundings configure (variables, a `.env`) has no business in a test."""
    with pytest.MonkeyPatch.context() as surroundings:
        for name in [name for name in os.environ if name.startswith(OURS)]:
            surroundings.delenv(name)
        surroundings.chdir(folder)
        yield


@contextmanager
def ports_of_the_systems_choice() -> Iterator[None]:
    """A stack prefers its well-known ports, and so would every other one that a test starts at the same time."""
    with pytest.MonkeyPatch.context() as preferences:
        for name in ("TEMPORAL_PORT", "TEMPORAL_UI_PORT", "TEMPORAL_METRICS_PORT"):
            preferences.setattr(plan, name, 0)
        preferences.setattr(plan, "TWIN_PORTS", dict.fromkeys(plan.TWIN_PORTS, 0))
        yield


def _up(folder: Path) -> Stack:
    """Start; a port that another process took between choosing and listening makes it try again."""
    for attempt in range(1, ATTEMPTS + 1):
        stack = Stack(Settings(data_dir=folder / f"data-{attempt}", twins="on", port=free_port()))
        try:
            stack.up()
        except ProcessError as error:
            if attempt == ATTEMPTS or "address already in use" not in str(error).lower():
                raise
        else:
            return stack
    raise AssertionError("unreachable")


def _end(stack: Stack) -> None:
    """The store stops in order (it holds shared memory); nobody needs what the others still have in hand."""
    for name in reversed(stack.supervisor.children):
        if name != "postgres":
            stack.kill(name)
    stack.down()
