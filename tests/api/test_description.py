"""The API's description: complete, committed, and shown by pages that need nobody else."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from api import examples
from api.__main__ import described
from api.app import assemble
from tests.api.served import ROOT, Served

DOCUMENT: dict[str, Any] = json.loads(described())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
VERBS = {
    "amend",
    "approve",
    "ask",
    "assign",
    "change",
    "check",
    "confirm",
    "convert",
    "create",
    "decide",
    "decode",
    "disable",
    "export",
    "import",
    "list",
    "match",
    "note",
    "preview",
    "propose",
    "pull",
    "read",
    "receive",
    "reject",
    "reconsider",
    "release",
    "resolve",
    "retire",
    "revoke",
    "snooze",
    "withdraw",
}
# What people send: a model without an example is a riddle.
SENT = (
    "Act",
    "Assignment",
    "CodedPayloads",
    "Conversion",
    "Decision",
    "ManyWork",
    "Matching",
    "NewAmendment",
    "NewKey",
    "NewLink",
    "NewNote",
    "NewPassword",
    "NewPerson",
    "NewProposal",
    "OldLink",
    "PolicyDecision",
    "Quote",
    "ReconcileRequest",
    "Reconsidering",
    "Snooze",
    "Trial",
    "WhatIfQuestion",
    "Withdrawal",
)
DECIMALS = re.compile(
    r"amount|balance|credit_limit|freight|list_price|money|quantity|score|tax$|total$|unit_price|units_per|weight"
)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


OPERATIONS = dict(operations())


def test_the_committed_description_is_this_one() -> None:
    """`make openapi` writes it; the difference shows what callers will notice."""
    committed = (ROOT / "openapi.json").read_text(encoding="utf-8")
    difference = difflib.unified_diff(committed.splitlines(), described().splitlines(), "committed", "now", lineterm="")
    if lines := list(difference):
        pytest.fail("openapi.json is not what the code says; `make openapi` renews it:\n" + "\n".join(lines))


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_is_named_and_summed_up(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["operationId"].split("_")[0] in VERBS
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
    assert operation["summary"]
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_errors_are_declared_as_problems(name: str) -> None:
    operation = OPERATIONS[name]
    errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    if operation.get("security"):
        assert {"401", "403", "422", "503"} <= errors.keys()
        assert all(answer["content"].keys() == {"application/problem+json"} for answer in errors.values())
    if "{" in name and "rejects" not in name and "{secret}" not in name:
        assert "404" in errors
    assert all(answer["description"] for answer in operation["responses"].values())


def test_the_frameworks_own_error_is_nowhere() -> None:
    assert "HTTPValidationError" not in json.dumps(DOCUMENT)


@pytest.mark.parametrize("name", SENT)
def test_what_people_send_has_examples_that_hold(name: str) -> None:
    from api import quotes
    from api.routes import (
        alerts,
        codec,
        exceptions,
        files,
        keys,
        links,
        orders,
        people,
        policies,
        reconciliations,
        reservations,
        shipments,
    )

    of_records = (exceptions, files, links, orders, policies, quotes, reconciliations, shipments, reservations)
    modules = (alerts, codec, keys, people, *of_records)
    model = next(getattr(module, name) for module in modules if hasattr(module, name))
    examples = SCHEMAS[name]["examples"]
    assert examples
    for example in examples:
        model.model_validate(example)


def test_every_body_has_a_model_with_an_example_or_is_a_file() -> None:
    bodies = {
        name: operation["requestBody"]["content"]
        for name, operation in OPERATIONS.items()
        if "requestBody" in operation
    }
    for name, content in bodies.items():
        if "application/octet-stream" in content:
            continue
        sent = re.findall(r"#/components/schemas/(\w+)", json.dumps(content))
        assert set(sent) <= set(SENT), name


def _answers() -> Iterator[tuple[str, Any]]:
    """Each model that is answered, by the name that its schema has."""
    for context in iter_route_contexts(assemble().routes):
        route = context.route
        if not isinstance(route, APIRoute) or not route.include_in_schema or route.response_model is None:
            continue
        operation = DOCUMENT["paths"][context.path_format][min(route.methods).lower()]
        for status, answer in operation["responses"].items():
            if status < "300" and "application/json" in answer.get("content", {}):
                reference = answer["content"]["application/json"]["schema"]["$ref"]
                yield reference.rpartition("/")[2], route.response_model


ANSWERS = dict(_answers())


def test_every_answer_is_of_a_model() -> None:
    """None is a bare object or array, which could have no example of its own."""
    shown = [
        answer["content"]["application/json"]["schema"]
        for operation in OPERATIONS.values()
        for status, answer in operation["responses"].items()
        if status < "300" and "application/json" in answer.get("content", {})
    ]
    assert {schema.get("$ref", "").rpartition("/")[2] for schema in shown} == ANSWERS.keys()


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_answer_has_an_example_that_is_one(name: str) -> None:
    """What the model makes of its example is that very example, and the description allows it: no field is missing."""
    model = TypeAdapter(ANSWERS[name])
    (example,) = SCHEMAS[name]["examples"]
    assert example.get("items") != []
    assert json.loads(model.dump_json(model.validate_python(example))) == example
    described_as = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    assert [one.message for one in Draft202012Validator(described_as).iter_errors(example)] == []


def test_no_example_is_of_nothing_that_is_answered() -> None:
    listed = {SCHEMAS[name]["properties"]["items"]["items"]["$ref"] for name in ANSWERS if name.startswith("Listing_")}
    answered = ANSWERS.keys() | {reference.rpartition("/")[2] for reference in listed}
    assert examples.names() <= {SCHEMAS[name]["title"] for name in answered}


def _properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in SCHEMAS.items():
        for field, described_as in schema.get("properties", {}).items():
            yield f"{name}.{field}", described_as


def test_decimals_are_text_with_a_pattern() -> None:
    """A money field that is a number would be read as a float by somebody."""
    loose = []
    for name, schema in _properties():
        field = name.split(".")[1]
        kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
        if DECIMALS.search(field) and not all(one.get("type") == "string" and "pattern" in one for one in kinds):
            loose.append(name)
    assert loose == []


def test_only_durations_are_numbers_with_a_fraction() -> None:
    text = {name for name, schema in _properties() if '"number"' in json.dumps(schema)}
    durations = {"ExportView.p50_seconds", "ExportView.p99_seconds", "FeedView.age_seconds"}
    took = {f"{name}.{part}_seconds" for name in ("Quantiles", "LatencyPoint") for part in ("p50", "p95", "p99")}
    assert text == {*durations, *took, "SlowShipment.seconds", "ShipmentView.seconds_to_invoice"}


def test_the_key_is_declared() -> None:
    (scheme,) = DOCUMENT["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_refers_to_this_server_alone(filled: Served, path: str) -> None:
    answer = await filled.client.get(path, headers={"X-API-Key": ""})
    assert answer.headers["content-type"].startswith("text/html")
    assert "//" not in answer.text
    references = re.findall(r'(?:src|href|spec-url)="([^"]+)"', answer.text)
    assert any("favicon" in one for one in references)
    for reference in references:
        found = await filled.client.get(f"/{reference}")
        assert found.status_code == 200, reference


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_runs_no_script_of_its_own(filled: Served, path: str) -> None:
    answer = await filled.client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert re.findall(r"<script(?![^>]*src=)", answer.text) == []
    assert re.findall(r"\son\w+=", answer.text) == []


async def test_no_validator_elsewhere_is_asked(filled: Served) -> None:
    start = (await filled.client.get("/docs/start.js")).text
    assert "validatorUrl: null" in start
    assert "http" not in start


async def test_the_description_is_served_as_it_is_committed(filled: Served) -> None:
    assert (await filled.client.get("/openapi.json")).json() == DOCUMENT


def test_every_read_takes_a_time_or_says_why_it_has_no_past() -> None:
    """G-B5: a new address of a record or a list needs `as_of`, or a line with its reason in the reference."""
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    section = page.split("## Without a past")[1].split("\n## ")[0]
    reasons = dict(re.findall(r"^\| `(/\S*)` \| (.+) \|$", section, flags=re.MULTILINE))
    reads = {name.removeprefix("get "): one for name, one in OPERATIONS.items() if name.startswith("get ")}
    asked = {path: {each["name"] for each in one.get("parameters", ())} for path, one in reads.items()}
    assert {path for path, names in asked.items() if "as_of" not in names} == reasons.keys()
    assert all(len(reason.split()) >= 2 for reason in reasons.values())


def test_the_reference_lists_every_operation() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (`.*?`) \| \w+ \|", page.split("## Operations")[1], flags=re.MULTILINE)
    told: set[str] = set()
    for row in listed:
        method = ""
        for entry in re.findall(r"`([^`]+)`", row):
            *given, path = entry.split()
            method = given[0] if given else method
            told.add(f"{method.lower()} {path}")
    assert told == set(OPERATIONS)
