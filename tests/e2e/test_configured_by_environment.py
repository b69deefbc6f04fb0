"""The product where real systems are configured: nothing embedded, everything that it knows stands in the environment.

The vendors are strangers to it here: servers on other ports, with credentials of their own, reached by their URLs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.plan import PROJECT
from console.probes import http_answers, temporal_answers
from runtime.embedded.ports import free_port
from runtime.embedded.temporal_server import TemporalServer
from tests.database import created
from tests.e2e.books import assert_ledger_equals
from tests.e2e.gateway import Gateway
from tests.e2e.stacks import OURS
from tests.e2e.twin_clients import ErpTwin
from tests.e2e.waiting import wait_until
from tests.folders import own_folder

NAMESPACE = "billing"
ADMIN_KEY = "a-key-of-this-test-7f3d9c51e2"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


class Ports:
    """Free ports, none of them twice."""

    def __init__(self) -> None:
        self._taken: frozenset[int] = frozenset()

    def next(self) -> int:
        """Another port."""
        port = free_port(taken=self._taken)
        self._taken |= {port}
        return port


@contextmanager
def _running(
    folder: Path, name: str, command: list[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the body runs; its output goes to a file that a failure shows."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
        assert process.poll() is None, f"{name} ended by itself with {process.returncode}:\n{_tail(log)}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-3000:]


def _tails(folder: Path) -> str:
    return f"worker:\n{_tail(folder / 'worker.log')}\napi:\n{_tail(folder / 'api.log')}"


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in KEPT and not name.startswith(OURS)}


def _program(name: str) -> list[str]:
    return [sys.executable, str(PROJECT / "cli.py"), name]


@contextmanager
def _twins(folder: Path, ports: Ports) -> Iterator[dict[str, str]]:
    """The vendors' servers; their addresses by system."""
    chosen = {name: ports.next() for name in ("quickbooks", "salesforce", "erp")}
    flags = [part for name, port in chosen.items() for part in (f"--{name}-port", str(port))]
    command = [sys.executable, "-m", "twins", "--data", str(folder / "vendors"), *flags]
    urls = {name: f"http://127.0.0.1:{port}" for name, port in chosen.items()}
    with _running(folder, "vendors", command, {**_plain_environment(), "PYTHONPATH": str(PROJECT)}):
        what = "the vendors' servers answer"
        wait_until(what, lambda: [http_answers(f"{url}/__twin__/health") for url in urls.values()], all)
        yield urls


@contextmanager
def _temporal(folder: Path, ports: Ports) -> Iterator[str]:
    """A Temporal server as an operator of it sets one up: with a namespace, and nothing in it; its address."""
    server = TemporalServer(folder / "temporal", ports.next(), ui_port=None, namespace=NAMESPACE)
    server.prepare()
    with _running(folder, "temporal", server.command(), server.environment()):
        wait_until("Temporal answers", lambda: temporal_answers(server.address, NAMESPACE))
        yield server.address


def _environment(
    folder: Path, database_url: str, temporal: str, vendors: Mapping[str, str], port: int
) -> dict[str, str]:
    """Everything that the product is told."""
    books, org = vendors["quickbooks"], vendors["salesforce"]
    return _plain_environment() | {
        "THREEWAY_DATABASE_URL": database_url,
        "THREEWAY_DATA_DIR": str(folder / "product"),
        "THREEWAY_CONFIG_DIR": str(PROJECT / "config"),
        "THREEWAY_PORT": str(port),
        "THREEWAY_ADMIN_KEY": ADMIN_KEY,
        "THREEWAY_SECRET_KEY": Fernet.generate_key().decode(),
        "THREEWAY_QUICKBOOKS_API_URL": f"{books}/v3",
        "THREEWAY_QUICKBOOKS_DISCOVERY_URL": f"{books}/.well-known/openid_configuration",
        "THREEWAY_QUICKBOOKS_CLIENT_ID": "twin-client",
        "THREEWAY_QUICKBOOKS_CLIENT_SECRET": "twin-secret",
        "THREEWAY_QUICKBOOKS_REFRESH_TOKEN": "twin-refresh-token",
        "THREEWAY_QUICKBOOKS_REALM_ID": "9130357849016486",
        "THREEWAY_SALESFORCE_URL": org,
        "THREEWAY_SALESFORCE_CLIENT_ID": "twin-consumer",
        "THREEWAY_SALESFORCE_CLIENT_SECRET": "twin-consumer-secret",
        "THREEWAY_ERP_INBOX_DIR": str(folder / "from-the-erp"),
        "THREEWAY_ERP_OUTBOX_DIR": str(folder / "to-the-erp"),
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": NAMESPACE,
    }


