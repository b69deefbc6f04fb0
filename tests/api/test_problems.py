"""Errors are problem documents (RFC 9457) that say what to do and give nothing away."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from api.app import assemble
from api.envelope import BODY_BYTES, HEADER_BYTES
from api.problems import status_of
from domain import errors
from domain.errors import GatewayError, Misconfigured, NeedsHuman, RateLimited, Rejected, Unavailable
from tests.api.served import ADMIN_KEY, Served, assert_problem

SECRET = "postgresql://someone:hunter2@db/threeway"
RAISED: dict[str, Exception] = {
    "bug": RuntimeError(f"cannot reach {SECRET}"),
    "misconfigured": Misconfigured("A setting is wrong."),
    "human": NeedsHuman(),
    "busy": RateLimited("Slow down.", retry_after=timedelta(seconds=0.2)),
    "away": Unavailable("The database cannot be reached.", reason="connection"),
    "no": Rejected("The vendor said no.", reason="6240"),
}


@pytest.fixture(scope="module")
async def failing() -> AsyncIterator[httpx.AsyncClient]:
    """An app without services, with routes that fail in every way."""
    app: FastAPI = assemble()

    @app.get("/fails/{how}")
    async def fail(how: str) -> None:
        raise RAISED[how]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://threeway.test") as client:
        yield client


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("misconfigured", 500, "misconfigured"),
        ("human", 409, "needs_human"),
        ("no", 422, "rejected"),
        ("busy", 503, "rate_limited"),
        ("away", 503, "unavailable"),
    ],
)
async def test_the_error_tree_has_statuses(failing: httpx.AsyncClient, how: str, status: int, code: str) -> None:
    answer = await failing.get(f"/fails/{how}")
    assert_problem(answer, status, code)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_pause_of_a_fraction_is_a_whole_second(failing: httpx.AsyncClient) -> None:
    assert (await failing.get("/fails/busy")).headers["retry-after"] == "1"
    assert (await failing.get("/fails/away")).headers["retry-after"] == "5"


async def test_the_reason_of_the_vendor_is_told(failing: httpx.AsyncClient) -> None:
    assert (await failing.get("/fails/no")).json()["reason"] == "6240"


async def test_a_defect_gives_nothing_away_and_is_logged_once(failing: httpx.AsyncClient) -> None:
    with capture_logs() as logged:
        answer = await failing.get("/fails/bug")
    document = assert_problem(answer, 500, "internal_error")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert [(one["event"], one["log_level"], one["path"]) for one in logged] == [
        ("a request failed unexpectedly", "error", "/fails/bug")
    ]
    assert document["trace_id"]


@pytest.mark.parametrize(
    "error", sorted({type(one) for one in RAISED.values() if isinstance(one, GatewayError)}, key=str)
)
def test_every_error_is_told_apart_from_success(error: type[GatewayError]) -> None:
    assert status_of(error()) >= HTTPStatus.BAD_REQUEST


def test_no_error_of_the_tree_is_without_a_status() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, GatewayError)]
    unexpected = {one.code for one in kinds if status_of(one()) is HTTPStatus.INTERNAL_SERVER_ERROR}
    assert unexpected == {"gateway_error", "permanent", "misconfigured"}


async def test_an_unknown_address(filled: Served) -> None:
    assert_problem(await filled.client.get("/nothing/here"), 404, "not_found")


async def test_a_method_that_an_address_does_not_take(filled: Served) -> None:
    answer = await filled.client.delete("/orders")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_no_address_is_redirected(filled: Served) -> None:
    """A redirect behind a proxy would send the key to another scheme or host."""
    assert_problem(await filled.client.get("/orders/pull/"), 404, "missing")
    assert_problem(await filled.client.get("/layouts/"), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/orders?limit=0", "query.limit"),
        ("/orders?limit=501", "query.limit"),
        ("/orders?limit=some", "query.limit"),
        ("/shipments?state=lost", "query.state"),
        ("/shipments?file_id=7", "query.file_id"),
        ("/exceptions?kind=odd", "query.kind"),
        ("/erp/files/not-an-id", "path.file_id"),
        ("/customers?as_of=2026-11-20T12:00:00", "query.as_of"),
    ],
)
async def test_a_wrong_parameter_is_named(filled: Served, path: str, where: str) -> None:
    document = assert_problem(await filled.client.get(path), 422, "invalid_request")
    assert [one["where"] for one in document["errors"]] == [where]
    assert document["detail"].startswith(f"{where}: ")


async def test_every_wrong_field_of_a_body_is_named(filled: Served) -> None:
    answer = await filled.client.post("/keys", json={"name": "", "scopes": ["viewer", "owner"]})
    document = assert_problem(answer, 422, "invalid_request")
    assert [one["where"] for one in document["errors"]] == ["body.name", "body.scopes.1"]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'"\\ud800"', b"[1]"])
async def test_a_body_that_is_no_json_of_ours(filled: Served, body: bytes) -> None:
    answer = await filled.client.post("/keys", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIl0", "ewo", "W1tbW1tb", "bnVsbA", "é", "A" * 500])
@pytest.mark.parametrize("path", ["/orders", "/shipments", "/exceptions", "/links", "/erp/files"])
async def test_a_cursor_of_nowhere(filled: Served, path: str, cursor: str) -> None:
    answer = await filled.client.get(path, params={"cursor": cursor})
    if (path, cursor) != ("/orders", "WyJhIl0"):  # a cursor of one text is one of that list
        assert_problem(answer, 422, "malformed")


@pytest.mark.parametrize("path", ["/items/a%00b", "/orders?customer_number=%00", "/trace/%00"])
async def test_no_key_holds_a_nul(filled: Served, path: str) -> None:
    assert (await filled.client.get(path)).status_code == 422


async def test_no_text_of_a_body_holds_a_nul(filled: Served) -> None:
    body = [{"kind": "item", "system": "quickbooks", "local_key": "A\0B", "external_id": "1"}]
    assert_problem(await filled.client.post("/links/import", json=body), 422, "malformed")


async def test_a_body_is_bounded_whether_it_says_its_size_or_not(filled: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES // 65536 + 1):
            yield b" " * 65536

    large = b" " * (BODY_BYTES + 1)
    for content in (large, endless()):
        answer = await filled.client.post("/keys", content=content, headers={"Content-Type": "application/json"})
        assert_problem(answer, 413, "too_large")


async def test_headers_are_bounded(filled: Served) -> None:
    answer = await filled.client.get("/orders", headers={"X-Filename": "x" * HEADER_BYTES})
    assert_problem(answer, 431, "headers_too_large")
    assert (await filled.client.get("/orders", headers={"X-Filename": "x" * 8000})).status_code == 200


async def test_answers_are_neither_kept_nor_framed_nor_guessed_at(filled: Served) -> None:
    headers = (await filled.client.get("/orders")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_a_trace_of_the_caller_goes_on(filled: Served) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    answer = await filled.client.get("/orders/none", headers=given)
    assert answer.headers["x-trace-id"] == answer.json()["trace_id"] == trace_id
    odd = await filled.client.get("/orders/none", headers={"traceparent": "<script>"})
    assert odd.headers["x-trace-id"].isalnum()


async def test_secrets_in_addresses_are_not_repeated(filled: Served) -> None:
    answer = await filled.client.get("/hooks/salesforce/outbound-message/hush-hush/none?access_token=hush-hush")
    assert answer.status_code == 404
    assert "hush-hush" not in answer.text


async def test_a_key_is_neither_logged_nor_answered(
    served: Served, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await served.client.post("/keys", json={"name": "bot", "scopes": ["viewer"]})
    secret = made.json()["key"]
    answers = [await served.client.get("/orders", headers={"X-API-Key": secret})]
    answers += [
        await served.client.get(path, headers={"X-API-Key": secret}) for path in ("/keys", "/none", "/orders?limit=0")
    ]
    answers += [await served.client.get("/orders", headers={"X-API-Key": f"{secret}x"})]
    answers += [await served.client.get("/keys"), await served.client.get("/metrics")]
    said = "".join(answer.text + str(answer.headers) for answer in answers)
    logged = caplog.text + "".join(capsys.readouterr())
    assert secret not in said + logged
    assert ADMIN_KEY not in said + logged


async def test_no_connection_is_left_open(served: Served) -> None:
    """Whatever a request comes to, its session goes back to the pool."""
    for path in (
        "/orders",
        "/orders/none",
        "/orders?limit=0",
        "/shipments?cursor=x",
        "/metrics",
        "/readyz",
        "/trace/none",
    ):
        await served.client.get(path)
    await served.client.get("/orders", headers={"X-API-Key": "tw_unknown"})
    await served.client.post("/erp/files", content=b"who knows")
    await served.client.post("/keys", json={})
    assert served.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
