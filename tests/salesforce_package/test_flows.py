"""The flows look at fields that exist and send messages that exist; the stand-in tells what they tell."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime

import pytest

from adapters.salesforce.hooks import Sender, hints_of_call
from tests.salesforce_package.package import MAIN, SIGNED_CALL, Component, fields, namespaced, of_kind
from twins.salesforce import watch
from twins.salesforce.envelopes import FIELDS
from twins.salesforce.ids import make_id
from twins.salesforce.objects import org_schema

TWIN = org_schema()
FLOWS = [*of_kind("Flow", MAIN), *of_kind("Flow", SIGNED_CALL)]
CALLS = {"Threeway_Order_Call": "Threeway_Order_Changed", "Threeway_Order_Item_Call": "Threeway_Order_Item_Changed"}


def formula(flow: Component) -> str:
    return str(flow.text("start/filterFormula"))


def messages() -> dict[str, tuple[str, ...]]:
    """The fields of every outbound message by its full name."""
    return {
        f"{one.name}.{message.findtext(namespaced('fullName'))}": tuple(
            str(field.text) for field in message.findall(namespaced("fields"))
        )
        for one in of_kind("Workflow")
        for message in one.root.findall(namespaced("outboundMessages"))
    }


def exists(sobject: str, path: str) -> bool:
    """Whether an object has a field, also behind a relationship such as `Order.StatusCode`."""
    found = TWIN.get(sobject)
    *relations, name = path.split(".")
    for relation in relations:
        lookup = found.relationship(relation)
        if lookup is None:
            return False
        found = TWIN.get(lookup.to[0])
    item = found.field_named(name)
    return item is not None and (not item.custom or f"{found.name}.{item.name}" in fields(MAIN))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda one: one.name)
def test_a_flow_looks_at_fields_that_exist(flow: Component) -> None:
    sobject = str(flow.text("start/object"))
    named = re.findall(r"\{!\$Record\.([\w.]+)\}", formula(flow))
    named += [
        value.removeprefix("$Record.") for value in flow.texts("actionCalls/inputParameters/value/elementReference")
    ]
    assert named
    assert [name for name in named if not exists(sobject, name)] == []


@pytest.mark.parametrize("flow", FLOWS, ids=lambda one: one.name)
def test_a_flow_runs_after_saving_and_not_for_the_gateway_itself(flow: Component) -> None:
    assert (flow.text("start/triggerType"), flow.text("start/recordTriggerType")) == (
        "RecordAfterSave",
        "CreateAndUpdate",
    )
    (permission,) = re.findall(r"NOT\(\{!\$Permission\.(\w+)\}\)", formula(flow))
    assert permission in {one.name for one in of_kind("CustomPermission")}
    assert formula(flow).count("(") == formula(flow).count(")")
    assert flow.text("processType") == "AutoLaunchedFlow"


@pytest.mark.parametrize("flow", list(of_kind("Flow", MAIN)), ids=lambda one: one.name)
def test_a_flow_sends_a_message_of_its_object(flow: Component) -> None:
    assert flow.text("status") == "Active"
    assert flow.text("actionCalls/actionType") == "outboundMessage"
    assert flow.text("actionCalls/actionName") in messages()
    assert str(flow.text("actionCalls/actionName")).startswith(f"{flow.text('start/object')}.")
    assert flow.text("start/connector/targetReference") == flow.text("actionCalls/name")


@pytest.mark.parametrize("flow", list(of_kind("Flow", SIGNED_CALL)), ids=lambda one: one.name)
def test_a_signed_call_is_made_after_the_commit_by_a_flow_that_is_not_active(flow: Component) -> None:
    (counterpart,) = (one for one in of_kind("Flow", MAIN) if one.name == CALLS[flow.name])
    assert formula(flow) == formula(counterpart)
    assert flow.text("status") == "Draft", "with both active everything would be told twice"
    assert flow.text("start/connector") is None
    assert flow.text("start/scheduledPaths/pathType") == "AsyncAfterCommit"
    assert flow.text("start/scheduledPaths/connector/targetReference") == flow.text("actionCalls/name")
    apex = (SIGNED_CALL / "classes" / f"{flow.text('actionCalls/actionName')}.cls").read_text()
    given = flow.texts("actionCalls/inputParameters/name")
    assert all(re.search(rf"@InvocableVariable\([^)]*\)\s+public \w+ {name};", apex) for name in given)
    assert flow.text("start/object") in flow.texts("actionCalls/inputParameters/value/stringValue")


def test_messages_carry_fields_that_exist_no_session_and_a_place_for_the_secret() -> None:
    for full, names in messages().items():
        assert [name for name in names if not exists(full.split(".")[0], name)] == []
    for one in of_kind("Workflow"):
        assert one.texts("outboundMessages/includeSessionId") == ["false"]
        assert one.texts("outboundMessages/endpointUrl") == [
            "https://gateway.example.com/hooks/salesforce/outbound-message/HOOK-SECRET"
        ]


def test_the_stand_in_tells_what_the_flows_tell() -> None:
    for flow in of_kind("Flow", MAIN):
        changed = re.findall(r"ISCHANGED\(\{!\$Record\.(\w+)\}\)", formula(flow))
        assert set(watch.WATCHED[str(flow.text("start/object"))]) == set(changed)
        assert "ISNEW()" in formula(flow)
    assert {str(flow.text("start/object")) for flow in of_kind("Flow", MAIN)} == {*watch.WATCHED}


def test_the_stand_in_sends_the_fields_of_the_messages() -> None:
    assert {full.split(".")[0]: set(names) for full, names in messages().items()} == {
        sobject: set(names) for sobject, names in FIELDS.items()
    }


def test_the_test_in_apex_expects_what_the_gateway_expects() -> None:
    """There is no Apex here: at least the signature in its test is the right one."""
    text = (SIGNED_CALL / "classes" / "ThreewayHookTest.cls").read_text()
    (expected,) = re.findall(r"String expected = '([0-9a-f]{64})';", text)
    (body, secret) = re.findall(r"signature\('(\{.*?\})', '(.*?)'\)", text)[0]
    assert hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest() == expected


def test_the_signed_call_goes_where_the_gateway_listens() -> None:
    apex = (SIGNED_CALL / "classes" / "ThreewayHook.cls").read_text()
    (credential,) = of_kind("NamedCredential", SIGNED_CALL)
    assert f"'callout:{credential.name}/hooks/salesforce'" in apex
    assert "'X-Threeway-Signature'" in apex
    named = re.findall(r"'(\w+)' => ", apex)
    assert named == ["orgId", "object", "ids", "event", "occurredAt"]


@pytest.mark.parametrize("flow", list(of_kind("Flow", SIGNED_CALL)), ids=lambda one: one.name)
def test_the_gateway_reads_the_signed_call_of_as_many_records_as_a_flow_hands_over(flow: Component) -> None:
    sobject = str(flow.text("start/object"))
    ids = [make_id(TWIN.get(sobject).prefix, number) for number in range(1, 201)]  # the records of one batch
    now = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    told = {"orgId": "00D000000000001EAA", "object": sobject, "ids": ids, "event": "changed"}
    body = json.dumps({**told, "occurredAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
    hints = hints_of_call(body, Sender(org_id="00D000000000001EAA"), now)
    assert [hint.record_id for hint in hints] == ids
    assert {hint.is_line for hint in hints} == {sobject == "OrderItem"}
