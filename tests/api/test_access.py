"""Who may do what: every route of the app against every kind of key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.app import assemble
from store import keys
from tests.api.served import Served, assert_problem, new_key

SCOPES = ("viewer", "operator", "admin", "ingest")
READS = frozenset({"viewer", "operator", "admin"})
WORKS = frozenset({"operator", "admin"})
ADMINISTERS = frozenset({"admin"})
HANDS_IN = frozenset({"ingest", "operator", "admin"})
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class Rule(NamedTuple):
    """Who may call a route, and a body that gets beyond the key's check."""

    scopes: frozenset[str]
    json: object = None


def _routes() -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(assemble().routes):
        for method in (route.methods or {"GET"}) - {"HEAD"}:
            yield method, str(route.path)


RULES: dict[tuple[str, str], Rule] = {
    ("POST", "/erp/files"): Rule(HANDS_IN),
    ("GET", "/erp/files"): Rule(READS),
    ("GET", "/erp/files/{file_id}"): Rule(READS),
    ("GET", "/erp/files/{file_id}/rejects"): Rule(READS),
    ("POST", "/erp/files/{file_id}/amendments"): Rule(WORKS, {"lines": [{"line": 1, "text": "T"}], "reason": "a slip"}),
    ("GET", "/erp/order-files"): Rule(READS),
    ("GET", "/erp/order-files/{sequence}"): Rule(READS),
    ("GET", "/shipments"): Rule(READS),
    ("GET", "/shipments/{number:path}"): Rule(READS),
    ("POST", "/shipments/{number:path}/reconsider"): Rule(WORKS, {"reason": "the warranty claim was refused"}),
    ("GET", "/invoices"): Rule(READS),
    ("GET", "/invoices/{invoice_key:path}"): Rule(READS),
    ("GET", "/orders"): Rule(READS),
    ("GET", "/orders/{number:path}"): Rule(READS),
    ("GET", "/orders/{number:path}/story"): Rule(READS),
    ("POST", "/orders/{number:path}/acts"): Rule(WORKS),
    ("POST", "/masters/pull"): Rule(WORKS),
    ("GET", "/masters/{kind}/{key:path}"): Rule(READS),
    ("POST", "/orders/pull"): Rule(WORKS),
    ("GET", "/customers"): Rule(READS),
    ("GET", "/customers/{number:path}"): Rule(READS),
    ("GET", "/items"): Rule(READS),
    ("GET", "/items/{sku:path}"): Rule(READS),
    ("GET", "/stock"): Rule(READS),
    ("GET", "/stock/feeds"): Rule(READS),
    ("GET", "/stock/exports"): Rule(READS),
    ("GET", "/stock/{sku:path}/history"): Rule(READS),
    ("GET", "/stock/{sku:path}"): Rule(READS),
    ("GET", "/reservations"): Rule(READS),
    ("GET", "/reservations/{reference:path}"): Rule(READS),
    ("POST", "/reservations"): Rule(
        WORKS, {"reference": "Q-1", "lines": [{"line_no": 1, "sku": "BOLT", "quantity": "1"}]}
    ),
    ("POST", "/reservations/{reference:path}/release"): Rule(WORKS),
    ("POST", "/reservations/{reference:path}/convert"): Rule(WORKS, {"order_number": "SO1"}),
    ("GET", "/exceptions"): Rule(READS),
    ("GET", "/exceptions/{exception_id}"): Rule(READS),
    ("POST", "/exceptions/{exception_id}/withdraw"): Rule(WORKS, {"reason": "a slip"}),
    ("POST", "/exceptions/{exception_id}/resolve"): Rule(WORKS, {"choice": "retry", "reason": "it works again"}),
    ("GET", "/alerts"): Rule(READS),
    ("GET", "/alerts/channels"): Rule(READS),
    ("POST", "/alerts/test"): Rule(ADMINISTERS, {"channel": "nowhere"}),
    ("POST", "/reconciliations"): Rule(WORKS, {}),
    ("GET", "/reconciliations"): Rule(READS),
    ("GET", "/reconciliations/packs/{month}"): Rule(READS),
    ("GET", "/reconciliations/{run_id}"): Rule(READS),
    ("GET", "/reconciliations/{run_id}/verification"): Rule(READS),
    ("GET", "/links"): Rule(READS),
    ("POST", "/links/match"): Rule(WORKS, {}),
    ("POST", "/links/confirm"): Rule(
        WORKS, {"kind": "item", "system": "quickbooks", "local_key": "BOLT", "external_id": "7"}
    ),
    ("POST", "/links/import"): Rule(WORKS, []),
    ("POST", "/links/retire"): Rule(
        WORKS,
        {"kind": "item", "system": "quickbooks", "local_key": "X", "external_id": "1", "reason": "it was a slip"},
    ),
    ("POST", "/exceptions/{exception_id}/assign"): Rule(WORKS, {"assignee": "ana"}),
    ("POST", "/exceptions/{exception_id}/snooze"): Rule(WORKS, {"until": None, "reason": "it is back"}),
    ("POST", "/exceptions/{exception_id}/notes"): Rule(WORKS, {"text": "rang, no answer"}),
    ("POST", "/exceptions/resolve-many"): Rule(
        WORKS, {"record_key": "none", "choice": "retry", "reason": "it works again"}
    ),
    ("GET", "/trace/{trace_key:path}"): Rule(READS),
    ("GET", "/invoices/{invoice_key:path}/lines/{line_no}/lineage"): Rule(READS),
    ("GET", "/provenance/{noun}/{record_key:path}"): Rule(READS),
    ("GET", "/provenance/{noun}/{record_key:path}/history"): Rule(READS),
    ("GET", "/audit"): Rule(READS),
    ("GET", "/audit/export"): Rule(ADMINISTERS),
    ("GET", "/audit/verify"): Rule(READS),
    ("GET", "/decisions/verify"): Rule(READS),
    ("POST", "/policies/what-if"): Rule(WORKS, {"kind": "ownership", "text": ""}),
    ("POST", "/policies"): Rule(WORKS, {"kind": "ownership", "text": "no rules at all", "reason": "to see who may"}),
    ("GET", "/policies"): Rule(READS),
    ("GET", "/policies/uses"): Rule(READS),
    ("GET", "/policies/{proposal_id}"): Rule(READS),
    ("POST", "/policies/{proposal_id}/approve"): Rule(ADMINISTERS, {"reason": "it was agreed"}),
    ("POST", "/policies/{proposal_id}/reject"): Rule(ADMINISTERS, {"reason": "it was not agreed"}),
    ("POST", "/policies/{proposal_id}/withdraw"): Rule(WORKS, {"reason": "it was a slip"}),
    ("GET", "/workflows/{workflow_id:path}"): Rule(READS),
    ("POST", "/codec/decode"): Rule(READS, {"payloads": []}),
    ("GET", "/connections"): Rule(READS),
    ("GET", "/hooks"): Rule(READS),
    ("GET", "/layouts"): Rule(READS),
    ("POST", "/layouts/check"): Rule(WORKS),
    ("POST", "/layouts/preview"): Rule(WORKS),
    ("GET", "/keys"): Rule(ADMINISTERS),
    ("POST", "/keys"): Rule(ADMINISTERS, {"name": "made by a test", "scopes": ["viewer"]}),
    ("DELETE", "/keys/{key_id}"): Rule(ADMINISTERS),
    ("GET", "/metrics"): Rule(READS),
    ("GET", "/overview"): Rule(READS),
    ("GET", "/feed"): Rule(READS),
    ("GET", "/latency"): Rule(READS),
    ("GET", "/search"): Rule(READS),
    ("GET", "/connections/usage"): Rule(READS),
    ("GET", "/exceptions/{exception_id}/sides"): Rule(READS),
    ("GET", "/erp/files/{file_id}/lines"): Rule(READS),
    ("GET", "/people"): Rule(ADMINISTERS),
    ("POST", "/people"): Rule(ADMINISTERS, {"name": "mira", "password": "short words of a test"}),
    ("POST", "/people/{name}/password"): Rule(ADMINISTERS, {}),
    ("POST", "/people/{name}/disable"): Rule(ADMINISTERS),
}
OPEN = {
    ("GET", "/livez"): "probes have no key, and it tells no business fact",
    ("GET", "/readyz"): "the same",
    ("GET", "/sign-in"): "is how people sign in",
    ("GET", "/sign-in/provider"): "is how people sign in",
    ("GET", "/sign-in/oidc"): "is how people sign in",
    ("GET", "/assets/{digest}/{name}"): "styles and scripts are the same for everybody",
    ("GET", "/docs"): "shows the description",
    ("GET", "/docs/start.js"): "belongs to that page",
    ("GET", "/docs/assets"): "belongs to that page",
    ("GET", "/redoc"): "shows the description",
    ("GET", "/openapi.json"): "the description holds no fact of the business",
}
# Pages want a person who is signed in, and no key opens them: tests/api/test_dashboard.py asks each of them.
PAGES = {route for route in _routes() if route[1] == "/" or route[1].startswith(("/ui/", "/sign-"))} - OPEN.keys()
SIGNED = {
    ("POST", "/hooks/quickbooks"): "QuickBooks signs its body with the verifier token",
    ("POST", "/hooks/salesforce"): "a flow signs its body with the hook secret",
    ("POST", "/hooks/salesforce/outbound-message/{secret}"): "an outbound message has a secret address, and no headers",
}


