"""The package has exactly the fields that the adapter uses, as the stand-in declares them; rights cover these alone."""

from __future__ import annotations

import pytest

from adapters.salesforce.connection import SalesforceNames
from adapters.salesforce.schema import needs
from tests.salesforce_package.metadata import NAMESPACE, SIGNED_CALL, Component, fields, of_kind, text
from twins.salesforce.objects import CUSTOM, STANDARD
from twins.salesforce.schema import Field

FIELDS = fields()
NEEDS = needs(SalesforceNames())
USED = {
    f"{need.sobject}.{name}"
    for need in NEEDS
    for name in (*need.read, *need.written, need.external_id)
    if name and name.endswith("__c")
}
# Written, or given to the upsert that finds the record by it.
WRITTEN = {f"{need.sobject}.{name}" for need in NEEDS for name in (*need.written, need.external_id) if name}
TWIN = {
    f"{sobject.name}.{item.name}": item
    for sobject in (*STANDARD, *CUSTOM)
    for item in sobject.fields
    if item.name.endswith("__c")
}
KINDS = {"double": "Number", "currency": "Currency", "boolean": "Checkbox", "picklist": "Picklist"}
KINDS |= {"reference": "Lookup", "date": "Date", "datetime": "DateTime", "textarea": "LongTextArea", "string": "Text"}
PERMISSIONS = of_kind("PermissionSet")
INTEGRATION, SALES = PERMISSIONS["Threeway_Integration"], PERMISSIONS["Threeway_Sales"]
OWN = {"Order_Event__c", "Invoice__c", "Inventory_Level__c"}
# Standard fields without which the API user would see nothing; all others of the adapter are required or always shown.
STANDARD_RIGHTS = {"Order.PoNumber"}


def _field_rights(permissions: Component) -> dict[str, tuple[bool, bool]]:
    return {
        str(text(right, "field")): (text(right, "readable") == "true", text(right, "editable") == "true")
        for right in permissions.all("fieldPermissions")
    }


def _object_rights(permissions: Component) -> dict[str, set[str]]:
    return {
        str(text(right, "object")): {
            child.tag.removeprefix(NAMESPACE) for child in right if child.text == "true" and child.tag
        }
        for right in permissions.all("objectPermissions")
    }


def test_the_fields_are_those_that_the_adapter_names_and_no_others() -> None:
    assert set(FIELDS) == USED


def test_every_configurable_name_of_a_custom_field_is_shipped() -> None:
    """Checked against the names themselves, so that a name that no need lists is found too."""
    named = {
        f"{part['sobject']}.{value}"
        for part in SalesforceNames().model_dump().values()
        for value in part.values()
        if isinstance(value, str) and value.endswith("__c") and value != part["sobject"]
    }
    assert named == set(FIELDS)


