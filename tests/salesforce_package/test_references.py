"""What refers to something refers to what there is: flows, messages, views, layouts, and lists of what to deploy."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from defusedxml.ElementTree import parse

from adapters.salesforce.hooks import OBJECTS
from tests.salesforce_package.metadata import (
    FORCE_APP,
    NAMESPACE,
    PACKAGE,
    SIGNED_CALL,
    Component,
    components,
    fields,
    of_kind,
    text,
)
from twins.salesforce.objects import CUSTOM, org_schema

FIELDS = fields()
SCHEMA = org_schema()
FLOWS = [*of_kind("Flow").values(), *of_kind("Flow", SIGNED_CALL).values()]
MESSAGES = {
    f"{workflow.name}.{text(one, 'fullName')}": one
    for workflow in of_kind("Workflow").values()
    for one in workflow.all("outboundMessages")
}
# Fields of layouts that every org has and the stand-in does not.
ON_LAYOUTS = {"Name", "ContractId", "BillingAddress", "ShippingAddress", "CreatedById", "LastModifiedById"}
# The names that list views have for standard fields.
IN_VIEWS = {
    "ACCOUNT.NAME",
    "NAME",
    "ORDERS.EFFECTIVE_DATE",
    "ORDERS.ORDER_NUMBER",
    "ORDERS.STATUS",
    "ORDERS.TOTAL_AMOUNT",
    "PRODUCT2.NAME",
    "SALES.ACCOUNT.NAME",
}


def _exists(sobject: str, field: str) -> bool:
    """A custom field of the package, or a standard field of the org."""
    if field.endswith("__c"):
        return f"{sobject}.{field}" in FIELDS
    found = SCHEMA.find(sobject)
    return found is not None and found.field_named(field) is not None


def _in_formula(flow: Component) -> list[tuple[str, str]]:
    """The fields that the condition of a flow names, with their objects; `Order.X` is a field of the parent."""
    sobject = flow.text("start", "object") or ""
    paths = re.findall(r"\{!\$Record\.([\w.]+)\}", flow.text("start", "filterFormula") or "")
    return [tuple(path.split(".")) if "." in path else (sobject, path) for path in paths]  # type: ignore[misc]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_starts_after_a_save_that_was_not_the_gateways(flow: Component) -> None:
    assert flow.text("start", "triggerType") == "RecordAfterSave"
    assert flow.text("start", "recordTriggerType") == "CreateAndUpdate"
    assert flow.text("start", "object") in OBJECTS
    permission = re.findall(r"\$Permission\.(\w+)", flow.text("start", "filterFormula") or "")
    assert permission == list(of_kind("CustomPermission"))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_names_fields_that_there_are_and_none_that_the_gateway_alone_writes(flow: Component) -> None:
    named = _in_formula(flow)
    assert named
    assert [one for one in named if not _exists(*one)] == []
    assert not {name for _, name in named} & {"Gateway_Status__c", "Gateway_Message__c", "Qty_Shipped__c"}
    assert (flow.text("start", "filterFormula") or "").count("(") == (flow.text("start", "filterFormula") or "").count(
        ")"
    )


def test_the_flow_of_orders_watches_status_and_number() -> None:
    watched = {name for _, name in _in_formula(of_kind("Flow")["Threeway_Order_Changed"])}
    assert {"Status", "ERP_Order_Id__c"} <= watched


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_leads_to_its_action(flow: Component) -> None:
    targets = flow.texts("start", "connector", "targetReference")
    targets += flow.texts("start", "scheduledPaths", "connector", "targetReference")
    assert targets == flow.texts("actionCalls", "name")
    reference = flow.text("actionCalls", "inputParameters", "value", "elementReference")
    assert reference == "$Record.Id"


def test_the_flows_of_the_default_way_send_the_messages_at_once() -> None:
    for flow in of_kind("Flow").values():
        action = flow.text("actionCalls", "actionName") or ""
        assert flow.text("actionCalls", "actionType") == "outboundMessage"
        assert flow.text("status") == "Active"
        assert action in MESSAGES
        assert action.partition(".")[0] == flow.text("start", "object")
        assert flow.texts("actionCalls", "inputParameters", "name") == ["SObjectRowId"]
    assert {flow.text("start", "object") for flow in of_kind("Flow").values()} == set(OBJECTS)


def test_the_flows_of_the_other_way_wait_for_somebody_to_choose_them() -> None:
    """A call is allowed after the commit only, and both ways together would say everything twice."""
    for flow in of_kind("Flow", SIGNED_CALL).values():
        assert flow.text("status") == "Draft"
        assert flow.texts("start", "scheduledPaths", "pathType") == ["AsyncAfterCommit"]
        assert flow.text("actionCalls", "actionType") == "apex"
        assert flow.text("actionCalls", "actionName") in of_kind("ApexClass", SIGNED_CALL)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_is_complete_names_fields_that_there_are_and_carries_no_session(name: str) -> None:
    message = MESSAGES[name]
    tags = {child.tag.removeprefix(NAMESPACE) for child in message}
    assert {"apiVersion", "endpointUrl", "fullName", "integrationUser", "name", "protected"} <= tags
    assert text(message, "includeSessionId") == "false"
    assert text(message, "useDeadLetterQueue") == "false"  # Salesforce itself has to switch that on
    named = [child.text or "" for child in message.findall(f"{NAMESPACE}fields")]
    assert named == sorted(named)
    assert "Id" in named
    assert [field for field in named if not _exists(name.partition(".")[0], field)] == []


@pytest.mark.parametrize("view", of_kind("ListView").values(), ids=lambda view: view.name)
def test_a_view_shows_and_asks_for_fields_that_there_are(view: Component) -> None:
    for field in [*view.texts("columns"), *view.texts("filters", "field")]:
        assert field in IN_VIEWS or (field.endswith("__c") and _exists(view.sobject, field)), field
    assert len(view.texts("columns")) <= 15


def test_views_cannot_ask_for_long_texts() -> None:
    long = {name for name, field in FIELDS.items() if field.text("type") == "LongTextArea"}
    asked = {
        f"{view.sobject}.{field}" for view in of_kind("ListView").values() for field in view.texts("filters", "field")
    }
    assert not asked & long


@pytest.mark.parametrize("layout", of_kind("CompactLayout").values(), ids=lambda layout: layout.name)
def test_a_compact_layout_shows_fields_that_there_are(layout: Component) -> None:
    named = layout.texts("fields")
    assert 0 < len(named) <= 10
    assert [field for field in named if not _exists(layout.sobject, field)] == []


def test_the_objects_show_their_compact_layouts() -> None:
    for one in of_kind("CustomObject").values():
        assert f"{one.name}.{one.text('compactLayoutAssignment')}" in of_kind("CompactLayout")


@pytest.mark.parametrize("layout", of_kind("Layout").values(), ids=lambda layout: layout.name)
def test_a_layout_shows_fields_that_there_are_and_custom_ones_as_read_only(layout: Component) -> None:
    sobject = layout.name.partition("-")[0]
    items = layout.all("layoutSections", "layoutColumns", "layoutItems")
    named = [text(item, "field") or "" for item in items]
    assert len(named) == len(set(named))
    assert [name for name in named if name not in ON_LAYOUTS and not _exists(sobject, name)] == []
    behaviours = {text(item, "behavior") for item in items if (text(item, "field") or "").endswith("__c")}
    assert behaviours == {"Readonly"}
    own = {name.partition(".")[2] for name in FIELDS if name.startswith(f"{sobject}.")}
    assert own <= set(named)  # everything that the gateway says can be seen


@pytest.mark.parametrize("layout", of_kind("Layout").values(), ids=lambda layout: layout.name)
def test_a_related_list_shows_fields_of_its_object(layout: Component) -> None:
    for related in layout.all("relatedLists"):
        name = text(related, "relatedList") or ""
        sobject = "OrderItem" if name == "RelatedOrderItemList" else name.partition(".")[0]
        assert name == "RelatedOrderItemList" or name in FIELDS
        for child in related.findall(f"{NAMESPACE}fields"):
            custom = (child.text or "").endswith("__c")
            assert f"{sobject}.{child.text}" in FIELDS if custom else "__" not in (child.text or "")


def test_an_order_shows_its_lines_events_and_invoices() -> None:
    lists = of_kind("Layout")["Order-Threeway Order Layout"].texts("relatedLists", "relatedList")
    assert lists == ["RelatedOrderItemList", "Order_Event__c.Order__c", "Invoice__c.Order__c"]


def _shipped(part: str) -> dict[str, set[str]]:
    """What a part holds, as a manifest names it: messages by themselves, not by their file."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for one in components(part):
        if one.kind != "Workflow":
            found[one.kind].add(one.name)
    if part == FORCE_APP:
        found["WorkflowOutboundMessage"] = set(MESSAGES)
    return dict(found)