def _address(path: str) -> str:
    for name in ("file_id", "exception_id", "key_id", "proposal_id"):
        path = path.replace("{" + name + "}", UNKNOWN_ID)
    for name in ("number", "invoice_key", "reference", "sku", "trace_key", "workflow_id", "record_key"):
        path = path.replace("{" + name + ":path}", "unknown")
    path = path.replace("{digest}", "none").replace("{name}", "nobody")
    path = path.replace("{sequence}", "9").replace("{line_no}", "1").replace("{noun}", "items")
    path = path.replace("{month}", "2026-11").replace("{run_id}", "unknown")
    path = path.replace("{secret}", "none-of-ours").replace("{kind}/{key:path}", "item/BOLT")
    assert "{" not in path
    return path


async def _status(served: Served, route: tuple[str, str], key: str | None) -> tuple[int, str]:
    headers = httpx.Headers({"X-API-Key": key or ""}, encoding="utf-8")
    body = RULES[route].json if route in RULES else None
    answer = await served.client.request(route[0], _address(route[1]), headers=headers, json=body)
    code = answer.json().get("code", "") if "problem" in answer.headers.get("content-type", "") else ""
    return answer.status_code, code


def _dead(served: Served) -> list[str]:
    """Of each scope a key that is over its time, and one that was revoked; made at the first call."""
    if "dead 0" not in served.keys:
        with served.write() as session:
            over = [new_key(session, scope, expires_at=datetime.now(UTC) - timedelta(seconds=1)) for scope in SCOPES]
            revoked = [keys.create(session, f"revoked {scope}", [scope]) for scope in SCOPES]
            for made, _ in revoked:
                keys.revoke(session, made.id)
        dead = [*over, *(plain.get_secret_value() for _, plain in revoked)]
        served.keys.update({f"dead {number}": key for number, key in enumerate(dead)})
    return [key for name, key in served.keys.items() if name.startswith("dead")]


