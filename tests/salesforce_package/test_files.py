"""Each file is metadata of its type, as the Metadata API demands it."""

from __future__ import annotations

import re

import pytest

from tests.salesforce_package.package import (
    MAIN,
    NAMESPACE,
    OWN_OBJECTS,
    SALESFORCE,
    SIGNED_CALL,
    TYPES,
    Component,
    components,
    every_component,
    namespaced,
    of_kind,
    project,
)

ALL = every_component()
REQUIRED = {
    "ApexClass": ("apiVersion", "status"),
    "CompactLayout": ("fullName", "label", "fields"),
    "CustomField": ("fullName", "label", "type", "description", "inlineHelpText"),
    "CustomObject": ("label", "description", "visibility"),
    "CustomPermission": ("label", "isLicensed", "description"),
    "CustomTab": ("customObject", "motif"),
    "ExternalCredential": ("label", "authenticationProtocol"),
    "Flow": ("label", "apiVersion", "description", "processType", "status", "start/object", "start/triggerType"),
    "GlobalValueSet": ("masterLabel", "sorted", "customValue"),
    "Layout": ("layoutSections",),
    "ListView": ("fullName", "label", "filterScope", "columns"),
    "NamedCredential": ("label", "namedCredentialType"),
    "PermissionSet": ("label", "description", "hasActivationRequired"),
    "Workflow": ("outboundMessages/fullName", "outboundMessages/endpointUrl", "outboundMessages/integrationUser"),
}
BY_TYPE_OF_FIELD = {
    "Checkbox": {"defaultValue"},
    "Currency": {"precision", "scale"},
    "Date": set(),
    "DateTime": set(),
    "LongTextArea": {"length", "visibleLines"},
    "Lookup": {"referenceTo", "relationshipName", "relationshipLabel", "deleteConstraint"},
    "Number": {"precision", "scale"},
    "Picklist": {"valueSet"},
    "Text": {"length"},
}
TYPE_BOUND = set.union(*BY_TYPE_OF_FIELD.values())
LABELS = {
    "CustomField": ("label", 40),
    "CustomObject": ("label", 40),
    "ListView": ("label", 40),
    "CompactLayout": ("label", 80),
    "PermissionSet": ("label", 80),
    "CustomPermission": ("label", 80),
    "Flow": ("label", 80),
    "GlobalValueSet": ("masterLabel", 80),
}
API_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?!_)){0,39}")


def ids(component: Component) -> str:
    return component.path.name


def test_every_file_is_metadata_of_a_known_type() -> None:
    apex = set(SIGNED_CALL.rglob("*.cls"))
    known = {one.path for one in ALL} | apex
    found = {path for base in (MAIN, SIGNED_CALL) for path in base.rglob("*") if path.is_file()}
    assert found == known
    assert len(components(MAIN)) > 60
    assert {one.kind for one in ALL} <= {*TYPES.values()}


@pytest.mark.parametrize("component", ALL, ids=ids)
def test_a_file_is_well_formed_and_of_its_type(component: Component) -> None:
    text = component.path.read_text(encoding="utf-8")
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    assert component.root.tag == NAMESPACE + component.kind
    assert {one.tag[: len(NAMESPACE)] for one in component.root.iter()} == {NAMESPACE}
    missing = [path for path in REQUIRED[component.kind] if component.root.find(namespaced(path)) is None]
    assert missing == []


@pytest.mark.parametrize("component", [one for one in ALL if one.text("fullName")], ids=ids)
def test_a_file_is_named_like_what_it_defines(component: Component) -> None:
    assert component.text("fullName") == component.name


@pytest.mark.parametrize("component", [one for one in ALL if one.kind not in {"Layout", "Workflow"}], ids=ids)
def test_names_and_labels_keep_their_limits(component: Component) -> None:
    assert API_NAME.fullmatch(component.name.removesuffix("__c"))
    if component.kind in LABELS:
        path, longest = LABELS[component.kind]
        assert 0 < len(component.text(path) or "") <= longest
    assert len(component.text("description") or "") <= 255 or component.kind in {"CustomField", "CustomObject"}
    assert len(component.text("description") or "") <= 1000
    assert len(component.text("inlineHelpText") or "") <= 510