def _listed(path: Path) -> dict[str, set[str]]:
    found = {}
    for group in parse(path, forbid_dtd=True).getroot().findall(f"{NAMESPACE}types"):
        members = [member.text or "" for member in group.findall(f"{NAMESPACE}members")]
        assert members == sorted(members)
        found[text(group, "name") or ""] = set(members)
    return found


@pytest.mark.parametrize(("manifest", "part"), [("package.xml", FORCE_APP), ("signed-call.xml", SIGNED_CALL)])
def test_a_manifest_lists_every_component_and_no_other(manifest: str, part: str) -> None:
    assert _listed(PACKAGE / "manifest" / manifest) == _shipped(part)


def test_uninstalling_takes_away_everything_that_was_deployed() -> None:
    """What belongs to an object of the package goes with it."""
    own = {item.name for item in CUSTOM}
    expected = {
        kind: left
        for kind, names in _shipped(FORCE_APP).items()
        if (left := names if kind in {"CustomObject", "CustomTab"} else {n for n in names if not _belongs(n, own)})
    }
    assert _listed(PACKAGE / "manifest" / "uninstall" / "destructiveChanges.xml") == expected
    assert _listed(PACKAGE / "manifest" / "uninstall" / "package.xml") == {}


def _belongs(name: str, objects: set[str]) -> bool:
    return re.split(r"[.-]", name)[0] in objects


@pytest.mark.parametrize("path", sorted((PACKAGE / "manifest").rglob("*.xml")), ids=lambda path: path.name)
def test_a_manifest_is_of_the_version_of_the_project(path: Path) -> None:
    assert parse(path, forbid_dtd=True).getroot().findtext(f"{NAMESPACE}version") == "67.0"
