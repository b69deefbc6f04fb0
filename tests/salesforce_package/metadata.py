"""The Salesforce package as its tests read it: components by type and name, with the elements that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import parse

from tests.architecture.project import ROOT

PACKAGE = ROOT / "salesforce"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
FORCE_APP, SIGNED_CALL = "force-app", "signed-call"
# Children of an object have its name before theirs.
OF_AN_OBJECT = {
    "field-meta": "CustomField",
    "listView-meta": "ListView",
    "compactLayout-meta": "CompactLayout",
}
KINDS = {
    **OF_AN_OBJECT,
    "object-meta": "CustomObject",
    "globalValueSet-meta": "GlobalValueSet",
    "permissionset-meta": "PermissionSet",
    "customPermission-meta": "CustomPermission",
    "flow-meta": "Flow",
    "workflow-meta": "Workflow",
    "layout-meta": "Layout",
    "tab-meta": "CustomTab",
    "cls-meta": "ApexClass",
    "namedCredential-meta": "NamedCredential",
    "externalCredential-meta": "ExternalCredential",
}


@dataclass(frozen=True)
class Component:
    """One file of metadata; `name` is the full name, such as `Order.Gateway_Status__c`."""

    kind: str
    name: str
    path: Path
    root: Element

    @property
    def own_name(self) -> str:
        """The name without that of the object."""
        return self.name.rpartition(".")[2]

    @property
    def sobject(self) -> str:
        """The object that a child belongs to."""
        return self.name.partition(".")[0]

    def text(self, *tags: str) -> str | None:
        """The text of the first element at this path; None where there is none."""
        return text(self.root, *tags)

    def texts(self, *tags: str) -> list[str]:
        """The texts of all elements at this path."""
        return [found.text or "" for found in self.all(*tags)]

    def all(self, *tags: str) -> list[Element]:
        """All elements at this path."""
        return self.root.findall("/".join(NAMESPACE + tag for tag in tags))


def text(element: Element, *tags: str) -> str | None:
    """The text of the first element at this path below another one."""
    return element.findtext("/".join(NAMESPACE + tag for tag in tags))


@cache
def components(part: str = FORCE_APP) -> tuple[Component, ...]:
    """Every component of a part of the package, in the order of their paths."""
    return tuple(_read(path) for path in sorted((PACKAGE / part).rglob("*-meta.xml")))


def of_kind(kind: str, part: str = FORCE_APP) -> dict[str, Component]:
    """The components of one type by their full names."""
    return {one.name: one for one in components(part) if one.kind == kind}


def fields() -> dict[str, Component]:
    """The custom fields, by `Object.Field`."""
    return of_kind("CustomField")


def _read(path: Path) -> Component:
    name, _, ending = path.name.removesuffix(".xml").rpartition(".")
    kind = KINDS[ending]
    full = f"{path.parent.parent.name}.{name}" if ending in OF_AN_OBJECT else name
    return Component(kind, full, path, parse(path, forbid_dtd=True).getroot())
