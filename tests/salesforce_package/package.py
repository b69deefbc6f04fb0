"""The package for Salesforce as the tests see it: every metadata file, parsed, with what it defines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import parse

from tests.architecture.project import ROOT

SALESFORCE = ROOT / "salesforce"
MAIN = SALESFORCE / "force-app" / "main" / "default"
SIGNED_CALL = SALESFORCE / "signed-call" / "main" / "default"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
# The type of a file by how its name ends.
TYPES = {
    "cls": "ApexClass",
    "compactLayout": "CompactLayout",
    "customPermission": "CustomPermission",
    "externalCredential": "ExternalCredential",
    "field": "CustomField",
    "flow": "Flow",
    "globalValueSet": "GlobalValueSet",
    "layout": "Layout",
    "listView": "ListView",
    "namedCredential": "NamedCredential",
    "object": "CustomObject",
    "permissionset": "PermissionSet",
    "tab": "CustomTab",
    "workflow": "Workflow",
}
OWN_OBJECTS = {"Order_Event__c", "Invoice__c", "Inventory_Level__c"}


class Component(NamedTuple):
    """One metadata file. `name` is its own, `parent` the object that it belongs to (empty: none)."""

    path: Path
    kind: str
    parent: str
    name: str

    @property
    def root(self) -> Element:
        """Its root element; DTDs and entities are refused."""
        found = parse(self.path, forbid_dtd=True).getroot()
        assert found is not None
        return found

    @property
    def full_name(self) -> str:
        """As a manifest names it."""
        return f"{self.parent}.{self.name}" if self.parent and self.kind != "CustomObject" else self.name

    def text(self, path: str) -> str | None:
        """The text of an element, or None."""
        return self.root.findtext(namespaced(path))

    def texts(self, path: str) -> list[str]:
        """The texts of all elements of that path."""
        return [str(one.text) for one in self.root.findall(namespaced(path))]


def namespaced(path: str) -> str:
    """A path of plain names as a path of metadata elements."""
    return "/".join(part if part in {".", ".."} else NAMESPACE + part for part in path.split("/"))


@cache
def components(base: Path) -> tuple[Component, ...]:
    """Every metadata file below a package directory."""
    return tuple(_component(path, base) for path in sorted(base.rglob("*-meta.xml")))


def _component(path: Path, base: Path) -> Component:
    name, _, suffix = path.name.removesuffix("-meta.xml").rpartition(".")
    folders = path.relative_to(base).parts
    return Component(path, TYPES[suffix], folders[1] if folders[0] == "objects" else "", name)


def of_kind(kind: str, base: Path = MAIN) -> Iterator[Component]:
    """The files of one type."""
    return (one for one in components(base) if one.kind == kind)


def every_component() -> list[Component]:
    """The files of all package directories."""
    return [one for base in (MAIN, SIGNED_CALL) for one in components(base)]


@cache
def fields(base: Path = MAIN) -> dict[str, Component]:
    """The custom fields by `Object.Field__c`."""
    return {one.full_name: one for one in of_kind("CustomField", base)}


def picklist_values(field: Component) -> tuple[str, ...]:
    """The values of a picklist field, from its own definition or its global value set."""
    named = field.text("valueSet/valueSetName")
    if named is None:
        return tuple(field.texts("valueSet/valueSetDefinition/value/fullName"))
    (found,) = (one for one in of_kind("GlobalValueSet") if one.name == named)
    return tuple(found.texts("customValue/fullName"))


def project() -> dict[str, Any]:
    """`sfdx-project.json`."""
    found: dict[str, Any] = json.loads((SALESFORCE / "sfdx-project.json").read_text())
    return found


def manifest(name: str) -> dict[str, set[str]]:
    """The members of a manifest by type."""
    root = parse(SALESFORCE / "manifest" / name, forbid_dtd=True).getroot()
    assert root is not None
    return {
        str(one.findtext(namespaced("name"))): {str(member.text) for member in one.findall(namespaced("members"))}
        for one in root.findall(namespaced("types"))
    }
