"""The signed call of the Apex class is one that the gateway takes. The class itself runs in an org only."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

import pytest
from pydantic import SecretStr

from adapters.salesforce.hooks import HINTS, OBJECTS, check_signature, hints_of_json
from api.routes.hooks import router
from tests.salesforce_package.metadata import PACKAGE, SIGNED_CALL, Component, of_kind, text

CLASSES = PACKAGE / SIGNED_CALL / "main" / "default" / "classes"
SOURCE = (CLASSES / "ThreewayHook.cls").read_text()
TESTS = (CLASSES / "ThreewayHookTest.cls").read_text()
ORG, ORDER, ITEM = "00D000000000001EAA", "801000000000001AAA", "802000000000001AAA"


def test_the_signature_that_its_own_test_expects_is_right() -> None:
    found = re.search(r"expected = '([0-9a-f]{64})'", TESTS)
    inputs = re.search(r"signature\('(.+?)', '(.+?)'\)", TESTS)
    assert found
    assert inputs
    body, secret = inputs.groups()
    assert found[1] == hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    check_signature(body.encode(), found[1], SecretStr(secret))


def test_the_body_that_it_builds_is_one_that_the_gateway_reads() -> None:
    keys = re.findall(r"'(\w+)' =>", SOURCE)
    assert keys == ["orgId", "object", "ids", "event", "occurredAt"]
    body = dict.fromkeys(keys, "") | {"orgId": ORG, "object": "Order", "ids": [ORDER, ORDER]}
    (hint,) = hints_of_json(json.dumps(body).encode(), ORG)
    assert (hint.sobject, hint.record_id) == ("Order", ORDER)


@pytest.mark.parametrize("flow", of_kind("Flow", SIGNED_CALL).values(), ids=lambda flow: flow.name)
def test_a_flow_names_the_object_that_the_gateway_reads_again(flow: Component) -> None:
    given = {text(one, "name"): text(one, "value", "stringValue") for one in flow.all("actionCalls", "inputParameters")}
    assert set(given) == {"recordId", "sobjectName"}
    assert given["sobjectName"] == flow.text("start", "object")
    assert given["sobjectName"] in OBJECTS
    assert all(f"public {kind} {name};" in SOURCE for kind, name in (("String", "sobjectName"), ("Id", "recordId")))


def test_one_call_names_no_more_records_than_the_gateway_takes() -> None:
    """A flow hands over the records of one batch, 200 at most."""
    assert HINTS >= 200


def test_it_calls_the_route_of_the_gateway_with_the_header_that_is_checked() -> None:
    paths = {getattr(route, "path", "") for route in router.routes}
    found = re.search(r"'callout:(\w+)(/[\w/]+)'", SOURCE)
    assert found
    assert found[1] in of_kind("NamedCredential", SIGNED_CALL)
    assert found[2] in paths
    assert "request.setHeader('X-Threeway-Signature', signature(body, secret));" in SOURCE


def test_the_credential_and_the_right_to_use_it_name_each_other() -> None:
    (named,) = of_kind("NamedCredential", SIGNED_CALL).values()
    (external,) = of_kind("ExternalCredential", SIGNED_CALL).values()
    (rights,) = of_kind("PermissionSet", SIGNED_CALL).values()
    assert named.texts("namedCredentialParameters", "externalCredential") == [external.name]
    principals = [
        text(one, "parameterName")
        for one in external.all("externalCredentialParameters")
        if text(one, "parameterType") == "NamedPrincipal"
    ]
    granted = rights.texts("externalCredentialPrincipalAccesses", "externalCredentialPrincipal")
    assert granted == [f"{external.name}-{principal}" for principal in principals]


def test_the_message_address_of_the_package_is_a_route_of_the_gateway() -> None:
    paths = {getattr(route, "path", "") for route in router.routes}
    addresses = {
        address
        for workflow in of_kind("Workflow").values()
        for address in workflow.texts("outboundMessages", "endpointUrl")
    }
    (address,) = addresses
    assert address.removeprefix("https://gateway.example.com").replace("HOOK-SECRET", "{secret}") in paths
