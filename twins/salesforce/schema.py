"""The shape of an org as data: objects, fields, relationships, and the describe answers made from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

NUMERIC = frozenset({"double", "currency", "percent"})
TEXTUAL = frozenset({"string", "textarea", "picklist", "url", "phone", "email"})
SOAP_TYPES = {"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "date": "xsd:date", "int": "xsd:int"}


@dataclass(frozen=True)
class Field:
    """One field; `scale` counts the digits after the point and `length` characters."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    default: object = None
    createable: bool = True
    updateable: bool = True
    calculated: bool = False
    auto_number: str = ""
    to: tuple[str, ...] = ()
    relationship: str = ""
    child_relationship: str = ""
    open_to_all: bool = False

    @property
    def permissionable(self) -> bool:
        """True for a field whose visibility is a matter of permission sets; a required field is seen by everybody."""
        return not (self.required or self.open_to_all or self.type == "id")

    @property
    def custom(self) -> bool:
        """True for a field that an administrator added."""
        return self.name.endswith("__c")

    @property
    def numeric(self) -> bool:
        """True for fields kept as integers scaled by ten to the power of `scale`."""
        return self.type in NUMERIC

    @property
    def textual(self) -> bool:
        """True for fields compared as text, without regard to case unless `case_sensitive`."""
        return self.type in TEXTUAL


