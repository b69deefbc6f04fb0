"""Idempotency by requestid: replays, concurrency, batches, faults, and a killed server (S28 to S32)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from .conftest import WORLD, Client, invoice, line, refused

ROOT = Path(__file__).resolve().parents[3]
SERVER = "import sys, uvicorn; from twins.quickbooks.app import create_app; "
SERVER += "uvicorn.run(create_app(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]), log_level='error')"


def test_replay_is_identical_to_the_byte_also_after_an_edit(twin: Client) -> None:
    first = twin.post("invoice?requestid=r1&minorversion=75", invoice(DocNumber="D-1"))
    made = first.json()["Invoice"]
    twin.control("POST", "edit", {"entity": "Invoice", "id": made["Id"], "changes": {"PrivateNote": "edited"}})
    twin.control("PATCH", "clock", {"advance_seconds": 1800})
    again = twin.post("invoice?minorversion=75&requestid=r1", invoice(line(7), DocNumber="D-2"))
    assert again.content == first.content
    assert twin.count() == 1
    assert twin.control("GET", "journal")["requests"][-1]["replayed"] is True


def test_delete_void_and_send_replay_too(twin: Client) -> None:
    made = twin.create(invoice(BillEmail={"Address": "a@example.com"}))
    sent = twin.post(f"invoice/{made['Id']}/send?requestid=s1", "")
    assert twin.post(f"invoice/{made['Id']}/send?requestid=s1", "").content == sent.content
    body = {"Id": made["Id"], "SyncToken": "1"}
    void = twin.post("invoice?operation=void&requestid=v1", body)
    assert twin.post("invoice?operation=void&requestid=v1", body).content == void.content
    body["SyncToken"] = "2"
    gone = twin.post("invoice?operation=delete&requestid=d1", body)
    assert twin.post("invoice?operation=delete&requestid=d1", body).content == gone.content
    assert gone.json()["Invoice"]["status"] == "Deleted"


def test_request_id_has_at_most_fifty_characters(twin: Client) -> None:
    refused(twin.post(f"invoice?requestid={'x' * 51}", invoice()), 2130)
    assert twin.post(f"invoice?requestid={'x' * 50}", invoice()).status_code == 200
    refused(twin.post(f"batch?requestid={'x' * 37}", {"BatchItemRequest": []}), 2130)


def test_concurrent_twins_make_one_invoice(twin: Client) -> None:
    def post(_: int) -> bytes:
        with requests.Session() as session:
            url = f"{twin.base}/v3/company/9130357849016486/invoice?requestid=same"
            headers = {"Authorization": f"Bearer {twin.token}", "Accept": "application/json"}
            return session.post(url, json=invoice(), headers=headers, timeout=10).content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(24)))) == 1
    assert twin.count() == 1


def test_faults_are_not_remembered_unless_the_setting_says_so(twin: Client) -> None:
    refused(twin.post("invoice?requestid=r1", invoice(line(1, item="99"))), 2500)
    assert twin.post("invoice?requestid=r1", invoice()).status_code == 200
    twin.settings(cache_faults=True)
    first = twin.post("invoice?requestid=r2", invoice(line(1, item="99")))
    assert twin.post("invoice?requestid=r2", invoice()).content == first.content
    assert twin.count() == 1


def test_batch_items_replay_one_by_one(twin: Client) -> None:
    def batch(*keys: str) -> list[dict[str, object]]:
        items = [{"bId": key, "operation": "create", "Invoice": invoice(DocNumber=f"D-{key}")} for key in keys]
        return list(twin.post("batch?requestid=b1", {"BatchItemRequest": items}).json()["BatchItemResponse"])

    first = batch("1", "2")
    again = batch("1", "2", "3")
    assert again[:2] == first
    assert twin.count() == 3
    item = {"bId": "x" * 11, "operation": "create", "Invoice": invoice()}
    refused(twin.post("batch?requestid=b2", {"BatchItemRequest": [item]}), 2130)
    assert twin.post("batch", {"BatchItemRequest": [item]}).json()["BatchItemResponse"][0]["bId"] == "x" * 11


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Client, list[subprocess.Popen[bytes]], list[str]]]:
    """A twin in a process of its own, so that it can be killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(tmp_path / "quickbooks.db"), str(port)]
    client = Client(f"http://127.0.0.1:{port}")
    processes = [_start(command, client)]
    yield client, processes, command
    processes[-1].kill()
    processes[-1].wait(10)
    client.session.close()


def _start(command: list[str], client: Client) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    for _ in range(600):
        try:
            client.control("GET", "health")
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise AssertionError("the twin did not start")


def test_killed_twin_keeps_the_invoice_and_its_request_id_together(
    served: tuple[Client, list[subprocess.Popen[bytes]], list[str]],
) -> None:
    client, processes, command = served
    client.control("POST", "seed", WORLD)
    token = client.grant().json()["refresh_token"]
    client.fault("commit_then_hang", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        client.call("POST", "invoice?requestid=k1", invoice(DocNumber="K-1"), timeout=1)
    processes[-1].send_signal(signal.SIGKILL)
    processes[-1].wait(10)
    processes.append(_start(command, client))
    assert client.count() == 1
    assert client.grant(token).ok
    answer = client.post("invoice?requestid=k1", invoice(DocNumber="K-1"))
    assert (answer.status_code, answer.json()["Invoice"]["DocNumber"]) == (200, "K-1")
    assert client.count() == 1
    assert client.control("GET", "journal")["requests"][-1]["replayed"] is True