def test_every_route_has_a_rule() -> None:
    assert set(_routes()) == RULES.keys() | OPEN.keys() | SIGNED.keys() | PAGES


@pytest.mark.parametrize("route", sorted(RULES), ids=" ".join)
async def test_a_route_wants_a_key_that_is_good(filled: Served, route: tuple[str, str]) -> None:
    assert await _status(filled, route, None) == (401, "key_missing")
    for bad in ("tw_unknown", "clé", *_dead(filled)):
        assert await _status(filled, route, bad) == (401, "key_refused")


@pytest.mark.parametrize("route", sorted(RULES), ids=" ".join)
async def test_a_route_wants_its_scope(filled: Served, route: tuple[str, str]) -> None:
    for scope in SCOPES:
        status, code = await _status(filled, route, filled.key_for(scope))
        if scope in RULES[route].scopes:
            assert status not in {401, 403, 500}, scope
        else:
            assert (status, code) == (403, "scope_missing"), scope


@pytest.mark.parametrize("route", sorted(OPEN), ids=" ".join)
async def test_an_open_route_wants_no_key(filled: Served, route: tuple[str, str]) -> None:
    status, _ = await _status(filled, route, None)
    assert status not in {401, 403, 500}


@pytest.mark.parametrize("route", sorted(SIGNED), ids=" ".join)
async def test_a_signed_route_takes_no_key_for_a_signature(filled: Served, route: tuple[str, str]) -> None:
    for key in (None, filled.key_for("admin")):
        assert await _status(filled, route, key) == (401, "signature_refused")


