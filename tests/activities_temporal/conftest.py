"""Activities that need a real Temporal server beside PostgreSQL; the workflows that they start run on stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.testing import WorkflowEnvironment

from activities.receiving import Receiver, make_receiver
from tests.workflows.stage import QUIET, Stage, namespace, staged
from tests.workflows.stage import real_server as start_real_server
from tests.workflows.steps import Steps

LAYOUTS = Path(__file__).resolve().parents[2] / "config" / "layouts"


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[WorkflowEnvironment]:
    """One real server for all; each test has a namespace of its own on it."""
    async with start_real_server(Runtime(telemetry=QUIET)) as env:
        yield env


@pytest.fixture
async def client(temporal_server: WorkflowEnvironment) -> Client:
    """A client in this test's own namespace; nothing works there yet."""
    return await namespace(temporal_server)


@pytest.fixture
async def stage(temporal_server: WorkflowEnvironment, client: Client) -> AsyncIterator[Stage]:
    """The product's workers with stand-in activities."""
    async with staged(temporal_server, client, Steps()) as opened:
        yield opened


@pytest.fixture
def receiver(engine: Engine, client: Client, tmp_path: Path) -> Receiver:
    """The intake of a process, with the shipped layouts."""
    return make_receiver(engine, client, LAYOUTS, tmp_path / "files")


@pytest.fixture
async def away() -> Client:
    """A client of a Temporal server that is not there."""
    return await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