@dataclass(frozen=True)
class SObject:
    """One object with its own fields; the system fields are added by `org_schema`."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: tuple[Field, ...]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    recycle_bin: bool = True
    system_fields: bool = True
    by_name: dict[str, Field] = field(default_factory=dict, compare=False)

    @property
    def custom(self) -> bool:
        """True for an object that an administrator added."""
        return self.name.endswith("__c")

    def field_named(self, name: str) -> Field | None:
        """The field of that name, whatever the case; None when there is none."""
        return self.by_name.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """The reference field whose parent relationship has that name."""
        wanted = name.lower()
        return next((f for f in self.fields if f.relationship and f.relationship.lower() == wanted), None)


class Schema:
    """All objects of the org, found by name without regard to case."""

    def __init__(self, objects: tuple[SObject, ...]) -> None:
        self._shipped = objects
        self._objects = {o.name.lower(): o for o in objects}

    def __iter__(self) -> Any:
        return iter(self._objects.values())

    def find(self, name: str) -> SObject | None:
        """The object of that name or None."""
        return self._objects.get(name.lower())

    def get(self, name: str) -> SObject:
        """The object of that name, which the caller knows to exist."""
        return self._objects[name.lower()]

    def by_prefix(self, prefix: str) -> SObject | None:
        """The object whose ids begin with those three characters."""
        return next((o for o in self if o.prefix == prefix), None)

    def child(self, parent: SObject, relationship: str) -> tuple[SObject, Field] | None:
        """The child object and its reference field behind a child relationship of `parent`."""
        wanted = relationship.lower()
        for candidate, reference in self.children(parent):
            if reference.child_relationship.lower() == wanted:
                return candidate, reference
        return None

    def set_values(self, sobject: str, field: str, values: tuple[str, ...]) -> None:
        """Give a picklist other values."""
        found = self.get(sobject)
        fields = tuple(replace(f, values=values) if f.name == field else f for f in found.fields)
        self._objects[sobject.lower()] = replace(found, fields=fields, by_name={f.name.lower(): f for f in fields})

    def restore_values(self) -> None:
        """Give every picklist the values that it had at first."""
        self._objects = {o.name.lower(): o for o in self._shipped}

    def children(self, parent: SObject) -> list[tuple[SObject, Field]]:
        """Every (object, reference field) that offers a child relationship to `parent`."""
        return [(o, f) for o in self for f in o.fields if f.child_relationship and parent.name in f.to]


def complete(sobject: SObject) -> SObject:
    """Add Id and the system fields, and index the fields by lower-case name."""
    fields = (_read_only("Id", "id", "Record ID", length=18), *sobject.fields)
    if sobject.system_fields:
        fields += SYSTEM_FIELDS
    return replace(sobject, fields=fields, by_name={f.name.lower(): f for f in fields})


def _read_only(name: str, kind: str, label: str, **more: Any) -> Field:
    return Field(name, kind, label, createable=False, updateable=False, open_to_all=True, **more)


SYSTEM_FIELDS = (
    _read_only("IsDeleted", "boolean", "Deleted"),
    _read_only("CreatedDate", "datetime", "Created Date"),
    _read_only("CreatedById", "reference", "Created By ID", length=18, to=("User",), relationship="CreatedBy"),
    _read_only("LastModifiedDate", "datetime", "Last Modified Date"),
    _read_only(
        "LastModifiedById", "reference", "Last Modified By ID", length=18, to=("User",), relationship="LastModifiedBy"
    ),
    _read_only("SystemModstamp", "datetime", "System Modstamp"),
)


def describe_field(item: Field) -> dict[str, Any]:
    """One entry of `fields` in a describe answer."""
    picklist = [
        {"active": True, "defaultValue": value == item.default, "label": value, "validFor": None, "value": value}
        for value in item.values
    ]
    return {
        "name": item.name,
        "label": item.label or item.name,
        "type": item.type,
        "soapType": SOAP_TYPES.get(item.type, "xsd:double" if item.numeric else "xsd:string"),
        "length": item.length,
        "byteLength": item.length * 3 if item.type not in {"id", "reference"} else item.length,
        "precision": item.precision,
        "scale": item.scale,
        "digits": 0,
        "custom": item.custom,
        "externalId": item.external_id,
        "idLookup": item.type == "id" or item.external_id,
        "unique": item.unique,
        "caseSensitive": item.case_sensitive,
        "nillable": not item.required and item.type not in {"id", "boolean"},
        "createable": item.createable,
        "updateable": item.updateable,
        "calculated": item.calculated,
        "autoNumber": bool(item.auto_number),
        "defaultedOnCreate": item.default is not None or item.type == "boolean" or not item.createable,
        "defaultValue": item.default,
        "filterable": item.type != "textarea",
        "sortable": item.type != "textarea",
        "groupable": not item.numeric and item.type != "textarea",
        "aggregatable": True,
        "nameField": item.name == "Name",
        "picklistValues": picklist,
        "restrictedPicklist": item.restricted,
        "referenceTo": list(item.to),
        "relationshipName": item.relationship or None,
        "permissionable": item.permissionable,
        "deprecatedAndHidden": False,
    }


def summarise(sobject: SObject, base: str) -> dict[str, Any]:
    """The entry of the object in `/sobjects`; `base` is the path up to and including the version."""
    root = f"{base}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": sobject.custom,
        "customSetting": False,
        "createable": sobject.createable,
        "updateable": sobject.updateable,
        "deletable": sobject.deletable,
        "undeletable": sobject.deletable and sobject.recycle_bin,
        "queryable": True,
        "retrieveable": True,
        "replicateable": sobject.system_fields,
        "layoutable": True,
        "searchable": True,
        "triggerable": True,
        "deprecatedAndHidden": False,
        "urls": {"sobject": root, "describe": f"{root}/describe", "rowTemplate": root + "/{ID}"},
    }


def describe(schema: Schema, sobject: SObject, base: str) -> dict[str, Any]:
    """The full describe answer of one object."""
    children = [
        {
            "cascadeDelete": child.name == "OrderItem",
            "childSObject": child.name,
            "field": reference.name,
            "relationshipName": reference.child_relationship,
            "deprecatedAndHidden": False,
        }
        for child, reference in schema.children(sobject)
    ]
    return {
        **summarise(sobject, base),
        "fields": [describe_field(item) for item in sobject.fields],
        "childRelationships": children,
        "recordTypeInfos": [],
    }
