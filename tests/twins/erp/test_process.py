"""`python -m twins`: three twins in one process, ready lines, clean end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from twins.__main__ import _listen

SYSTEMS = ("quickbooks", "salesforce", "erp")
PATIENCE = 10  # seconds, on a busy machine; who waits for a connection that nobody closes waits for longer


def free_ports() -> list[int]:
    with closing(socket.socket()) as one, closing(socket.socket()) as two, closing(socket.socket()) as three:
        for listener in (one, two, three):
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in (one, two, three)]


def started(folder: Path, ports: list[int], *more: str) -> subprocess.Popen[str]:
    options = [part for name, port in zip(SYSTEMS, ports, strict=True) for part in (f"--{name}-port", str(port))]
    command = [sys.executable, "-m", "twins", "--data", str(folder), *options, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ready_lines(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return sorted(process.stdout.readline().strip() for _ in SYSTEMS)


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, float, str]:
    """Exit code, seconds and what was still written after the signal."""
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, time.monotonic() - began, out + err


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    ports = free_ports()
    process = started(tmp_path / "data", ports)
    yield process, ports
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_the_three_twins_are_served_and_end_with_the_signal(
    twins: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    process, ports = twins
    expected = [f"{name} ready on http://127.0.0.1:{port}" for name, port in zip(SYSTEMS, ports, strict=True)]
    assert ready_lines(process) == sorted(expected)
    with httpx.Client() as client:
        for port in ports:
            assert client.get(f"http://127.0.0.1:{port}/__twin__/health").json() == {"ok": True}
        code, seconds, rest = ended(process, signal.SIGTERM)  # the client's connections are still open
    assert (code, rest) == (0, "")
    assert seconds < PATIENCE
    assert {f"{name}.db" for name in SYSTEMS} <= {path.name for path in (tmp_path / "data").iterdir()}


def test_an_answer_is_sent_at_once() -> None:
    """What asyncio asks of a socket before it turns the kernel's collecting of small packets off."""
    with closing(_listen("127.0.0.1", 0)) as listener:
        assert (listener.type, listener.proto) == (socket.SOCK_STREAM, socket.IPPROTO_TCP)


def test_a_request_that_hangs_does_not_keep_the_twins_alive(
    twins: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, ports = twins
    ready_lines(process)
    base = f"http://127.0.0.1:{ports[0]}"
    with httpx.Client() as client, ThreadPoolExecutor() as other:
        client.post(f"{base}/__twin__/faults", json={"kind": "hang_before", "seconds": 30})
        hanging = other.submit(httpx.get, f"{base}/v3/company/1/query", timeout=30)
        while not client.get(f"{base}/__twin__/journal").json()["requests"]:
            time.sleep(0.01)
        code, seconds, rest = ended(process, signal.SIGINT)
        assert isinstance(hanging.exception(), httpx.TransportError)  # no answer, not a made-up one
    assert (code, rest) == (0, "")
    assert seconds < PATIENCE


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        ports = [*free_ports()[:2], taken.getsockname()[1]]
        process = started(tmp_path, ports)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "in use" in err
    assert "Traceback" not in err
