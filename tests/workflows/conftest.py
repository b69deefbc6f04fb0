"""Temporal for the workflow tests: the real server once a session, and servers that skip time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.runtime import Runtime
from temporalio.testing import WorkflowEnvironment

from tests.workflows.stage import QUIET, Stage, namespace, staged
from tests.workflows.stage import real_server as start_real_server
from tests.workflows.stage import skipping_server as start_skipping_server
from tests.workflows.steps import Steps


@pytest.fixture(scope="session")
def quiet_runtime() -> Runtime:
    """The SDK's core without its warnings about what the test server lacks."""
    return Runtime(telemetry=QUIET)


@pytest.fixture(scope="session")
async def real_server(quiet_runtime: Runtime) -> AsyncIterator[WorkflowEnvironment]:
    """One real server for all; each test has a namespace of its own on it."""
    async with start_real_server(quiet_runtime) as env:
        yield env


@pytest.fixture
async def skipping_server(quiet_runtime: Runtime) -> AsyncIterator[WorkflowEnvironment]:
    """One for each test: time is one for a whole server, and stands still while any activity in it is not done."""
    async with start_skipping_server(quiet_runtime) as env:
        yield env


@pytest.fixture
def steps() -> Steps:
    """The stand-ins of this test's activities."""
    return Steps()


@pytest.fixture
async def stage(real_server: WorkflowEnvironment, steps: Steps) -> AsyncIterator[Stage]:
    """The product's workers in a new namespace of the real server."""
    async with staged(real_server, await namespace(real_server), steps) as opened:
        yield opened


@pytest.fixture
async def skipping(skipping_server: WorkflowEnvironment, steps: Steps) -> AsyncIterator[Stage]:
    """The product's workers on a time-skipping server."""
    async with staged(skipping_server, skipping_server.client, steps) as opened:
        yield opened
