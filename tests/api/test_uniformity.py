"""All routes are alike: paging, started work, names of requests, declared errors and bounds."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from api.__main__ import described
from api.envelope import BODY_BYTES
from api.limits import EXEMPT
from tests.api.hints import post_message
from tests.api.served import ADMIN_KEY, Served, assert_problem

DOCUMENT: dict[str, Any] = json.loads(described())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
LISTS = {
    name: schema
    for name, operation in OPERATIONS.items()
    if (schema := json.dumps(operation["responses"].get("200", {}))).find("/Listing_") >= 0
}
# Short by nature: all of them are one page.
WHOLE = {
    "get /connections": "one row a system",
    "get /keys": "made by hand, one by one",
    "get /layouts": "one a file of the configuration",
    "get /policies/uses": "one a set of rules that a worker took",
    "get /stock/feeds": "one a warehouse",
    "get /alerts/channels": "one a channel of the configuration",
    "get /connections/usage": "one row a system",
    "get /people": "made by hand, one by one",
    "get /search": "the best few; whoever wants more says more",
    "get /erp/files/{file_id}/lines": "lines have numbers: `first` is the place",
}
# What is no page of `items` and yet goes on: it says `next` (or `end`), and takes it as this parameter.
PARTS = {
    "get /audit/verify": "after",
    "get /decisions/verify": "after",
    "get /reconciliations/{run_id}": "cursor",
}
# How often a POST may come: what makes it one thing, beside an `Idempotency-Key`.
KEYED = {
    "post /erp/files": "the content of the file",
    "post /erp/files/{file_id}/amendments": "the content of the copy",
    "post /reservations": "the reference of the quote",
    "post /reservations/{reference}/release": "a reservation ends once",
    "post /reservations/{reference}/convert": "a reservation ends once",
    "post /exceptions/{exception_id}/resolve": "an exception is decided once",
    "post /exceptions/resolve-many": "the number that the dry run matched",
    "post /links/match": "the run that is under way",
    "post /links/confirm": "the pair",
    "post /links/import": "the pairs",
    "post /links/retire": "the pair",
    "post /orders/pull": "the run that is under way",
    "post /masters/pull": "the run that is under way",
    "post /policies": "the text of the rules and who proposes them",
    "post /policies/{proposal_id}/approve": "a proposal is decided once",
    "post /policies/{proposal_id}/reject": "a proposal is decided once",
    "post /policies/{proposal_id}/withdraw": "a proposal is decided once",
    "post /policies/what-if": "keeps nothing",
    "post /alerts/test": "says that nothing is wrong, as often as it is asked",
    "post /codec/decode": "keeps nothing",
    "post /people": "the name",
    "post /people/{name}/disable": "a person is disabled once",
    "post /people/{name}/password": "the password",
    "post /layouts/check": "keeps nothing",
    "post /layouts/preview": "keeps nothing",
    "post /hooks/quickbooks": "the id of each event",
    "post /hooks/salesforce": "the body",
    "post /hooks/salesforce/outbound-message/{secret}": "the id of each notification",
}


def parameters(name: str) -> dict[str, dict[str, Any]]:
    return {one["name"].lower(): one for one in OPERATIONS[name].get("parameters", ())}


def test_what_is_listed_above_is_there() -> None:
    assert {*WHOLE, *PARTS, *KEYED} <= OPERATIONS.keys()


@pytest.mark.parametrize("name", sorted(LISTS.keys() - WHOLE.keys()))
def test_a_list_is_paged_by_key(name: str) -> None:
    given = parameters(name)
    assert given["limit"]["schema"]["maximum"] <= 500
    kinds = given["cursor"]["schema"]["anyOf"]
    assert {one.get("format") for one in kinds} == {"cursor", None}
    (shown,) = re.findall(r"#/components/schemas/(Listing_\w+)", LISTS[name])
    assert SCHEMAS[shown]["properties"].keys() == {"items", "next"}


def test_every_list_says_next() -> None:
    answers = {name: json.dumps(operation["responses"].get("200", {})) for name, operation in OPERATIONS.items()}
    bare = [name for name, answer in answers.items() if '"type": "array"' in answer]
    assert bare == []
    for name, parameter in PARTS.items():
        assert parameter in parameters(name)


@pytest.mark.parametrize("name", sorted(name for name, one in OPERATIONS.items() if "202" in one["responses"]))
def test_started_work_says_where_it_can_be_followed(name: str) -> None:
    accepted = OPERATIONS[name]["responses"]["202"]
    if name == "post /hooks/salesforce":  # whoever calls has no key to look with
        assert "Heard" in json.dumps(accepted)
        return
    assert "Location" in accepted["headers"]
    (model,) = re.findall(r"#/components/schemas/(\w+)", json.dumps(accepted["content"]))
    assert "status_url" in SCHEMAS[model]["required"]


@pytest.mark.parametrize("name", sorted(name for name in OPERATIONS if name.startswith("post ")))
def test_a_request_may_come_twice(name: str) -> None:
    """It has a key of its business, or takes one of its sender's."""
    assert ("idempotency-key" in parameters(name)) != (name in KEYED)
    assert name in KEYED or "409" in OPERATIONS[name]["responses"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_error_is_declared(name: str) -> None:
    operation = OPERATIONS[name]
    declared = set(operation["responses"])
    assert {"414", "431"} <= declared
    assert ("429" in declared) == (name.split(" ")[1] not in EXEMPT)
    if "requestBody" in operation:
        assert {"400", "413", "422"} <= declared
    for status in ("429", "503"):
        if status in declared and "Readiness" not in json.dumps(operation["responses"][status]):
            assert "Retry-After" in operation["responses"][status]["headers"]
    assert list(operation["responses"]) == sorted(operation["responses"])


@pytest.mark.parametrize("name", sorted(name for name, one in OPERATIONS.items() if "requestBody" in one))
async def test_every_body_is_bounded(filled: Served, name: str) -> None:
    """What announces too much is refused before it is read, whatever the route."""
    method, path = name.split(" ")
    address = re.sub(r"{[^}]+}", "00000000-0000-4000-8000-000000000000", path)
    announced = 9 << 30 if path in {"/erp/files", "/layouts/preview"} else BODY_BYTES + 1
    headers = {"Content-Length": str(announced), "Content-Type": "application/json", "X-API-Key": ADMIN_KEY}
    answer = await filled.client.request(method, address, headers=headers, content=b"")
    assert_problem(answer, 413, "too_large")


@pytest.mark.parametrize("path", ["/shipments", "/orders/pull", "/keys", "/erp/files", "/shipments/SH1/reconsider"])
async def test_a_wrong_method_is_told_all_right_ones(filled: Served, path: str) -> None:
    template = path.replace("SH1", "{number}")
    answer = await filled.client.request("TRACE", path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"].split(", ") == sorted(one.upper() for one in DOCUMENT["paths"][template])


@pytest.mark.parametrize("value", ["0.5", "1764072000", "yesterday", "2026-11-20", "2026-11-20T12:00:00"])
@pytest.mark.parametrize("path", ["/customers", "/exceptions", "/trace/SH1", "/stock"])
async def test_a_time_is_a_time_with_its_zone(filled: Served, path: str, value: str) -> None:
    assert_problem(await filled.client.get(path, params={"as_of": value}), 422, "invalid_request")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/links/match", {"accept_exact": 0}),
        ("/links/match", {"accept_exact": "yes"}),
        ("/exceptions/resolve-many", {"record_key": "x", "choice": "retry", "reason": "again", "dry_run": "no"}),
        ("/exceptions/resolve-many", {"record_key": "x", "choice": "retry", "reason": "again", "expected": False}),
        ("/keys", {"name": "x", "scopes": ["viewer"], "expires_in_days": "7"}),
    ],
)
async def test_nothing_is_guessed_from_another_type(filled: Served, path: str, body: dict[str, object]) -> None:
    assert_problem(await filled.client.post(path, json=body), 422, "invalid_request")


async def test_a_blank_cursor_is_the_first_page(filled: Served) -> None:
    first = await filled.client.get("/items", params={"limit": 1})
    assert (await filled.client.get("/items", params={"limit": 1, "cursor": ""})).json() == first.json()


async def test_the_secret_of_a_message_is_in_no_answer(filled: Served) -> None:
    answer: httpx.Response = await post_message(filled, b"<x", secret="a-guess-of-somebody")
    assert "a-guess-of-somebody" not in assert_problem(answer, 401, "signature_refused")["instance"]
