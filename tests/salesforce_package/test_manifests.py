"""The manifests name every component: what is deployed, and what is taken away again."""

from __future__ import annotations

from pathlib import Path

from tests.salesforce_package.package import (
    MAIN,
    OWN_OBJECTS,
    SALESFORCE,
    SIGNED_CALL,
    components,
    manifest,
    of_kind,
    project,
)


def of_folder(base: Path) -> dict[str, set[str]]:
    """What a manifest of a package directory has to name."""
    found: dict[str, set[str]] = {}
    for one in components(base):
        if one.kind == "Workflow":
            messages = one.texts("outboundMessages/fullName")
            found.setdefault("WorkflowOutboundMessage", set()).update(f"{one.name}.{name}" for name in messages)
        else:
            found.setdefault(one.kind, set()).add(one.full_name)
    return found


def test_the_manifest_names_every_component_and_no_other() -> None:
    assert manifest("package.xml") == of_folder(MAIN)


def test_the_signed_call_has_a_manifest_of_its_own() -> None:
    assert manifest("signed-call.xml") == of_folder(SIGNED_CALL)


def test_all_manifests_are_of_the_version_of_the_project() -> None:
    version = f"<version>{project()['sourceApiVersion']}</version>"
    found = list((SALESFORCE / "manifest").rglob("*.xml"))
    assert len(found) == 4
    assert [path.name for path in found if version not in path.read_text()] == []


def test_uninstalling_takes_away_everything_and_nothing_of_salesforce_itself() -> None:
    gone = manifest("uninstall/destructiveChanges.xml")
    # What is part of an object goes with it, and naming it twice is an error.
    expected = {
        kind: {name for name in names if kind == "CustomObject" or name.split(".")[0].split("-")[0] not in OWN_OBJECTS}
        for kind, names in of_folder(MAIN).items()
    }
    expected["CustomTab"] = {one.name for one in of_kind("CustomTab")}
    assert gone == expected
    assert manifest("uninstall/package.xml") == {}