@pytest.mark.parametrize("component", ALL, ids=ids)
def test_elements_of_a_kind_stand_together(component: Component) -> None:
    """A deployment refuses an element that comes back after another one."""
    order = [one.tag for one in component.root]
    groups = [tag for at, tag in enumerate(order) if at == 0 or order[at - 1] != tag]
    assert len(groups) == len(set(groups))


@pytest.mark.parametrize("field", [one for one in ALL if one.kind == "CustomField"], ids=lambda one: one.full_name)
def test_a_field_has_what_its_type_needs_and_nothing_else(field: Component) -> None:
    needed = BY_TYPE_OF_FIELD[str(field.text("type"))]
    assert {one.tag.removeprefix(NAMESPACE) for one in field.root} & TYPE_BOUND == needed
    if field.text("precision"):
        assert int(field.text("scale") or 0) <= int(field.text("precision") or 0) <= 18
    if field.text("type") == "Text":
        assert 1 <= int(field.text("length") or 0) <= 255
    if field.text("externalId") == "true":
        assert (field.text("type"), field.text("unique")) == ("Text", "true")
        assert field.text("caseSensitive") in {"true", "false"}
    if field.text("valueSet/restricted"):
        assert field.text("valueSet/restricted") == "true"


def test_relationships_have_names_of_their_own() -> None:
    lookups = [one for one in of_kind("CustomField") if one.text("type") == "Lookup"]
    names = [(one.text("referenceTo"), one.text("relationshipName")) for one in lookups]
    assert len(set(names)) == len(names) == 3


@pytest.mark.parametrize("name", sorted(OWN_OBJECTS))
def test_an_object_is_numbered_searchable_and_read_by_everybody(name: str) -> None:
    (found,) = (one for one in of_kind("CustomObject") if one.name == name)
    assert found.text("nameField/type") == "AutoNumber"
    assert re.search(r"\{0+\}", found.text("nameField/displayFormat") or "")
    assert (found.text("sharingModel"), found.text("externalSharingModel")) == ("Read", "Private")
    assert found.text("deploymentStatus") == "Deployed"
    switches = ("enableBulkApi", "enableSharing", "enableStreamingApi")
    assert {found.text(one) for one in switches} == {"true"}, "these three go together"
    compact = [one.name for one in of_kind("CompactLayout") if one.parent == name]
    assert [found.text("compactLayoutAssignment")] == compact
    tracked = [one for one in of_kind("CustomField") if one.parent == name and one.text("trackHistory") == "true"]
    assert bool(tracked) == (found.text("enableHistory") == "true")
    assert [one.name for one in of_kind("CustomTab") if one.name == name] == [name]
    assert [one for one in of_kind("Layout") if one.name.startswith(f"{name}-")] != []


def test_fields_of_standard_objects_track_no_history() -> None:
    """It would have to be switched on for the object as a whole, and order events are the history."""
    tracked = [one.full_name for one in of_kind("CustomField") if one.text("trackHistory") == "true"]
    assert {name.split(".")[0] for name in tracked} <= OWN_OBJECTS


def test_no_lookup_is_a_master_detail_relationship() -> None:
    """Writing a detail locks its master: orders, events and invoices are written side by side."""
    assert "MasterDetail" not in {one.text("type") for one in of_kind("CustomField")}


def test_versions_are_those_of_the_project() -> None:
    version = project()["sourceApiVersion"]
    assert {text for one in ALL if (text := one.text("apiVersion"))} == {version}
    assert {text for one in of_kind("Workflow") for text in one.texts("outboundMessages/apiVersion")} == {version}


def test_the_project_names_its_folders_and_puts_in_what_differs() -> None:
    told = project()
    assert {one["path"] for one in told["packageDirectories"]} == {"force-app", "signed-call"}
    assert [one["path"] for one in told["packageDirectories"] if one.get("default")] == ["force-app"]
    for one in told["replacements"]:
        text = (SALESFORCE / one["filename"]).read_text()
        assert one["stringToReplace"] in text
        assert not one.get("allowUnsetEnvVariable"), "a deployment that would send to nowhere has to fail"


def test_there_is_no_secret_and_no_address_of_somebody() -> None:
    hosts = {
        host
        for path in SALESFORCE.rglob("*")
        if path.is_file()
        for host in re.findall(r"https?://([^/\s\"<]+)", path.read_text(encoding="utf-8"))
    }
    assert hosts == {"soap.sforce.com", "login.salesforce.com", "gateway.example.com"}
