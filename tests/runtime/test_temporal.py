"""The embedded Temporal server and the client's preparations: each may be repeated."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.service import RPCError, RPCStatusCode

from runtime.embedded.ports import free_port
from runtime.embedded.temporal_server import TemporalServer
from runtime.settings import load_settings
from runtime.settings_errors import SettingsError
from runtime.temporal import (
    answering,
    connect,
    connection,
    ensure_schedule,
    patiently,
    polled_by,
    prepare_namespace,
    register_attributes,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """A server with its Web UI on ports of its own."""
    data_dir = tmp_path_factory.mktemp("temporal")
    server = TemporalServer(data_dir, port=free_port(), ui_port=free_port())
    assert server.prepare() is None
    process = subprocess.Popen(server.command(), env=server.environment(), stdout=subprocess.DEVNULL)
    yield server
    process.terminate()
    assert process.wait(15) == 0


@pytest.fixture
def address(server: TemporalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    return server.address


async def _client() -> Client:
    return await connect(load_settings(attach=False), within_seconds=10)


async def test_the_namespace_is_prepared_again_and_again(address: str) -> None:
    client = await _client()
    for _ in range(2):
        await prepare_namespace(client, load_settings(attach=False))
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=30)
    assert {"Shipment", "OrderNumber", "SourceFile", "WorkState"} <= set(listed.custom_attributes)
    assert await register_attributes(client) == ()


async def test_an_attribute_of_another_type_is_an_error(address: str) -> None:
    client = await _client()
    await register_attributes(client)
    with pytest.raises(SettingsError, match="Shipment: exists with another type"):
        await register_attributes(client, {"Shipment": IndexedValueType.INDEXED_VALUE_TYPE_INT})


async def test_a_schedule_is_created_then_changed_and_keeps_its_pause(address: str) -> None:
    client = await _client()
    await ensure_schedule(client, "orders-pull", "PullOrders", {"n": 1}, timedelta(seconds=60))
    await client.get_schedule_handle("orders-pull").pause(note="by a person")
    await ensure_schedule(client, "orders-pull", "PullOrders", {"n": 1}, timedelta(seconds=15))
    schedule = (await client.get_schedule_handle("orders-pull").describe()).schedule
    assert schedule.spec.intervals[0].every == timedelta(seconds=15)
    assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert schedule.state.paused


async def test_it_answers_for_its_namespaces_only(address: str) -> None:
    await _client()
    assert await answering(address)
    assert not await answering(address, "absent")


async def test_nobody_polls_an_empty_queue(address: str) -> None:
    assert not await polled_by(address, "default", "threeway", 1, 0.0)


async def test_a_lazy_client_needs_no_server_and_a_real_one_gives_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    settings = load_settings(attach=False)
    await connect(settings, lazy=True)
    with pytest.raises(RuntimeError):
        await connect(settings, within_seconds=0.3)


def test_the_address_may_stand_in_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    with pytest.raises(SettingsError, match="TEMPORAL_ADDRESS: is not set"):
        connection(load_settings(attach=False))
    (tmp_path / ".env").write_text("TEMPORAL_ADDRESS=temporal:7233\nTEMPORAL_NAMESPACE=orders\n")
    found = connection(load_settings(attach=False))
    assert (found.get("target_host"), found.get("namespace")) == ("temporal:7233", "orders")


def test_a_file_of_another_version_is_set_aside(tmp_path: Path) -> None:
    server = TemporalServer(tmp_path, port=1, ui_port=None)
    (tmp_path / "temporal.db").write_text("old")
    (tmp_path / "temporal.db-wal").write_text("old")
    (tmp_path / "temporal.version").write_text("temporal version 0.1\n")
    aside = server.prepare()
    assert aside is not None
    assert aside.read_text() == "old"
    assert aside.with_name(aside.name + "-wal").exists()
    assert not (tmp_path / "temporal.db").exists()
    (tmp_path / "temporal.db").write_text("new")
    assert server.prepare() is None
    assert "--headless" in server.command()


class Busy:
    """A step that is refused a few times."""

    def __init__(self, *refusals: RPCStatusCode) -> None:
        self.refusals, self.taken = list(refusals), 0

    async def __call__(self) -> None:
        if self.refusals:
            raise RPCError("Unable to query workflow", self.refusals.pop(0), b"")
        self.taken += 1


async def test_what_a_busy_server_refuses_is_tried_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker does not die of a server under load, of which it has to wait for its turn."""
    monkeypatch.setattr("runtime.temporal.PATIENCE_SECONDS", 0)
    busy = Busy(RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.UNAVAILABLE)
    await patiently(busy, "a step")
    assert busy.taken == 1


async def test_what_no_second_try_can_cure_is_raised_at_once() -> None:
    refused = Busy(RPCStatusCode.PERMISSION_DENIED)
    with pytest.raises(RPCError):
        await patiently(refused, "a step")
    assert (refused.refusals, refused.taken) == ([], 0)
