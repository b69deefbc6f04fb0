"""Every service of ours in docker-compose.yml does what it is there for, with nothing but what the file tells it.

The images of others are not run: an embedded PostgreSQL and Temporal stand for them, set up by the same scripts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from activities.schedules import SWEEP
from console.probes import apart, temporal_answers
from domain.work import SweepWork
from runtime.embedded.ports import free_port
from runtime.embedded.temporal_server import TemporalServer
from runtime.payloads import PayloadCipher, data_converter, is_encrypted
from runtime.settings import Settings
from runtime.temporal import ensure_schedule
from tests.architecture.project import ROOT
from tests.deployment.machine import Machine
from tests.e2e.waiting import wait_until
from tests.folders import own_folder

TENANTS = ("threeway", "temporal", "temporal_visibility")


def _libpq(url: str) -> dict[str, str]:
    """How programs of PostgreSQL are told of a server."""
    parts = make_url(url)
    host = str(parts.host or parts.query.get("host"))
    return {"PGHOST": host, "PGPORT": str(parts.port or 5432), "POSTGRES_USER": str(parts.username)}


@contextmanager
def _tenants(url: str, folder: Path) -> Iterator[str]:
    """The server as `deploy/postgres/roles.sh` leaves it; the address of the gateway's database, as its own role."""
    (psql,) = Path(sysconfig.get_path("purelib")).glob("*/pginstall/bin/psql")
    surroundings = {"PATH": f"{psql.parent}:{os.environ['PATH']}", **_libpq(url)}
    passwords = {name: value or "" for name, value in dotenv_values(folder / ".env").items()}
    script = ["sh", str(ROOT / "deploy" / "postgres" / "roles.sh")]
    try:
        made = subprocess.run(
            script, env=surroundings | passwords, capture_output=True, text=True, timeout=60, check=False
        )
        assert made.returncode == 0, made.stderr
        own = make_url(url).set(username="threeway", password=passwords["GATEWAY_DB_PASSWORD"], database="threeway")
        yield own.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            for name in TENANTS:
                server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            for name in ("threeway", "temporal"):
                server.execute(f'DROP ROLE IF EXISTS "{name}"')


@contextmanager
def _temporal(folder: Path) -> Iterator[str]:
    """A server without our namespace, in memory of the machine for as long as the body runs."""
    server = TemporalServer(folder / "temporal", free_port(), ui_port=None)
    server.prepare()
    process = subprocess.Popen(server.command(), env=server.environment(), stdout=subprocess.DEVNULL)
    try:
        wait_until("Temporal answers", lambda: temporal_answers(server.address, "default"))
        yield server.address
    finally:
        process.terminate()
        process.wait(20)


def _ports(number: int) -> list[int]:
    found: list[int] = []
    for _ in range(number):
        found.append(free_port(taken=frozenset(found)))
    return found


@pytest.fixture(scope="module")
def machine(postgres_url: str) -> Iterator[Machine]:
    """Databases and Temporal as an installation finds them, secrets as it makes them; no service of ours runs yet."""
    if "THREEWAY_TEST_POSTGRES_URL" in os.environ:
        pytest.skip("roles are for a whole server, and this one is somebody's")
    with own_folder("compose") as folder, ExitStack() as stack:
        subprocess.run(["sh", str(ROOT / "deploy" / "new-env.sh")], cwd=folder, check=True, capture_output=True)
        database_url = stack.enter_context(_tenants(postgres_url, folder))
        temporal = stack.enter_context(_temporal(folder))
        password = dotenv_values(folder / ".env")["GATEWAY_DB_PASSWORD"]
        api, *twins = _ports(4)
        places = {
            f"postgresql://threeway:{password}@postgres:5432/threeway": database_url,
            "temporal:7233": temporal,
            **{f"http://twins:{8101 + n}": f"http://127.0.0.1:{port}" for n, port in enumerate(twins)},
            "/data": str(folder / "data"),
            "/app": str(ROOT),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 (replaced, not bound)
            "8000": str(api),
        }
        yield Machine(folder, places, (twins[0], twins[1], twins[2]))


def test_each_tenant_of_the_server_has_its_own(machine: Machine, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as server:
        owners = dict(
            server.execute(
                "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY(%s)",
                [list(TENANTS)],
            ).fetchall()
        )
        assert owners == {"threeway": "threeway", "temporal": "temporal", "temporal_visibility": "temporal"}
        for role, database in (("temporal", "threeway"), ("threeway", "temporal")):
            (may,) = (
                server.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", [role, database]).fetchone() or ()
            )
            assert may is False
        weak = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolcreatedb)"
        assert server.execute(weak, [list(TENANTS)]).fetchall() == []


