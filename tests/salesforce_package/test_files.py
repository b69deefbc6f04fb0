"""Every file of the Salesforce package is well-formed metadata of its type, named as its file, within the limits."""

from __future__ import annotations

import json
import re

import pytest

from tests.salesforce_package.metadata import (
    FORCE_APP,
    KINDS,
    NAMESPACE,
    PACKAGE,
    SIGNED_CALL,
    Component,
    components,
)

EVERYTHING = components(FORCE_APP) + components(SIGNED_CALL)
API_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__c)?")
LABEL, API_NAME_LENGTH, HELP, DESCRIPTION = 40, 40, 510, 1000
REQUIRED = {
    "CustomField": {"fullName", "label", "type"},
    "CustomObject": {"label"},
    "ListView": {"fullName", "label", "filterScope", "columns"},
    "CompactLayout": {"fullName", "label", "fields"},
    "GlobalValueSet": {"masterLabel", "sorted", "customValue"},
    "PermissionSet": {"label", "hasActivationRequired"},
    "CustomPermission": {"label", "isLicensed"},
    "Flow": {"apiVersion", "label", "processType", "start", "status", "interviewLabel"},
    "Workflow": {"outboundMessages"},
    "Layout": {"layoutSections"},
    "CustomTab": {"customObject", "motif"},
    "ApexClass": {"apiVersion", "status"},
    "NamedCredential": {"label", "namedCredentialType", "namedCredentialParameters"},
    "ExternalCredential": {"label", "authenticationProtocol", "externalCredentialParameters"},
}
OF_A_TYPE = {
    "Text": {"length"},
    "LongTextArea": {"length", "visibleLines"},
    "Number": {"precision", "scale"},
    "Currency": {"precision", "scale"},
    "Checkbox": {"defaultValue"},
    "Picklist": {"valueSet"},
    "Lookup": {"referenceTo", "relationshipName", "relationshipLabel", "deleteConstraint"},
    "Date": set[str](),
    "DateTime": set[str](),
}
every_component = pytest.mark.parametrize("one", EVERYTHING, ids=lambda one: f"{one.kind} {one.name}")


def _tags(one: Component) -> set[str]:
    return {child.tag.removeprefix(NAMESPACE) for child in one.root}


def test_there_is_nothing_but_metadata_and_the_sources_of_classes() -> None:
    files = [path for part in (FORCE_APP, SIGNED_CALL) for path in (PACKAGE / part).rglob("*") if path.is_file()]
    sources = {path for path in files if path.suffix == ".cls"}
    assert {path for path in files if not path.name.endswith("-meta.xml")} == sources
    assert {path.with_name(f"{path.name}-meta.xml") for path in sources} <= set(files)


def test_every_type_that_is_known_here_is_shipped() -> None:
    assert {one.kind for one in EVERYTHING} == set(KINDS.values())


@every_component
def test_a_file_is_of_its_type_and_holds_what_the_type_requires(one: Component) -> None:
    assert one.root.tag == NAMESPACE + one.kind
    assert REQUIRED[one.kind] <= _tags(one)


@every_component
def test_an_element_of_a_single_value_stands_once(one: Component) -> None:
    for tag in ("fullName", "label", "description", "type", "length", "sharingModel", "masterLabel"):
        assert len(one.all(tag)) <= 1, tag


@every_component
def test_a_name_is_that_of_the_file_and_within_the_limits(one: Component) -> None:
    if one.kind == "Layout":  # the layout's name is a label
        assert len(one.name.partition("-")[2]) <= 80
        return
    assert one.text("fullName") in {None, one.own_name}
    assert API_NAME.fullmatch(one.own_name)
    assert len(one.own_name.removesuffix("__c")) <= API_NAME_LENGTH


@every_component
def test_labels_and_words_for_people_are_within_the_limits(one: Component) -> None:
    label = one.text("label") or one.text("masterLabel")
    if "label" in REQUIRED[one.kind] or label is not None:
        assert label
        assert len(label) <= (255 if one.kind == "Flow" else LABEL)
    assert len(one.text("pluralLabel") or "") <= LABEL
    assert len(one.text("inlineHelpText") or "") <= HELP
    assert len(one.text("description") or "") <= (255 if one.kind == "CustomPermission" else DESCRIPTION)


@pytest.mark.parametrize("one", [one for one in EVERYTHING if one.kind == "CustomField"], ids=lambda one: one.name)
def test_a_field_holds_what_its_type_requires_and_explains_itself(one: Component) -> None:
    kind = one.text("type")
    assert kind in OF_A_TYPE
    assert OF_A_TYPE[kind] <= _tags(one)
    assert {"description", "inlineHelpText"} <= _tags(one)
    assert ("length" in _tags(one)) == (kind in {"Text", "LongTextArea"})
    assert one.text("required") in {None, "false"}  # permission sets cannot give required fields, and deployments fail


def test_relationships_to_one_object_have_names_of_their_own() -> None:
    pairs = [
        (one.text("referenceTo"), one.text("relationshipName"))
        for one in EVERYTHING
        if one.text("type") == "Lookup" and one.kind == "CustomField"
    ]
    assert len(pairs) == len(set(pairs)) > 0


def test_the_package_has_fewer_external_ids_than_an_object_may_have() -> None:
    keys = [one.sobject for one in EVERYTHING if one.text("externalId") == "true"]
    assert max(keys.count(name) for name in keys) == 1


def test_one_version_of_the_api_is_used_throughout() -> None:
    project = json.loads((PACKAGE / "sfdx-project.json").read_text())
    versions = {version for one in EVERYTHING for version in one.texts("apiVersion")}
    versions |= {version for one in EVERYTHING for version in one.texts("outboundMessages", "apiVersion")}
    assert versions == {project["sourceApiVersion"]}


def test_the_folders_of_the_project_exist() -> None:
    project = json.loads((PACKAGE / "sfdx-project.json").read_text())
    folders = [entry["path"] for entry in project["packageDirectories"]]
    assert folders == [FORCE_APP, SIGNED_CALL]
    assert [entry["path"] for entry in project["packageDirectories"] if entry.get("default")] == [FORCE_APP]
    assert all((PACKAGE / folder).is_dir() for folder in folders)


def test_what_is_put_in_while_deploying_stands_in_its_file() -> None:
    """A replacement that finds nothing would deploy the placeholder."""
    project = json.loads((PACKAGE / "sfdx-project.json").read_text())
    placeholders = {
        (path, word)
        for path in (str(file.path.relative_to(PACKAGE)) for file in EVERYTHING)
        for word in ("gateway.example.com/hooks", "integration.user@", ">https://gateway.example.com<")
        if word in (PACKAGE / path).read_text()
    }
    replaced = {(entry["filename"], entry["stringToReplace"]) for entry in project["replacements"]}
    assert all(word in (PACKAGE / path).read_text() for path, word in replaced)
    assert {path for path, _ in placeholders} == {path for path, _ in replaced}
    assert len(placeholders) == len(replaced)
    assert all(entry["replaceWithEnv"].startswith("GATEWAY_") for entry in project["replacements"])


def test_no_secret_is_part_of_the_source() -> None:
    for one in EVERYTHING:
        for address in one.texts("outboundMessages", "endpointUrl"):
            assert address.endswith("/HOOK-SECRET")
