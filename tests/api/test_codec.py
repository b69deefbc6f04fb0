"""The codec server: who may have Temporal's payloads decrypted, from which pages, and what its own program shows."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from google.protobuf.json_format import MessageToDict
from pydantic import SecretStr
from temporalio.api.common.v1 import Payloads
from temporalio.client import Client

from activities.schedules import SWEEP
from domain.order_work import OrdersWork
from runtime.embedded.temporal_server import binary
from runtime.payloads import PayloadCipher, data_converter
from runtime.settings import Settings
from runtime.temporal import ensure_schedule
from tests.api.served import Served, assert_problem, over_a_socket, serving
from tests.database import cloned

UI = "https://temporal-ui.acme.example"
KEY, OTHER = (Fernet.generate_key().decode() for _ in range(2))
VALUE = {"order_number": "SO700310"}
ENCRYPTING = data_converter(Settings(payload_keys=SecretStr(KEY)))


@pytest.fixture(scope="module")
async def encrypting(
    postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """An app that encrypts, beside a Web UI."""
    with cloned(postgres_url) as url:
        folder, keys = tmp_path_factory.mktemp("codec"), SecretStr(KEY)
        async with serving(url, temporal, folder, payload_keys=keys, temporal_ui_url=UI) as running:
            yield running


async def encoded(value: object) -> dict[str, Any]:
    """What a Web UI would send of this value."""
    payloads = Payloads(payloads=await ENCRYPTING.encode([value]))
    document: dict[str, Any] = MessageToDict(payloads)
    assert "SO700310" not in str(document)
    return document


async def test_what_the_gateway_encrypted_is_decrypted(encrypting: Served) -> None:
    answer = await encrypting.client.post(
        "/codec/decode", json=await encoded(VALUE), headers={"X-Namespace": "billing"}
    )
    assert answer.status_code == 200
    (payload,) = answer.json()["payloads"]
    assert base64.b64decode(payload["metadata"]["encoding"]) == b"json/plain"
    assert base64.b64decode(payload["data"]) == b'{"order_number":"SO700310"}'


async def test_what_is_in_plain_text_comes_back_as_it_is(encrypting: Served) -> None:
    plain = {"payloads": [{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "MQ=="}, {"metadata": {}, "data": ""}]}
    answer = await encrypting.client.post("/codec/decode", json=plain)
    assert answer.json() == plain


async def test_a_key_that_is_lacking_is_named(filled: Served) -> None:
    """An app without keys, asked for what another one encrypted."""
    answer = await filled.client.post("/codec/decode", json=await encoded(VALUE))
    document = assert_problem(answer, 422, "malformed")
    assert document["reason"] == "payload_key"
    assert PayloadCipher(SecretStr(KEY)).key_ids[0] in document["detail"]


@pytest.mark.parametrize("body", [{"payloads": [{"data": "%%"}]}, {"payloads": [{"metadata": {"encoding": "é"}}]}])
async def test_what_is_no_payload_is_refused(encrypting: Served, body: object) -> None:
    document = assert_problem(await encrypting.client.post("/codec/decode", json=body), 422, "malformed")
    assert document["reason"] == "payload"


async def _asked_before(served: Served, origin: str, path: str = "/codec/decode") -> httpx.Response:
    """What a browser asks before it lets a page send the request (its preflight)."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace",
        "X-API-Key": "",
    }
    return await served.client.options(path, headers=headers)


async def test_the_pages_of_the_web_ui_may_ask(encrypting: Served) -> None:
    before = await _asked_before(encrypting, UI)
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, UI)
    answer = await encrypting.client.post("/codec/decode", json=await encoded(VALUE), headers={"Origin": UI})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, UI)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", ["https://evil.example", f"{UI}.evil.example", "http://temporal-ui.acme.example"])
async def test_other_pages_may_not(encrypting: Served, origin: str) -> None:
    before = await _asked_before(encrypting, origin)
    assert "access-control-allow-origin" not in before.headers
    answer = await encrypting.client.post("/codec/decode", json={"payloads": []}, headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_the_web_ui_may_ask_nothing_else(encrypting: Served) -> None:
    before = await _asked_before(encrypting, UI, "/keys")
    assert "access-control-allow-origin" not in before.headers
    answer = await encrypting.client.get("/orders", headers={"Origin": UI})
    assert "access-control-allow-origin" not in answer.headers


async def test_without_a_web_ui_no_page_may_ask(filled: Served) -> None:
    assert "access-control-allow-origin" not in (await _asked_before(filled, UI)).headers


async def test_temporals_own_program_shows_what_it_was_let_read(encrypting: Served, temporal: str) -> None:
    workflow_id = f"orders-pull/{uuid4()}"
    clear = base64.b64encode(b'{"reason":"SO700310"}').decode()  # how the program prints bytes
    client = await Client.connect(temporal, data_converter=ENCRYPTING)
    await client.start_workflow("OrdersPull", OrdersWork(reason="SO700310"), id=workflow_id, task_queue="nobody")
    show = [str(binary()), "workflow", "show", "--address", temporal, "--workflow-id", workflow_id, "--output", "json"]

    async def shown(*options: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run, [*show, *options], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout + done.stderr

    async with over_a_socket(encrypting.app) as port:
        endpoint = ("--codec-endpoint", f"http://127.0.0.1:{port}/codec")
        readable = await shown(*endpoint, "--codec-header", f"X-API-Key={encrypting.key_for('viewer')}")
        assert clear in readable
        assert clear not in await shown(*endpoint)
    assert clear not in await shown()


async def test_an_app_with_other_keys_says_so_and_is_not_ready(
    postgres_url: str, temporal: str, tmp_path: Path
) -> None:
    """Both where a value is read, and to the probe that decides whether it is sent requests at all."""
    client = await Client.connect(temporal, data_converter=ENCRYPTING)
    await ensure_schedule(client, SWEEP, "OrdersPull", OrdersWork(), timedelta(days=365))
    try:
        with cloned(postgres_url) as url:
            async with serving(url, temporal, tmp_path, payload_keys=SecretStr(OTHER)) as served:
                answer = await served.client.get("/readyz")
                assert answer.status_code == 503
                assert PayloadCipher(SecretStr(KEY)).key_ids[0] in answer.json()["checks"]["temporal"]
            async with serving(url, temporal, tmp_path, payload_keys=SecretStr(f"{OTHER},{KEY}")) as served:
                assert (await served.client.get("/readyz")).json()["checks"]["temporal"] == "ok"
    finally:
        await client.get_schedule_handle(SWEEP).delete()