@pytest.fixture(scope="module")
def configured(postgres_url: str) -> Iterator[tuple[Gateway, Path]]:
    """A worker and an API that were started by hand, and the folder that the ERP shares with them."""
    ports = Ports()
    with own_folder("e2e") as folder, created(postgres_url) as database_url, ExitStack() as running:
        vendors = running.enter_context(_twins(folder, ports))
        temporal = running.enter_context(_temporal(folder, ports))
        environment = _environment(folder, database_url, temporal, vendors, ports.next())
        migrated = subprocess.run(
            _program("migrate"), env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert migrated.returncode == 0, migrated.stderr
        product = [
            running.enter_context(_running(folder, name, _program(name), environment)) for name in ("worker", "api")
        ]
        url = f"http://127.0.0.1:{environment['THREEWAY_PORT']}"
        wait_until(
            "the product is ready, or a part of it has ended",
            lambda: http_answers(f"{url}/readyz") or any(process.poll() is not None for process in product),
            seconds=90,
            explain=lambda: _tails(folder),
        )
        with Gateway(url, ADMIN_KEY, dict(vendors)) as gateway:
            yield gateway, folder


@pytest.mark.proof
def test_the_main_job_runs_on_nothing_but_the_environment(configured: tuple[Gateway, Path]) -> None:
    gateway, folder = configured
    world = gateway.erp.make_world(seed=11, customers=8, items=20, orders=30, sequence=501)
    gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
    posted, dropped = _export(gateway.erp, 13), _export(gateway.erp, 4)
    gateway.hand_in(*posted)
    (folder / "from-the-erp" / dropped[0]).write_bytes(dropped[1])
    for filename, _ in (posted, dropped):
        truth = gateway.erp.truth(filename)
        expected = {one["shipment_no"] for one in truth["expected_invoices"]}
        wait_until(
            f"{filename} is billed",
            lambda expected=expected: expected - _invoiced(gateway),  # type: ignore[misc]
            lambda missing: not missing,
            explain=lambda: _tails(folder),
        )
        assert_ledger_equals(gateway.quickbooks.ledger(), truth, world)
    assert not (folder / "product" / "stack.json").exists()
    assert http_answers(f"{gateway.url}/livez")


@pytest.mark.proof
def test_salesforce_is_told_too(configured: tuple[Gateway, Path]) -> None:
    gateway, _ = configured
    billed = {one["doc_number"] for one in gateway.quickbooks.ledger()}
    assert billed
    wait_until(
        "Salesforce shows every invoice",
        lambda: billed - {one["Doc_Number__c"] for one in gateway.salesforce.records("Invoice__c")},
        lambda missing: not missing,
    )


@pytest.mark.proof
def test_no_secret_is_in_the_logs(configured: tuple[Gateway, Path]) -> None:
    _, folder = configured
    logged = "".join((folder / f"{name}.log").read_text("utf-8", "replace") for name in ("worker", "api"))
    assert logged
    for secret in (ADMIN_KEY, "twin-secret", "twin-consumer-secret", "twin-refresh-token"):
        assert secret not in logged


def _export(erp: ErpTwin, shipments: int) -> tuple[str, bytes]:
    return erp.export("SHPCNF", shipments=shipments)


def _invoiced(gateway: Gateway) -> set[str]:
    return {one["number"] for one in gateway.items("/shipments", state="invoiced")}