def test_the_namespace_is_made_once(machine: Machine) -> None:
    service = machine.compose.services["temporal-namespace"]
    assert service["entrypoint"] == ["/bin/sh", "/deploy/namespace.sh"]
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    environment = machine.environment("temporal-namespace") | {"PATH": path, "HOME": str(machine.folder)}
    for _ in range(2):
        made = subprocess.run(
            ["sh", str(ROOT / "deploy" / "temporal" / "namespace.sh")], env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    described = apart(_described(machine.environment("api")["TEMPORAL_ADDRESS"], "threeway"))
    assert described == timedelta(hours=720)


async def _described(address: str, namespace: str) -> timedelta:
    client = await Client.connect(address)
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    kept: timedelta = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept


def test_the_schema_is_made_by_the_role_of_the_gateway_alone(machine: Machine) -> None:
    migrated = machine.run("migrate")
    assert migrated.returncode == 0, migrated.stderr


@pytest.mark.proof
@pytest.mark.timeout(300)  # three processes start beside whatever else runs on the machine
def test_the_gateway_works_and_stops_in_order(machine: Machine) -> None:
    """Healthy by its own checks, ready, with the ERP's masters applied, and what Temporal keeps encrypted."""
    dead = machine.health("api"), machine.health("worker"), machine.health("twins")
    assert [one.returncode for one in dead] == [1, 1, 1]
    with machine.running("twins", "api", "worker"):
        for _ in range(2):
            begun = machine.run("twins-world")
            assert begun.returncode == 0, begun.stderr
        environment = machine.environment("api")
        headers = {"X-API-Key": environment["THREEWAY_ADMIN_KEY"]}
        with httpx.Client(base_url=f"http://127.0.0.1:{environment['THREEWAY_PORT']}", trust_env=False) as api:
            wait_until("it is ready", lambda: api.get("/readyz"), lambda answer: answer.is_success, seconds=60)
            wait_until(
                "the masters are applied",
                lambda: {
                    one["filename"][:6]: one["state"] for one in api.get("/erp/files", headers=headers).json()["items"]
                },
                lambda states: states.get("CUSMST") == states.get("ITMMST") == "applied",
                seconds=90,
            )
        kept = apart(_inputs(environment))
        assert kept
        assert all(kept)
    logged = (machine.folder / "worker.log").read_text() + (machine.folder / "api.log").read_text()
    assert {json.loads(line)["role"] for line in logged.splitlines() if line.startswith("{")} == {"worker", "api"}
    secrets = [
        *dotenv_values(machine.folder / ".env").values(),
        *dotenv_values(machine.folder / "gateway.env").values(),
    ]
    assert [one for one in secrets if one and one in logged] == []


@pytest.mark.proof
def test_a_worker_with_other_keys_does_not_start(machine: Machine) -> None:
    """After another worker wrote to Temporal: what comes next would be written with keys that no other process has."""
    (written_with,) = PayloadCipher(SecretStr(machine.environment("worker")["THREEWAY_PAYLOAD_KEYS"])).key_ids
    apart(_write_a_schedule(machine.environment("worker")))
    environment = machine.environment("worker") | {"THREEWAY_PAYLOAD_KEYS": Fernet.generate_key().decode()}
    ended = subprocess.run(
        machine.command("worker"), env=environment, cwd=machine.folder, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert f"key {written_with}" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


async def _write_a_schedule(environment: dict[str, str]) -> None:
    """What the first worker of an installation leaves in Temporal."""
    keys = SecretStr(environment["THREEWAY_PAYLOAD_KEYS"])
    client = await Client.connect(
        environment["TEMPORAL_ADDRESS"],
        namespace=environment["TEMPORAL_NAMESPACE"],
        data_converter=data_converter(Settings(payload_keys=keys)),
    )
    await ensure_schedule(client, SWEEP, "Sweep", SweepWork(), timedelta(days=1))


async def _inputs(environment: dict[str, str]) -> list[bool]:
    """Of what each flow was started with, whether it is encrypted."""
    client = await Client.connect(environment["TEMPORAL_ADDRESS"], namespace=environment["TEMPORAL_NAMESPACE"])
    found = []
    async for one in client.list_workflows("WorkflowType = 'ErpFile'"):
        events = client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history_events()
        first = await anext(events)
        found += [is_encrypted(each) for each in first.workflow_execution_started_event_attributes.input.payloads]
    return found