@pytest.mark.parametrize("route", sorted(OPEN | SIGNED), ids=" ".join)
async def test_a_dead_key_opens_nothing_and_closes_nothing(filled: Served, route: tuple[str, str]) -> None:
    """Where no key is asked for, a bad one makes no difference."""
    without = await _status(filled, route, None)
    assert [await _status(filled, route, key) for key in _dead(filled)[:2]] == [without] * 2


async def test_several_scopes_are_those_of_each(filled: Served) -> None:
    with filled.write() as session:
        _, plain = keys.create(session, "both", ["viewer", "ingest"])
    key = plain.get_secret_value()
    assert (await _status(filled, ("GET", "/orders"), key))[0] == 200
    assert (await _status(filled, ("POST", "/erp/files"), key))[0] == 422
    assert await _status(filled, ("POST", "/orders/pull"), key) == (403, "scope_missing")


async def test_a_key_is_dead_with_the_next_request(filled: Served) -> None:
    with filled.write() as session:
        made, plain = keys.create(session, "short-lived", ["viewer"])
    key = plain.get_secret_value()
    assert (await _status(filled, ("GET", "/orders"), key))[0] == 200
    assert (await filled.client.delete(f"/keys/{made.id}")).status_code == 204
    assert await _status(filled, ("GET", "/orders"), key) == (401, "key_refused")


async def test_a_missing_key_is_explained(filled: Served) -> None:
    answer = await filled.client.get("/orders", headers={"X-API-Key": ""})
    document = assert_problem(answer, 401, "key_missing")
    assert answer.headers["www-authenticate"] == "ApiKey"
    assert "threeway keys create" in document["detail"]


async def test_a_missing_scope_is_named(filled: Served) -> None:
    answer = await filled.client.post("/orders/pull", headers=filled.as_scope("viewer"))
    document = assert_problem(answer, 403, "scope_missing")
    assert "needs the scope operator" in document["detail"]


async def test_the_use_of_a_key_is_noted_once_a_minute(filled: Served) -> None:
    def last_used() -> datetime | None:
        with filled.write() as session:
            (key,) = (one for one in keys.list_all(session) if one.id == made.id)
            return key.last_used_at

    with filled.write() as session:
        made, plain = keys.create(session, "seldom", ["viewer"])
    assert last_used() is None
    headers = {"X-API-Key": plain.get_secret_value()}
    await filled.client.get("/orders", headers=headers)
    first = last_used()
    await filled.client.get("/orders", headers=headers)
    assert first is not None
    assert last_used() == first
