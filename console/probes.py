"""Readiness of the services of a stack, asked from the outside, callable from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
from temporalio.client import Client

from runtime.names import WORKFLOW_QUEUE
from runtime.settings import Settings
from runtime.temporal import answering, polled_by, prepare_namespace

Answer = TypeVar("Answer")


def http_answers(url: str) -> bool:
    """Whether an address answers without an error."""
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def temporal_answers(address: str, namespace: str) -> bool:
    """Whether the Temporal server serves this namespace."""
    return apart(answering(address, namespace))


def prepare_temporal(address: str, namespace: str, settings: Settings) -> None:
    """Retention and search attributes of a server of ours. Idempotent."""

    async def work() -> None:
        await prepare_namespace(await Client.connect(address, namespace=namespace), settings)

    apart(work())


def worker_polls(address: str, namespace: str, pid: int, since: float) -> bool:
    """Whether the worker process that was launched at `since` asks for work."""
    return apart(polled_by(address, namespace, WORKFLOW_QUEUE, pid, since))


def apart(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine on a loop of its own in a thread of its own, as the caller may live on a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