def test_the_stand_in_has_the_same_fields() -> None:
    assert set(TWIN) == set(FIELDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_is_of_the_type_that_the_stand_in_declares(name: str) -> None:
    shipped, twin = FIELDS[name], TWIN[name]
    assert shipped.text("type") == KINDS[twin.type]
    assert (shipped.text("externalId") == "true", shipped.text("unique") == "true") == (twin.external_id, twin.unique)
    assert (shipped.text("caseSensitive") == "true") == twin.case_sensitive
    assert _measures(shipped) == _measures_of(twin)


def _measures(shipped: Component) -> tuple[str | None, ...]:
    return tuple(
        shipped.text(tag) for tag in ("length", "precision", "scale", "referenceTo", "relationshipName", "defaultValue")
    )


def _measures_of(twin: Field) -> tuple[str | None, ...]:
    return (
        str(twin.length) if twin.type in {"string", "textarea"} else None,
        *((str(twin.precision), str(twin.scale)) if twin.numeric else (None, None)),
        twin.to[0] if twin.to else None,
        twin.child_relationship.removesuffix("__r") or None,
        str(twin.default).lower() if twin.type == "boolean" else None,
    )


def test_parents_are_looked_up_and_never_masters() -> None:
    """A child of a master locks it with every write: orders would fail while their invoices are written."""
    lookups = [one for one in FIELDS.values() if one.text("referenceTo")]
    assert {one.name for one in lookups} == {
        "Order_Event__c.Order__c",
        "Invoice__c.Order__c",
        "Inventory_Level__c.Product__c",
    }
    assert {(one.text("type"), one.text("deleteConstraint")) for one in lookups} == {("Lookup", "SetNull")}


def test_what_the_adapter_cuts_fits_into_its_field() -> None:
    names = SalesforceNames()
    for field, length in (
        ("Order.Gateway_Message__c", names.order.gateway_message_length),
        ("Order_Event__c.Note__c", names.order_event.note_length),
        ("Inventory_Level__c.Basis__c", names.inventory.basis_length),
    ):
        assert length <= int(FIELDS[field].text("length") or 0)


def test_the_objects_are_numbered_shown_and_closed_to_changes_by_others() -> None:
    objects = of_kind("CustomObject")
    assert set(objects) == OWN == {item.name for item in CUSTOM}
    for one in objects.values():
        assert one.text("deploymentStatus") == "Deployed"
        assert one.text("sharingModel") == "Read"
        assert one.text("nameField", "type") == "AutoNumber"
        bulk = [one.text(f"enable{word}") for word in ("BulkApi", "Sharing", "StreamingApi")]
        assert bulk == ["true"] * 3  # Salesforce takes them together only
        twin = next(item for item in CUSTOM if item.name == one.name)
        assert (one.text("label"), one.text("pluralLabel")) == (twin.label, twin.plural)
        digits = (one.text("nameField", "displayFormat") or "").partition("{")
        assert f"{digits[0]}{{:0{len(digits[2]) - 1}d}}" == twin.fields[0].auto_number


def test_each_object_of_the_package_has_a_tab() -> None:
    assert set(of_kind("CustomTab")) == OWN
    assert {text(one, "tab") for one in SALES.all("tabSettings")} == OWN


def test_the_integration_user_may_write_what_the_adapter_writes_and_read_what_it_reads() -> None:
    expected = {name: (True, name in WRITTEN) for name in USED | STANDARD_RIGHTS}
    assert _field_rights(INTEGRATION) == expected


def test_the_integration_user_may_create_only_records_of_the_gateways_own() -> None:
    expected = {}
    for need in NEEDS:
        if need.sobject == "OrderItem":  # has the rights of its order
            continue
        rights = {"allowRead", "allowEdit", *({"allowCreate"} if need.created else ())}
        expected[need.sobject] = rights | ({"viewAllRecords"} if need.sobject != "Product2" else set())
    assert _object_rights(INTEGRATION) == expected


def test_the_integration_user_has_two_rights_of_the_org_and_the_mark_of_the_gateway() -> None:
    rights = {(text(one, "name"), text(one, "enabled")) for one in INTEGRATION.all("userPermissions")}
    assert rights == {("ApiEnabled", "true"), ("EditActivatedOrders", "true")}
    assert INTEGRATION.texts("customPermissions", "name") == list(of_kind("CustomPermission"))


def test_sales_reads_all_of_it_and_writes_none() -> None:
    assert _field_rights(SALES) == dict.fromkeys(FIELDS, (True, False))
    assert _object_rights(SALES) == {name: {"allowRead"} for name in OWN}
    assert SALES.all("userPermissions") == []
    assert SALES.all("customPermissions") == []


def test_the_signed_call_gives_nothing_but_itself() -> None:
    (only,) = of_kind("PermissionSet", SIGNED_CALL).values()
    assert only.texts("classAccesses", "apexClass") == ["ThreewayHook"]
    assert not only.all("fieldPermissions") + only.all("objectPermissions") + only.all("userPermissions")
